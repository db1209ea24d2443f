//! Probes: sent, passed on, turned around, and gathered.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;

use crate::{
    Action, Asked, BarrierId, Body, Control, Creator, DropReason, EndToEnd, Frame, Gateway,
    GatewayId, Hop, Now, PROBE_HOPS_MAX, Probe, ProbeEnd, ProbeHop, RegionId, ReplyBody, Trace,
    UnitId, gateway::ingress::flow_of, routes::Step,
};

/// Ways that are traced at a time.
const TRACES_MAX: usize = 16;
/// Probes that wait for the broker at a time; one more turns around without its time.
const WAITING_MAX: usize = 64;
/// What stands for the reply subject.
const REPLY_TO: &str = "probe";

/// Probes of ours that are under way, and those of others that wait for our broker.
///
/// Bounds: [`TRACES_MAX`], each until its deadline; [`WAITING_MAX`], each until the broker answers or
/// is gone.
#[derive(Debug, Default)]
pub(super) struct Probes {
    next: u64,
    tracing: BTreeMap<u64, Tracing>,
    waiting: Vec<Waiting>,
}

#[derive(Debug)]
struct Tracing {
    asked: Asked,
    to: RegionId,
    started: Now,
    timeout: Duration,
    /// Our own line.
    first: ProbeHop,
    /// The one that came back from farthest, and when.
    farthest: Option<(Probe, Now)>,
}

#[derive(Debug)]
struct Waiting {
    probe: Probe,
    came: Now,
    /// The barrier that tells, once it is asked.
    asked: Option<(BarrierId, Duration)>,
}

impl Probes {
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.tracing.values().map(|one| one.started.mono + one.timeout).min()
    }

    /// Whether a probe waits for the broker to be asked.
    pub(super) fn want_barrier(&self) -> bool {
        self.waiting.iter().any(|one| one.asked.is_none())
    }

    /// The broker is asked now.
    pub(super) fn on_barrier_asked(&mut self, barrier: BarrierId, now: Duration) {
        for one in self.waiting.iter_mut().filter(|one| one.asked.is_none()) {
            one.asked = Some((barrier, now));
        }
    }
}

impl Gateway {
    /// Traces the way to a region; [`Action::Traced`] follows within the timeout.
    pub(super) fn on_trace(
        &mut self,
        asked: Asked,
        to: RegionId,
        timeout: Duration,
        now: Now,
        out: &mut Vec<Action>,
    ) {
        let first = self.probe_hop(false, now);
        let id = self.probes.next;
        self.probes.next += 1;
        let tracing =
            Tracing { asked, to: to.clone(), started: now, timeout, first, farthest: None };
        if self.probes.tracing.len() >= TRACES_MAX || to == self.me.region {
            return out.push(traced(tracing));
        }
        self.probes.tracing.insert(id, tracing);
        for turn in 1..=self.config.limits.hops {
            let probe = Probe {
                creator: self.me.gateway.clone(),
                incarnation: self.me.incarnation,
                origin: self.me.region.clone(),
                id,
                to: to.clone(),
                flow: flow_of(&self.me.gateway, REPLY_TO),
                turn,
                ended: None,
                hops: Vec::new(),
            };
            self.pass(probe, now, now, out);
        }
        let sent = out.iter().rev().find_map(|action| {
            let Action::Control { message: Control::Probe(probe), .. } = action else {
                return None;
            };
            probe.hops.first()
        });
        if let (Some(tracing), Some(hop)) = (self.probes.tracing.get_mut(&id), sent) {
            tracing.first = hop.clone();
        }
    }

    /// A probe came from a peer.
    pub(super) fn on_probe(&mut self, probe: Probe, now: Now, out: &mut Vec<Action>) {
        let home = probe.creator == self.me.gateway;
        if home && probe.incarnation == self.me.incarnation && probe.ended.is_some() {
            return self.on_returned(probe, now, out);
        }
        if !home && probe.hops.len() < PROBE_HOPS_MAX {
            self.pass(probe, now, now, out);
        } // else: it circles, or is of an earlier life of ours.
    }

    /// Passes a probe on, or turns it around. It came at `came`.
    fn pass(&mut self, mut probe: Probe, came: Now, now: Now, out: &mut Vec<Action>) {
        if probe.ended.is_some() {
            return self.pass_back(probe, came, now, out);
        }
        let gateways = probe.hops.len();
        let step = if gateways > 0 && !self.carries(&probe) {
            Step::Drop(DropReason::TransitRefused)
        } else {
            self.next_step(&outward(&probe, &self.me.gateway))
        };
        match step {
            Step::Hop(_) if gateways >= usize::from(probe.turn) => {
                self.turn(probe, ProbeEnd::Turned, came, now, out);
            }
            Step::Hop(peer) => self.hop(&mut probe, peer, came, now, out),
            Step::Publish if self.probes.waiting.len() < WAITING_MAX => {
                self.probes.waiting.push(Waiting { probe, came, asked: None });
            }
            Step::Publish => self.turn(probe, ProbeEnd::Arrived, came, now, out),
            Step::Wait => self.turn(probe, ProbeEnd::NoWay, came, now, out),
            Step::Drop(reason) => self.turn(probe, ProbeEnd::Dropped(reason), came, now, out),
        }
    }

