//! Frames: taken from a peer, routed, queued, and sent on within credit.

use std::{sync::Arc, time::Duration};

use crate::{
    Action, Connection, DropReason, EndToEnd, Epoch, Frame, Gateway, GatewayId, Incarnation,
    LinkId, Malformed, Now,
    gateway::{broker::Waiting, drops::Refused, peer::Peer},
    queue::Queued,
    routes::{Here, Step, next_step},
    session::{Arrival, Breach},
};

/// A frame as it came from a link.
#[derive(Debug)]
pub(super) struct Arrived {
    pub(super) link: LinkId,
    pub(super) epoch: Epoch,
    pub(super) number: u64,
    pub(super) weight: u64,
    pub(super) frame: Result<Box<Frame>, Malformed>,
}

/// Whose credit a frame holds until it has been queued, published or dropped.
#[derive(Clone, Debug)]
pub(super) struct Credit {
    pub(super) peer: GatewayId,
    pub(super) incarnation: Incarnation,
    pub(super) epoch: Epoch,
    pub(super) weight: u64,
}

impl Gateway {
    pub(super) fn on_frame(&mut self, arrived: Arrived, now: Now, out: &mut Vec<Action>) {
        let Arrived { link, epoch, number, weight, frame } = arrived;
        self.on_heard(link, Connection::Data, now);
        let due = now.mono + self.config.periods.ack_delay;
        let Some((gateway, peer)) = self.peer_of(link) else { return };
        let half_trip = peer.rtt.unwrap_or_default() / 2;
        let size = frame.as_ref().map_or(0, |frame| frame.end.body.payload().len() as u64);
        if weight < size {
            let breach = Breach("a frame that weighs more than it says");
            return self.misbehaves(link, gateway, breach, now, out);
        }
        let Some(inbox) = &mut peer.inbox else { return };
        match inbox.on_frame(epoch, number, weight, due) {
            Arrival::Accepted => {}
            Arrival::Stale => return,
            Arrival::Breach(breach) => return self.misbehaves(link, gateway, breach, now, out),
        }
        peer.frames_in += 1;
        let incarnation = peer.hello.incarnation;
        self.arm_ack(&gateway, now);
        let credit = Credit { peer: gateway, incarnation, epoch, weight };
        match frame {
            Ok(mut frame) => {
                frame.hop.age += half_trip;
                self.take_frame(*frame, credit, now, out);
            }
            Err(malformed) => {
                self.release(&credit, now);
                let refused = Refused {
                    reason: DropReason::Malformed,
                    subject: &malformed.reason,
                    request: None,
                    size: usize::try_from(weight).unwrap_or(usize::MAX),
                };
                self.refuse(refused, now, out);
            }
        }
    }

    fn take_frame(&mut self, frame: Frame, credit: Credit, now: Now, out: &mut Vec<Action>) {
        let lifetime = frame.end.lifetime.min(self.config.periods.lifetime_max);
        let expires = now.mono + lifetime.saturating_sub(frame.hop.age);
        let queued = Queued { weight: frame.weight(), frame, since: now.mono, expires };
        let end = &queued.frame.end;
        let from_sibling =
            self.peers.get(&credit.peer).is_some_and(|peer| peer.hello.region == self.me.region);
        let ours = end.creator.region == self.me.region && from_sibling;
        let passes = end.to == self.me.region || ours;
        let ruled = match self.config.transit {
            _ if passes => Ok(()),
            true => self.let_through(end, now),
            false => Err(DropReason::TransitRefused),
        };
        // What we created has been here, whatever it says.
        let mine = end.creator.gateway == self.me.gateway;
        let step = match () {
            () if mine => {
                self.release(&credit, now);
                return self.note_drop_of(end, end.body.units(), DropReason::Visited, now, out);
            }
            () if queued.frame.hop.visited.contains(&self.me.gateway) => {
                Step::Drop(DropReason::Visited)
            }
            () => {
                let ruled = ruled.and_then(|()| self.unhalted_frame(end));
                ruled.map_or_else(Step::Drop, |()| self.next_step(&queued.frame))
            }
        };
        self.take_step(step, queued, Some(credit), now, out);
    }

    /// Sends a frame on its way: one that is new, or one that has to be routed anew.
    pub(super) fn forward(&mut self, queued: Queued, now: Now, out: &mut Vec<Action>) {
        let halted = self.unhalted_frame(&queued.frame.end);
        let step = halted.map_or_else(Step::Drop, |()| self.next_step(&queued.frame));
        self.take_step(step, queued, None, now, out);
    }

