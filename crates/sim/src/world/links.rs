//! Dialling, and what crosses links.

use std::{sync::Arc, time::Duration};

use antiphon_core::{Connection, DialFailure, DialTarget, Epoch, Event, Frame, LinkId};

use super::{Happening, Slot, World, processes::Ending};
use crate::{
    link::{Crossing, End},
    network::{Flow, Path},
    process::Life,
};

/// How long a dial waits for an answer.
const DIAL_TIMEOUT: Duration = Duration::from_secs(5);
/// One-way trips until both sides have said hello: TCP, TLS 1.3, hello.
const TRIPS: u32 = 6;

/// A frame with its place in the session.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) epoch: Epoch,
    pub(super) number: u64,
    pub(super) weight: u64,
    pub(super) frame: Arc<Frame>,
}

/// A dialled connection before both sides have said hello.
#[derive(Debug)]
pub(crate) struct Handshake {
    dialer: (Slot, Life),
    listener: (Slot, Life),
    target: DialTarget,
}

impl World {
    /// Changes the path from one place to another, with everything that follows: a cut resets
    /// connections, an opened path lets go what its black hole held.
    pub fn edit_path(&mut self, from: Slot, to: Slot, edit: impl FnOnce(&mut Path)) {
        if self.folding {
            for link in self.links.between(from, to) {
                self.unfold(link);
            }
        }
        self.network.edit(from, to, edit);
        match self.network.path(from, to).flow {
            Flow::Open => self.let_go(from, to),
            Flow::BlackHole => {}
            Flow::Cut => {
                for link in self.links.between(from, to) {
                    self.reset(link);
                }
            }
        }
        self.suspect(from, to);
        self.suspect(to, from);
    }

    /// Resets every link of a place.
    pub(super) fn reset_all(&mut self, slot: Slot) {
        for link in self.links.of(slot) {
            self.reset(link);
        }
    }

    /// Resets every link between two places, as a load balancer does with idle connections.
    pub fn reset_links(&mut self, a: Slot, b: Slot) {
        for link in self.links.between(a, b) {
            self.reset(link);
        }
    }

    pub(super) fn dial(&mut self, slot: Slot, target: DialTarget) {
        let (DialTarget::Seed { endpoint } | DialTarget::Member { endpoint, .. }) = &target;
        let listener = self.resolve(endpoint.host());
        let Some(listener) = listener.filter(|one| self.process(*one).is_alive()) else {
            return self.dial_failed(slot, target, Duration::from_millis(50), unreachable());
        };
        if self.process(slot).full {
            return self.dial_failed(slot, target, Duration::ZERO, unreachable());
        }
        let gateway = &self.process(listener).config.gateway;
        if listener == slot {
            let failure = DialFailure::Ourselves;
            return self.dial_failed(slot, target, Duration::from_millis(5), failure);
        }
        if let DialTarget::Member { gateway: wanted, .. } = &target
            && wanted != gateway
        {
            let reason = format!("{gateway} answered");
            let failure = DialFailure::Refused { reason };
            return self.dial_failed(slot, target, Duration::from_millis(100), failure);
        }
        if self.process(slot).expired || self.process(listener).expired {
            let failure = DialFailure::Refused { reason: "the certificate has ended".to_owned() };
            return self.dial_failed(slot, target, Duration::from_millis(100), failure);
        }
        if self.network.is_cut(slot, listener) {
            return self.dial_failed(slot, target, Duration::from_millis(50), unreachable());
        }
        let taken = self.process(listener).answers() && !self.process(listener).full;
        if !self.network.passes(slot, listener) || !taken {
            return self.dial_failed(slot, target, DIAL_TIMEOUT, unreachable());
        }
        let latency = self.network.path(slot, listener).latency(&mut self.chance.links);
        let (dialer, listener) = (self.incarnated(slot), self.incarnated(listener));
        let handshake = Box::new(Handshake { dialer, listener, target });
        self.after(latency * TRIPS, Happening::Handshake(handshake));
    }

    pub(super) fn handshake(&mut self, handshake: Handshake) {
        let Handshake { dialer, listener, target } = handshake;
        if self.incarnated(dialer.0) != dialer {
            return;
        }
        let stands = self.incarnated(listener.0) == listener
            && self.process(listener.0).answers()
            && self.network.passes(dialer.0, listener.0);
        let (Some(ours), Some(theirs)) = (self.hello(dialer.0), self.hello(listener.0)) else {
            return;
        };
        if !stands {
            return self.dial_failed(dialer.0, target, Duration::from_millis(50), unreachable());
        }
        let now = self.now;
        let ends = [End::new(dialer.0, dialer.1, now), End::new(listener.0, listener.1, now)];
        let link = self.links.open(ends);
        // Either side may be the first to know; nothing of the other overtakes that.
        let up = Event::LinkUp { link, peer: ours, dialed: None };
        self.deliver(listener.0, listener.1, up);
        let up = Event::LinkUp { link, peer: theirs, dialed: Some(target) };
        self.deliver(dialer.0, dialer.1, up);
    }

    /// Sends a frame over its link.
    pub(super) fn send(&mut self, slot: Slot, link: LinkId, sent: Sent) {
        let Sent { epoch, number, weight, frame } = sent;
        if let Some(process) = self.processes.get(slot.0) {
            self.watch.sent(self.now, (slot, &process.config), &frame);
        }
        let frame = Ok(Box::new((*frame).clone()));
        let event = Box::new(Event::Frame { link, epoch, number, weight, frame });
        self.put(slot, link, Connection::Data, Crossing::Event(event));
    }