    /// Whether a frame that took this way would be carried on from here.
    fn carries(&self, probe: &Probe) -> bool {
        let from = probe.hops.last().map(|hop| &hop.gateway);
        let sibling = from
            .and_then(|gateway| self.peers.get(gateway))
            .is_some_and(|peer| peer.hello.region == self.me.region);
        let ours = probe.origin == self.me.region && sibling;
        probe.to == self.me.region || ours || self.carries_transit()
    }

    /// The line of this gateway ends the way out.
    fn turn(
        &mut self,
        mut probe: Probe,
        end: ProbeEnd,
        came: Now,
        now: Now,
        out: &mut Vec<Action>,
    ) {
        let mut hop = self.probe_hop(false, came);
        hop.stayed = now.mono.saturating_sub(came.mono);
        probe.hops.push(hop);
        probe.ended = Some(end);
        if probe.creator == self.me.gateway {
            return self.on_returned(probe, now, out);
        }
        self.pass_back(probe, now, now, out);
    }

    /// Towards the creator, as an answer of ours would go.
    fn pass_back(&mut self, mut probe: Probe, came: Now, now: Now, out: &mut Vec<Action>) {
        let linked = self.peers.get(&probe.creator).is_some_and(|peer| peer.takes_frames());
        let step = match linked {
            true => Step::Hop(probe.creator.clone()),
            false => self.next_step(&homeward(&probe, &self.me.gateway)),
        };
        if let Step::Hop(peer) = step {
            self.hop(&mut probe, peer, came, now, out);
        } // else: its creator will miss it.
    }

    fn hop(
        &mut self,
        probe: &mut Probe,
        peer: GatewayId,
        came: Now,
        now: Now,
        out: &mut Vec<Action>,
    ) {
        let Some(link) = self.peers.get(&peer).and_then(|one| one.open_link()) else { return };
        let mut hop = self.probe_hop(probe.ended.is_some(), came);
        hop.stayed = now.mono.saturating_sub(came.mono);
        hop.rtt = self.peers.get(&peer).and_then(|one| one.rtt);
        hop.queued = self.queues.lane_weight(&peer);
        hop.waited = self.queues.lane_wait(&peer, now.mono);
        hop.next = Some(peer);
        // Where it turned around the line is there already.
        match probe.hops.last_mut() {
            Some(last) if last.gateway == hop.gateway => {
                (last.next, last.rtt) = (hop.next, hop.rtt);
                (last.queued, last.waited) = (hop.queued, hop.waited);
            }
            Some(_) | None => probe.hops.push(hop),
        }
        out.push(Action::Control { link, message: Control::Probe(Box::new(probe.clone())) });
    }

    fn probe_hop(&self, back: bool, came: Now) -> ProbeHop {
        ProbeHop {
            gateway: self.me.gateway.clone(),
            region: self.me.region.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            back,
            at: came.unix,
            stayed: Duration::ZERO,
            next: None,
            rtt: None,
            waited: Duration::ZERO,
            queued: 0,
            broker: None,
        }
    }

    /// The broker has answered: the probes that waited for it turn around.
    pub(super) fn on_probe_barrier(&mut self, barrier: BarrierId, now: Now, out: &mut Vec<Action>) {
        let here = |one: &mut Waiting| one.asked.is_some_and(|(asked, _)| asked == barrier);
        let done: Vec<Waiting> = self.probes.waiting.extract_if(.., here).collect();
        for Waiting { probe, came, asked } in done {
            let broker = asked.map(|(_, at)| now.mono.saturating_sub(at));
            self.arrive(probe, broker, came, now, out);
        }
    }

    fn arrive(
        &mut self,
        mut probe: Probe,
        broker: Option<Duration>,
        came: Now,
        now: Now,
        out: &mut Vec<Action>,
    ) {
        let mut hop = self.probe_hop(false, came);
        hop.stayed = now.mono.saturating_sub(came.mono);
        hop.broker = broker;
        probe.hops.push(hop);
        probe.ended = Some(ProbeEnd::Arrived);
        self.pass_back(probe, now, now, out);
    }

    /// The broker is gone: probes that waited for it say so.
    pub(super) fn on_probe_broker_down(&mut self, now: Now, out: &mut Vec<Action>) {
        for Waiting { probe, came, .. } in std::mem::take(&mut self.probes.waiting) {
            self.turn(probe, ProbeEnd::Dropped(DropReason::BrokerAway), came, now, out);
        }
    }

