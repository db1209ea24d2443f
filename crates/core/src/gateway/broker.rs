//! Our side of the region's broker: what is published and not confirmed, and what waits for room.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use crate::{
    Action, Alarm, BarrierId, BrokerInfo, Creator, DropReason, Gateway, Now, Outcome, Receipt,
    STARTUP_SUBJECT, SubscriptionId, UnitId, gateway::frames::Credit, hash, queue::Queued,
};

/// The broker connection as the core sees it.
///
/// Bounds: unconfirmed messages and bytes by [`crate::Limits`], passed by at most one frame's
/// messages; what waits by the credit that its senders hold, and by the queue limit for our own.
#[derive(Debug)]
pub(super) struct Broker {
    pub(super) info: Option<BrokerInfo>,
    /// Since when the connection stands or is gone.
    pub(super) since: Duration,
    /// Frames to publish here, in order.
    pub(super) waiting: VecDeque<Waiting>,
    /// Published and not confirmed, in order.
    unconfirmed: VecDeque<Unconfirmed>,
    unconfirmed_bytes: u64,
    /// The open barrier and how many of `unconfirmed` it covers.
    barrier: Option<(BarrierId, usize)>,
    next_barrier: u64,
    next_subscription: u64,
    /// The subscription for beacons.
    pub(super) beacons: Option<SubscriptionId>,
    /// The subscription for startup events.
    startups: Option<SubscriptionId>,
    /// The last creator and its mark: of thousands of messages in a row it is the same.
    marked: Option<(Creator, Arc<str>)>,
}

/// A frame that is to be published here.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) queued: Queued,
    /// Held until it is published.
    pub(super) credit: Option<Credit>,
}

/// One published message.
#[derive(Debug)]
struct Unconfirmed {
    creator: Creator,
    unit: UnitId,
    bytes: u64,
    /// Hash of the subject, to find it when the broker refuses it.
    subject: u64,
}

impl Broker {
    pub(super) fn new() -> Self {
        Self {
            info: None,
            since: Duration::ZERO,
            waiting: VecDeque::new(),
            unconfirmed: VecDeque::new(),
            unconfirmed_bytes: 0,
            barrier: None,
            next_barrier: 1,
            next_subscription: 1,
            beacons: None,
            startups: None,
            marked: None,
        }
    }

    pub(super) fn is_up(&self) -> bool {
        self.info.is_some()
    }

    /// The URL that Choria's `seen-by` shows; empty without a connection.
    pub(super) fn url(&self) -> &str {
        self.info.as_ref().map_or("", |info| &info.url)
    }

    /// Nothing waits and everything is confirmed.
    pub(super) fn is_quiet(&self) -> bool {
        self.waiting.is_empty() && self.unconfirmed.is_empty()
    }

    pub(super) fn unconfirmed(&self) -> usize {
        self.unconfirmed.len()
    }

    pub(super) fn new_subscription(&mut self) -> SubscriptionId {
        let id = SubscriptionId(self.next_subscription);
        self.next_subscription += 1;
        id
    }

    /// The value of the mark: where the message entered the fabric.
    pub(super) fn mark(&mut self, creator: &Creator) -> Arc<str> {
        if let Some((of, mark)) = &self.marked
            && of == creator
        {
            return Arc::clone(mark);
        }
        let mark: Arc<str> = format!("{}.{}", creator.region, creator.gateway).into();
        self.marked = Some((creator.clone(), Arc::clone(&mark)));
        mark
    }

    /// Notes a message that is handed to the broker now.
    pub(super) fn published(&mut self, creator: &Creator, unit: UnitId, subject: &str, bytes: u64) {
        self.unconfirmed_bytes += bytes;
        let subject = hash::quick(subject.as_bytes());
        self.unconfirmed.push_back(Unconfirmed { creator: creator.clone(), unit, bytes, subject });
    }

    fn has_room(&self, limits: &crate::Limits) -> bool {
        (self.unconfirmed.len() as u64) < limits.publish_messages_max
            && self.unconfirmed_bytes < limits.publish_bytes_max
    }

    fn take_confirmed(&mut self, barrier: BarrierId) -> Vec<Unconfirmed> {
        let Some((_, covered)) = self.barrier.take_if(|(open, _)| *open == barrier) else {
            return Vec::new();
        };
        let covered = covered.min(self.unconfirmed.len());
        let confirmed: Vec<_> = self.unconfirmed.drain(..covered).collect();
        self.unconfirmed_bytes -= confirmed.iter().map(|one| one.bytes).sum::<u64>();
        confirmed
    }

    /// Takes out the oldest unconfirmed message on this subject.
    fn take_refused(&mut self, subject: &str) -> Option<Unconfirmed> {
        let subject = hash::quick(subject.as_bytes());
        let at = self.unconfirmed.iter().position(|one| one.subject == subject)?;
        let refused = self.unconfirmed.remove(at)?;
        self.unconfirmed_bytes -= refused.bytes;
        if let Some((_, covered)) = &mut self.barrier
            && at < *covered
        {
            *covered -= 1;
        }
        Some(refused)
    }
}

