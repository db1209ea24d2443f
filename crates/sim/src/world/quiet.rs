//! Pings without happenings of their own.
//!
//! Over a link that is well a ping and its answer change nothing but when each side was last heard.
//! Where that is certain beforehand they need no place on the agenda: each side is told, at the time
//! at which it would have been, just before it next handles anything. What goes wrong with the link
//! meanwhile puts those under way back on the agenda.
//!
//! It is certain where the path is open both ways, loses nothing, has no limit of bandwidth and takes
//! always as long, both processes run, and the round trip is what the machine has measured already.

use std::time::Duration;

use antiphon_core::{Connection, Event, LinkId};

use super::{Happening, Slot, World};
use crate::{
    link::{Crossing, Link},
    network::{Flow, Path},
};

/// A sign of life on its way to a process.
#[derive(Debug)]
pub(crate) struct Quiet {
    at: Duration,
    link: LinkId,
    /// The side that it goes to.
    side: usize,
    connection: Connection,
    what: Crossing,
    /// When the other side has done its part: sent the ping, or answered it.
    from: Duration,
}

impl World {
    /// From here on pings over links that are well are no happenings of their own. What machines
    /// decide stays the same; the trace, which lists every event, does not.
    pub fn fold_pings(&mut self) {
        self.folding = true;
    }

    /// Pings that machines were sent without a happening.
    #[must_use]
    pub fn folded(&self) -> u64 {
        self.folded
    }

    /// Takes a ping and its answer off the agenda, if it is certain what comes of them.
    pub(super) fn fold(
        &mut self,
        slot: Slot,
        id: LinkId,
        connection: Connection,
        nonce: u64,
    ) -> bool {
        if !self.folding {
            return false;
        }
        let now = self.now;
        let Some(link) = self.links.get(id) else { return false };
        let Some(side) = link.side(slot) else { return false };
        let other = link.other(side).slot;
        let (there, back) = (self.network.path(slot, other), self.network.path(other, slot));
        let (Some(way), Some(home)) = (steady(&there), steady(&back)) else { return false };
        let trip = way + home;
        let free = [(side, now + way), (1 - side, now + trip)];
        let clear = free.into_iter().all(|(side, at)| is_clear(link, side, connection, at));
        let lives = [link.end(side).life, link.other(side).life];
        let runs = |slot: Slot, life| {
            let process = self.process(slot);
            process.life == life && process.is_alive() && process.paused.is_none()
        };
        let both = runs(slot, lives[0]) && runs(other, lives[1]);
        let measured = self.process(slot).machine.as_ref().and_then(|one| one.round_trip(id));
        if !clear || !both || measured != Some(trip) {
            return false;
        }
        let ping = Crossing::Ping(connection, nonce);
        let pong = Crossing::Pong(connection, nonce);
        let quiet = |at, side, what, from| Quiet { at, link: id, side, connection, what, from };
        self.process_mut(other).quiet.push(quiet(now + way, 1 - side, ping, now));
        self.process_mut(slot).quiet.push(quiet(now + trip, side, pong, now + way));
        true
    }

    /// Tells a process what it has heard until now.
    pub(super) fn catch_up(&mut self, slot: Slot) {
        let now = self.now;
        let process = self.process_mut(slot);
        if process.quiet.is_empty() {
            return;
        }
        let mut due: Vec<Quiet> = process.quiet.extract_if(.., |one| one.at <= now).collect();
        due.sort_by_key(|one| one.at);
        for Quiet { at, link, what, .. } in due {
            // A ping's answer has been taken into account when the ping was sent.
            let event = match what {
                Crossing::Ping(connection, _) => Event::Heard { link, connection },
                Crossing::Pong(..) | Crossing::Event(_) => what.into_event(link),
            };
            let process = self.process_mut(slot);
            let clocks = process.clocks(at);
            let Some(machine) = &mut process.machine else { return };
            let actions = machine.handle(event, clocks);
            self.folded += 1;
            for action in actions {
                self.perform(slot, action);
            }
        }
    }

    /// Something happens to a link: what is under way on it goes back on the agenda.
    pub(super) fn unfold(&mut self, id: LinkId) {
        if !self.folding {
            return;
        }
        let now = self.now;
        let Some(link) = self.links.get(id) else { return };
        let slots = [link.end(0).slot, link.end(1).slot];
        for slot in slots {
            let under_way = |one: &mut Quiet| one.link == id && one.at > now;
            let found: Vec<Quiet> =
                self.process_mut(slot).quiet.extract_if(.., under_way).collect();
            // What the other side has not done yet, it will do by itself.
            for one in found.into_iter().filter(|one| one.from <= now) {
                let Quiet { at, link, side, connection, what, .. } = one;
                if let Some(link) = self.links.get(id) {
                    let lane = link.other(side).lane(connection);
                    lane.last_arrival = lane.last_arrival.max(at);
                }
                self.agenda.add(at, Happening::Arrive { link, side, what });
            }
        }
    }
}

/// How long everything takes on this path, if it takes always as long.
fn steady(path: &Path) -> Option<Duration> {
    let even = path.latency_min == path.latency_max && path.bandwidth.is_none();
    (even && path.flow == Flow::Open && path.loss <= 0.0).then_some(path.latency_min)
}

/// Whether what this side sends arrives at `at`, behind nothing else.
fn is_clear(link: &mut Link, side: usize, connection: Connection, at: Duration) -> bool {
    let end = link.end(side);
    let open = end.open;
    let lane = end.lane(connection);
    open && lane.held.is_empty() && lane.last_arrival <= at && lane.free_at <= at
}
