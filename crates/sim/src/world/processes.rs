//! Processes come and go.

use std::time::Duration;

use antiphon_core::{
    Advert, AdvertDraft, Event, Incarnation, OrderGiven, TicketId,
    policy::{Policy, Proof},
};
use bytes::Bytes;

use super::{Happening, Slot, World};
use crate::process::{Life, Skew};

/// Signing one advert.
const SIGNING: Duration = Duration::from_micros(300);
/// Verifying the signature of one request, with its certificate.
const VERIFYING: Duration = Duration::from_micros(400);

/// How a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The kernel resets its connections.
    Reset,
    /// Its machine is gone: nobody is told.
    Silent,
}

impl World {
    /// Starts the gateway of a place, if none runs there. Its incarnation is the microsecond at
    /// which it starts, by its own clock.
    pub fn start(&mut self, slot: Slot) {
        let (now, make) = (self.now, self.make);
        let seed = self.seed ^ (slot.0 as u64) << 32;
        let process = self.process_mut(slot);
        if process.is_alive() {
            return;
        }
        process.life = Life(process.life.0 + 1);
        process.started = now;
        process.due = None;
        process.paused = None;
        let clocks = process.clocks(now);
        let micros = u64::try_from(clocks.unix.as_micros()).unwrap_or(u64::MAX);
        process.config.incarnation = Incarnation(micros);
        let life = process.life;
        process.machine = Some(make(process.config.clone(), seed ^ life.0, clocks));
        match self.process(slot).policy.clone() {
            None => self.watch.policy_applied(now, slot, Policy::default()),
            Some(policy) => self.handle(slot, Event::PolicyApplied { policy: Box::new(policy) }),
        }
        self.spread_news(slot);
        self.after(Duration::from_millis(2), Happening::Connect { slot, life });
        self.tell(slot, Duration::ZERO, Event::Tick);
    }

    /// Puts a policy in force at a place, for what runs there and for what will be started there.
    pub fn apply_policy(&mut self, slot: Slot, policy: &Policy) {
        self.process_mut(slot).policy = Some(policy.clone());
        let policy = Box::new(policy.clone());
        self.tell(slot, Duration::ZERO, Event::PolicyApplied { policy });
    }

    /// Ends a process without warning to its machine.
    pub fn kill(&mut self, slot: Slot, ending: Ending) {
        let Some(last) = self.snapshot(slot) else { return };
        self.watch.retired(slot, last);
        for link in self.links.of(slot) {
            self.drop_end(link, slot, ending);
        }
        let region = self.region_of(slot);
        if let Some(broker) = self.brokers.get_mut(&region) {
            broker.disconnect(slot);
        }
        let process = self.process_mut(slot);
        process.machine = None;
        process.quiet.clear();
        process.connection = None;
        process.paused = None;
        process.life = Life(process.life.0 + 1);
        self.spread_loss(slot);
    }

    /// Asks a gateway to leave without loss.
    pub fn drain(&mut self, slot: Slot, grace: Duration) {
        self.tell(slot, Duration::ZERO, Event::Drain { grace });
        self.spread_news(slot);
    }

    /// An operator orders something at the first of these gateways that runs.
    pub fn operate(&mut self, slots: &[Slot], given: &OrderGiven) {
        for kind in ["halted", "link-ordered-down"] {
            self.watch_mut().may_alarm(kind);
        }
        let running = slots.iter().find(|slot| self.process(**slot).is_alive());
        if let Some(slot) = running.copied() {
            let order = Box::new(given.clone());
            self.tell(slot, Duration::ZERO, Event::Ordered { order });
        }
    }

    /// Stops a process for a while; what reaches it waits.
    pub fn pause(&mut self, slot: Slot) {
        for link in self.links.of(slot) {
            self.unfold(link);
        }
        let process = self.process_mut(slot);
        if process.is_alive() && process.paused.is_none() {
            process.paused = Some(std::collections::VecDeque::new());
        }
    }

    /// Lets a paused process go on.
    pub fn resume(&mut self, slot: Slot) {
        let waiting = self.process_mut(slot).paused.take();
        let life = self.process(slot).life;
        // A process that wakes first looks at its clock, or first at its sockets: the latter here.
        for event in waiting.into_iter().flatten() {
            self.deliver(slot, life, event);
        }
        self.reschedule(slot);
    }

    /// Lets a process wait for its processor for up to so long, again and again, or no longer.
    pub fn set_busy(&mut self, slot: Slot, longest: Option<Duration>) {
        let before = std::mem::replace(&mut self.process_mut(slot).busy, longest);
        if before.is_none() {
            self.busy(slot, false);
        }
    }

    /// A process of a busy machine loses its processor, or has it again; then the other.
    pub(super) fn busy(&mut self, slot: Slot, stopped: bool) {
        match stopped {
            true => self.pause(slot),
            false => self.resume(slot),
        }
        let longest = self.process(slot).busy;
        // One that is stopped goes on though its machine is no longer busy.
        if let Some(longest) = longest.or_else(|| stopped.then_some(Duration::ZERO)) {
            let after = self.chance.processes.between(Duration::ZERO, longest);
            self.after(after, Happening::Busy { slot, stopped: !stopped });
        }
    }

    /// Sets a process's wall clock off by this much.
    pub fn set_skew(&mut self, slot: Slot, skew: Skew) {
        if matches!(skew, Skew::Behind(_)) {
            // Each life that it starts now looks older than the one before, as a twin would.
            self.watch.may_alarm("duplicate-gateway");
        }
        self.process_mut(slot).skew = skew;
    }

    /// Lets a process accept connections and say nothing on them, or speak again.
    pub fn set_mute(&mut self, slot: Slot, mute: bool) {
        self.process_mut(slot).mute = mute;
    }

    /// A process has no file descriptor left, or some again: what it has open goes on.
    pub fn set_full(&mut self, slot: Slot, full: bool) {
        self.process_mut(slot).full = full;
    }

    /// The certificate of a process has ended, or a new one is there: links do not outlive it, and
    /// while it has ended nobody sets up new ones.
    pub fn expire(&mut self, slot: Slot, expired: bool) {
        self.process_mut(slot).expired = expired;
        if expired {
            self.reset_all(slot);
        }
    }

    /// A gateway is found under another host name from here on.
    pub fn readdress(&mut self, slot: Slot) {
        self.process_mut(slot).name.push_str("-moved");
        self.reset_all(slot);
        self.spread_news(slot);
    }

    /// Signatures of virtual clients always hold.
    pub(super) fn verify(&mut self, slot: Slot, ticket: TicketId) {
        self.tell(slot, VERIFYING, Event::Verified { ticket, proof: Proof::Verified });
    }

    pub(super) fn sign(&mut self, slot: Slot, draft: AdvertDraft) {
        let advert = Advert { draft, sealed: Bytes::new() };
        self.tell(slot, SIGNING, Event::Originated { advert });
    }
}