    /// Puts something on one of a link's connections.
    pub(super) fn put(&mut self, slot: Slot, link: LinkId, connection: Connection, what: Crossing) {
        let Some(standing) = self.links.get(link) else { return };
        let Some(side) = standing.side(slot).filter(|side| standing.end(*side).open) else {
            return;
        };
        let other = standing.other(side).slot;
        let path = self.network.path(slot, other);
        let lane = standing.end(side).lane(connection);
        if path.flow != Flow::Open || !lane.held.is_empty() {
            lane.held.push_back(what);
            return;
        }
        let Some(stall) = path.stall(&mut self.chance.links) else { return self.reset(link) };
        let sending = path.bandwidth.map_or(Duration::ZERO, |rate| {
            Duration::from_micros((what.size() + 64).saturating_mul(1_000_000) / rate.max(1))
        });
        lane.free_at = lane.free_at.max(self.now) + sending;
        let arrival = lane.free_at + path.latency(&mut self.chance.links) + stall;
        lane.last_arrival = lane.last_arrival.max(arrival);
        let at = lane.last_arrival;
        // Within a connection TCP doubles nothing; what a resumed session sends again are frames.
        if what.is_frame() && self.chance.links.happens(path.duplicate) {
            let again = Happening::Arrive { link, side: 1 - side, what: what.clone() };
            self.agenda.add(at, again);
        }
        self.agenda.add(at, Happening::Arrive { link, side: 1 - side, what });
    }

    pub(super) fn arrive(&mut self, link: LinkId, side: usize, what: Crossing) {
        let Some(standing) = self.links.get(link) else { return };
        let from = standing.other(side).slot;
        let end = standing.end(side);
        let (slot, life) = (end.slot, end.life);
        if !end.open {
            // The system answers for a process that no longer knows the connection.
            let latency = self.network.path(slot, from).latency_min;
            let reset = Happening::LinkEnds { link, side: 1 - side, reason: "reset by the peer" };
            if self.network.path(slot, from).flow == Flow::Open {
                self.after(latency, reset);
            }
            return;
        }
        let event = what.into_event(link);
        if let Event::Frame { epoch, number, frame: Ok(frame), .. } = &event {
            let receiver = self.process(slot).config.gateway.clone();
            self.watch.arrived(self.now, &receiver, (from, *epoch, *number), frame);
        }
        self.deliver(slot, life, event);
    }

    /// One side closes a link: what it sent on the control connection still arrives.
    pub(super) fn close_link(&mut self, slot: Slot, link: LinkId) {
        self.drop_end(link, slot, Ending::Reset);
        self.tell(slot, Duration::ZERO, Event::LinkDown { link, reason: "closed here".to_owned() });
    }

    pub(super) fn drop_end(&mut self, link: LinkId, slot: Slot, ending: Ending) {
        self.unfold(link);
        let Some(standing) = self.links.get(link) else { return };
        let Some(side) = standing.side(slot) else { return };
        let other = standing.other(side).slot;
        let end = standing.end(side);
        if !end.open {
            return;
        }
        end.open = false;
        let after_all = end.lane(Connection::Control).last_arrival;
        let path = self.network.path(slot, other);
        if ending == Ending::Reset && path.flow == Flow::Open {
            let at = after_all.max(self.now + path.latency(&mut self.chance.links));
            let reason = "closed by the peer";
            self.agenda.add(at, Happening::LinkEnds { link, side: 1 - side, reason });
        }
        self.links.tidy(link);
    }

    pub(super) fn link_ends(&mut self, link: LinkId, side: usize, reason: &'static str) {
        self.unfold(link);
        let Some(standing) = self.links.get(link) else { return };
        let end = standing.end(side);
        if !end.open {
            return;
        }
        end.open = false;
        let (slot, life) = (end.slot, end.life);
        self.links.tidy(link);
        self.deliver(slot, life, Event::LinkDown { link, reason: reason.to_owned() });
    }

    /// A link breaks: what is under way is lost, and both sides are told at once.
    fn reset(&mut self, link: LinkId) {
        for side in 0..2 {
            self.after(Duration::ZERO, Happening::LinkEnds { link, side, reason: "reset" });
        }
    }

    /// A path is open again: what its connections hold is sent again, in order.
    fn let_go(&mut self, from: Slot, to: Slot) {
        for link in self.links.between(from, to) {
            let wait = Duration::from_millis(200);
            let path = self.network.path(from, to);
            let at = self.now + self.chance.links.between(wait, wait * 5) + path.latency_max;
            let Some(standing) = self.links.get(link) else { continue };
            let Some(side) = standing.side(from) else { continue };
            for connection in [Connection::Control, Connection::Data] {
                let lane = standing.end(side).lane(connection);
                lane.last_arrival = lane.last_arrival.max(at);
                for what in std::mem::take(&mut lane.held) {
                    self.agenda.add(at, Happening::Arrive { link, side: 1 - side, what });
                }
            }
        }
    }

    fn dial_failed(&mut self, slot: Slot, target: DialTarget, after: Duration, why: DialFailure) {
        self.tell(slot, after, Event::DialFailed { target, failure: why });
    }

    /// The place that a host name leads to.
    fn resolve(&mut self, host: &str) -> Option<Slot> {
        let host = match self.aliases.get(host) {
            Some(names) => self.chance.links.pick(names)?.clone(),
            None => host.to_owned(),
        };
        self.slots().find(|slot| self.process(*slot).name == host)
    }

    fn incarnated(&self, slot: Slot) -> (Slot, Life) {
        (slot, self.process(slot).life)
    }
}

fn unreachable() -> DialFailure {
    DialFailure::Unreachable { reason: "no answer".to_owned() }
}