    fn take_step(
        &mut self,
        step: Step,
        queued: Queued,
        credit: Option<Credit>,
        now: Now,
        out: &mut Vec<Action>,
    ) {
        let lane = match step {
            Step::Publish => {
                self.broker.waiting.push_back(Waiting { queued, credit });
                return;
            }
            Step::Hop(peer) => Ok(Some(peer)),
            Step::Wait => Ok(None),
            Step::Drop(reason) => Err(reason),
        };
        if let Some(credit) = credit {
            self.release(&credit, now);
        }
        match lane {
            Err(reason) => self.drop_units(&queued.frame.end, reason, now, out),
            Ok(lane) => {
                let mut expired = Vec::new();
                let pushed = self.queues.push(lane, queued, now.mono, &mut expired);
                self.drop_all(expired, now, out);
                if let Err(queued) = pushed {
                    self.drop_units(&queued.frame.end, DropReason::QueueFull, now, out);
                }
            }
        }
    }

    /// Where a frame goes next. The one function that decides it.
    pub(super) fn next_step(&mut self, frame: &Frame) -> Step {
        let (me, end) = (&self.me, &frame.end);
        let other = |gateway: &&GatewayId| **gateway != me.gateway && self.is_usable(gateway, end);
        let prefer = end.prefer.as_ref().filter(other);
        let peers = &self.peers;
        let here = Here {
            publishes: end.to == me.region && self.broker.is_up(),
            prefer,
            open: |peer: &GatewayId| peers.get(peer).is_some_and(Peer::takes_frames),
            table: self.routes.table(&me.gateway, &end.creator.region),
        };
        next_step(frame, &here)
    }

    /// Whether a preferred gateway is in the destination region and can publish.
    pub(super) fn is_usable(&self, gateway: &GatewayId, end: &EndToEnd) -> bool {
        self.database.topology(gateway).is_some_and(|(region, topology)| {
            *region == end.to && topology.broker && topology.state.takes_frames()
        })
    }

    /// Gives credit back to whoever sent a frame.
    pub(super) fn release(&mut self, credit: &Credit, now: Now) {
        let due = now.mono + self.config.periods.ack_delay;
        let peer = self.peers.get_mut(&credit.peer);
        let peer = peer.filter(|peer| peer.hello.incarnation == credit.incarnation);
        let inbox = peer.and_then(|peer| peer.inbox.as_mut());
        if let Some(inbox) = inbox.filter(|inbox| inbox.epoch() == credit.epoch) {
            inbox.release(credit.weight, due);
            self.arm_ack(&credit.peer, now);
        }
    }

    /// Sees to it that what a peer sent is acknowledged in time.
    fn arm_ack(&mut self, gateway: &GatewayId, now: Now) {
        let Some(peer) = self.peers.get_mut(gateway) else { return };
        if let Some(at) = peer.inbox.as_ref().and_then(|inbox| inbox.tell_at(now.mono)) {
            self.timers.arm(gateway, peer, at);
        }
    }

    /// Sends to every peer what its credit allows.
    pub(super) fn pump(&mut self, now: Now, out: &mut Vec<Action>) {
        if self.queues.is_empty() {
            return;
        }
        let mut last = None;
        while let Some(gateway) = self.queues.next_hop_after(last.as_ref()) {
            let peer = self.peers.get(&gateway).filter(|peer| !peer.draining);
            if let Some(link) = peer.and_then(Peer::open_link) {
                self.pump_one(&gateway, link, now, out);
            }
            last = Some(gateway);
        }
    }

    fn pump_one(&mut self, gateway: &GatewayId, link: LinkId, now: Now, out: &mut Vec<Action>) {
        let retention = self.config.limits.retention_bytes_max;
        loop {
            let Some(peer) = self.peers.get_mut(gateway) else { return };
            let fits = |weight| peer.outbox.has_room(weight, retention);
            let Some(queued) = self.queues.pop(gateway, fits) else { return };
            if queued.expires <= now.mono {
                self.drop_units(&queued.frame.end, DropReason::Expired, now, out);
                continue;
            }
            let weight = queued.weight;
            let frame = Arc::new(self.next_hop_of(queued, now.mono));
            let Some(peer) = self.peers.get_mut(gateway) else { return };
            let epoch = peer.outbox.epoch();
            let number = peer.outbox.send(Arc::clone(&frame), weight);
            peer.frames_out += 1;
            out.push(Action::Send { link, epoch, number, weight, frame });
        }
    }

    /// The frame with the hop header that the next gateway sees.
    fn next_hop_of(&self, queued: Queued, now: Duration) -> Frame {
        let mut frame = queued.frame;
        frame.hop.age += now.saturating_sub(queued.since);
        frame.hop.leave(&self.me.gateway);
        frame
    }

    /// After the topology changed: everything that waits is routed anew.
    pub(super) fn reroute(&mut self, now: Now, out: &mut Vec<Action>) {
        for queued in self.queues.take_all() {
            self.forward(queued, now, out);
        }
    }
}