impl Gateway {
    pub(super) fn on_broker_up(&mut self, info: BrokerInfo, now: Now, out: &mut Vec<Action>) {
        if self.broker.is_up() {
            self.on_broker_down(now, out); // The driver lost one without saying so.
        }
        self.broker.info = Some(info);
        self.broker.since = now.mono;
        self.graph_stale = true;
        self.forget_denials(out);
        let subscription = self.broker.new_subscription();
        self.broker.beacons = Some(subscription);
        let subject = self.beacon_subjects();
        out.push(Action::Subscribe { subscription, subject, group: None });
        if self.config.hints.lifecycle {
            let subscription = self.broker.new_subscription();
            self.broker.startups = Some(subscription);
            let subject = STARTUP_SUBJECT.to_owned();
            out.push(Action::Subscribe { subscription, subject, group: None });
        }
        self.on_broker_for_hints(true, now);
    }

    pub(super) fn on_broker_down(&mut self, now: Now, out: &mut Vec<Action>) {
        if self.broker.info.take().is_none() {
            return;
        }
        self.broker.since = now.mono;
        let plain = [self.broker.beacons.take(), self.broker.startups.take()];
        let gone = self.membership.on_broker_lost().into_iter().chain(plain.into_iter().flatten());
        out.extend(gone.map(|subscription| Action::Unsubscribe { subscription }));
        self.on_broker_for_hints(false, now);
        self.broker.barrier = None;
        self.broker.unconfirmed_bytes = 0;
        for lost in std::mem::take(&mut self.broker.unconfirmed) {
            self.confirm(&lost, Outcome::InDoubt, now);
        }
        for Waiting { queued, credit } in std::mem::take(&mut self.broker.waiting) {
            if let Some(credit) = credit {
                self.release(&credit, now);
            }
            self.forward(queued, now, out);
        }
        self.graph_stale = true;
        self.on_probe_broker_down(now, out);
    }

    /// A new connection may be allowed more.
    fn forget_denials(&mut self, out: &mut Vec<Action>) {
        self.clear_all(|one| matches!(one, Alarm::PermissionDenied { .. }), out);
    }

    /// Publishes what waits, as far as the window allows.
    pub(super) fn publish_waiting(&mut self, now: Now, out: &mut Vec<Action>) {
        while self.broker.is_up() && self.broker.has_room(&self.config.limits) {
            let Some(Waiting { queued, credit }) = self.broker.waiting.pop_front() else { return };
            if let Some(credit) = credit {
                self.release(&credit, now);
            }
            self.egress(queued, now, out);
        }
    }

    pub(super) fn ask_barrier(&mut self, now: Now, out: &mut Vec<Action>) {
        let wanted = !self.broker.unconfirmed.is_empty()
            || self.probes.want_barrier()
            || self.membership.wants_barrier();
        if self.broker.barrier.is_some() || !wanted {
            return;
        }
        let barrier = BarrierId(self.broker.next_barrier);
        self.broker.next_barrier += 1;
        self.broker.barrier = Some((barrier, self.broker.unconfirmed.len()));
        self.probes.on_barrier_asked(barrier, now.mono);
        self.membership.on_barrier_asked(barrier);
        out.push(Action::Barrier { barrier });
    }

    pub(super) fn on_barrier_passed(
        &mut self,
        barrier: BarrierId,
        now: Now,
        out: &mut Vec<Action>,
    ) {
        self.on_probe_barrier(barrier, now, out);
        if self.membership.on_barrier_passed(barrier) {
            self.joining.call();
        }
        for one in self.broker.take_confirmed(barrier) {
            self.confirm(&one, Outcome::Delivered, now);
        }
    }

    pub(super) fn on_publish_refused(
        &mut self,
        subject: &str,
        reason: DropReason,
        now: Now,
        out: &mut Vec<Action>,
    ) {
        if reason == DropReason::PublishDenied {
            let (operation, subject) = ("publish".to_owned(), denied_family(subject));
            self.raise_for_a_while(Alarm::PermissionDenied { operation, subject }, now, out);
        }
        if let Some(refused) = self.broker.take_refused(subject) {
            self.confirm(&refused, Outcome::Dropped(reason), now);
            self.note_refused_publish(subject, refused.bytes, reason, now, out);
        }
    }

    fn confirm(&mut self, one: &Unconfirmed, outcome: Outcome, now: Now) {
        let receipt = Receipt { unit: one.unit, count: 1, outcome };
        self.ended_of((&one.creator.gateway, one.creator.incarnation), receipt, now);
    }
}

/// The first tokens of a subject: an alarm for each reply subject would be one for each request.
fn denied_family(subject: &str) -> String {
    let mut tokens = subject.splitn(3, '.');
    let (first, second) = (tokens.next().unwrap_or(""), tokens.next().unwrap_or(""));
    format!("{first}.{second}.>")
}