    fn on_returned(&mut self, probe: Probe, now: Now, out: &mut Vec<Action>) {
        let Some(tracing) = self.probes.tracing.get_mut(&probe.id) else { return };
        let (id, over) = (probe.id, probe.ended != Some(ProbeEnd::Turned));
        let reach = |probe: &Probe| probe.hops.iter().filter(|hop| !hop.back).count();
        if tracing.farthest.as_ref().is_none_or(|(best, _)| reach(best) < reach(&probe)) {
            tracing.farthest = Some((probe, now));
        }
        if over && let Some(tracing) = self.probes.tracing.remove(&id) {
            out.push(traced(tracing));
        }
    }

    /// Gives up on what did not come back in time.
    pub(super) fn expire_probes(&mut self, now: Now, out: &mut Vec<Action>) {
        let late = |one: &Tracing| one.started.mono + one.timeout <= now.mono;
        let ids: Vec<u64> =
            self.probes.tracing.iter().filter(|(_, one)| late(one)).map(|(id, _)| *id).collect();
        for tracing in
            ids.iter().filter_map(|id| self.probes.tracing.remove(id)).collect::<Vec<_>>()
        {
            out.push(traced(tracing));
        }
    }
}

fn traced(tracing: Tracing) -> Action {
    let Tracing { asked, to, started, timeout, first, farthest } = tracing;
    let took = farthest.as_ref().map(|(_, at)| at.mono.saturating_sub(started.mono));
    let skews = farthest.as_ref().map(|(probe, at)| skews(&probe.hops, started, *at));
    let ended = farthest.as_ref().and_then(|(probe, _)| probe.ended);
    let hops = farthest.map_or_else(|| vec![first], |(probe, _)| probe.hops);
    let turned = hops.iter().rev().find(|hop| !hop.back);
    let silent = match ended {
        Some(ProbeEnd::Turned) | None => turned.and_then(|hop| hop.next.clone()),
        Some(ProbeEnd::Arrived | ProbeEnd::NoWay | ProbeEnd::Dropped(_)) => None,
    };
    let skews = skews.unwrap_or_default();
    let trace = Trace { to, ended, took, hops, silent, skews, timeout };
    Action::Traced { asked, trace: Box::new(trace) }
}

/// How far each gateway's clock is ahead of ours: it saw the probe at half its time away, if both
/// halves take the same time (RFC 5905, 8). Only where the way back is the way out reversed.
pub(super) fn skews(hops: &[ProbeHop], left: Now, returned: Now) -> Vec<(GatewayId, i64)> {
    let (back, out): (Vec<&ProbeHop>, Vec<&ProbeHop>) = hops.iter().partition(|hop| hop.back);
    let Some((turn, between)) = out.split_last() else { return Vec::new() };
    let between = between.get(1..).unwrap_or_default();
    if !between.iter().rev().map(|hop| &hop.gateway).eq(back.iter().map(|hop| &hop.gateway)) {
        return Vec::new();
    }
    let skew = |came: &ProbeHop, went: &ProbeHop| {
        let micros = |span: Duration| i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        let there = micros(came.at) - micros(left.unix);
        let home = micros(went.at + went.stayed) - micros(returned.unix);
        (came.gateway.clone(), (there + home) / 2)
    };
    let pairs = between.iter().zip(back.iter().rev()).map(|(came, went)| skew(came, went));
    pairs.chain([skew(turn, turn)]).collect()
}

/// A frame that would take the probe's way out.
fn outward(probe: &Probe, here: &GatewayId) -> Frame {
    frame(probe, here, (&probe.origin, &probe.to), None, false)
}

/// A frame that would take the probe's way back.
fn homeward(probe: &Probe, here: &GatewayId) -> Frame {
    let turned = probe.hops.iter().rev().find(|hop| !hop.back);
    let from = turned.map_or(&probe.to, |hop| &hop.region);
    frame(probe, here, (from, &probe.origin), Some(probe.creator.clone()), true)
}

fn frame(
    probe: &Probe,
    here: &GatewayId,
    (from, to): (&RegionId, &RegionId),
    prefer: Option<GatewayId>,
    back: bool,
) -> Frame {
    let seen = probe.hops.iter().filter(|hop| hop.back == back).map(|hop| hop.gateway.clone());
    let visited: Vec<GatewayId> = seen.chain([here.clone()]).collect();
    let body = ReplyBody {
        request: String::new(),
        subject: String::new(),
        federated: None,
        payload: Bytes::new(),
    };
    Frame {
        hop: Hop { limit: u8::MAX, visited, age: Duration::ZERO },
        end: EndToEnd {
            creator: Creator {
                region: from.clone(),
                gateway: probe.creator.clone(),
                incarnation: probe.incarnation,
            },
            unit: UnitId(0),
            to: to.clone(),
            prefer,
            flow: probe.flow,
            lifetime: Duration::ZERO,
            body: Body::Reply(body),
        },
        verbatim: None,
    }
}
