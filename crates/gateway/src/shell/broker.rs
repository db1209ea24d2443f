//! The broker's words and the core's.

use std::sync::Arc;

use antiphon_broker::{
    BarrierId, BrokerCommand, BrokerEvent, Delivery, Intake, Operation, Publication,
    RefusedPublish, ServerInfo, Stats, SubscriptionId,
};
use antiphon_core::{Alarm, BrokerInfo, DropReason, Event, FromBroker, MARK};
use bytes::Bytes;
use prometheus_client::metrics::histogram::Histogram;
use tokio::{
    sync::mpsc::{self, error::TrySendError},
    time::Instant,
};

use super::{BrokerCounts, Shell};

/// The first tokens of every beacon's subject; nothing else that we subscribe to begins so.
pub(crate) const BEACON_PREFIX: &str = "antiphon.beacon.";

/// Orders to the broker's adapter, without waiting.
///
/// The core's publish window is smaller than the channel, so a full channel is a defect of ours.
#[derive(Debug)]
pub(crate) struct BrokerOut {
    commands: mpsc::Sender<BrokerCommand>,
    /// The barrier that is open (the core asks one at a time), and since when.
    barrier: Option<(BarrierId, Instant)>,
    latency: Histogram,
    intake: Intake,
    stats: Arc<Stats>,
    counts: BrokerCounts,
    /// An outage has been told of at WARN; what follows it is DEBUG.
    told_away: bool,
}

impl BrokerOut {
    /// `latency` observes barriers, in seconds.
    pub(crate) fn new(
        commands: mpsc::Sender<BrokerCommand>,
        intake: Intake,
        stats: Arc<Stats>,
        latency: Histogram,
    ) -> Self {
        Self {
            commands,
            barrier: None,
            latency,
            intake,
            stats,
            counts: BrokerCounts::default(),
            told_away: false,
        }
    }

    pub(super) fn counts(&self) -> BrokerCounts {
        BrokerCounts {
            connects: self.stats.connects(),
            handovers: self.stats.handovers(),
            received: self.stats.received(),
            received_bytes: self.stats.received_bytes(),
            published: self.stats.published(),
            published_bytes: self.stats.published_bytes(),
            intake_bytes: self.intake.held_bytes() as u64,
            intake_stops: self.stats.holds(),
            ..self.counts
        }
    }

    pub(super) fn subscribe(
        &mut self,
        subscription: antiphon_core::SubscriptionId,
        subject: String,
        group: Option<String>,
    ) -> Option<Event> {
        let id = SubscriptionId(subscription.0);
        self.submit(BrokerCommand::Subscribe { id, subject, group })
    }

    pub(super) fn unsubscribe(
        &mut self,
        subscription: antiphon_core::SubscriptionId,
    ) -> Option<Event> {
        self.submit(BrokerCommand::Unsubscribe { id: SubscriptionId(subscription.0) })
    }

    pub(super) fn publish(&mut self, subject: String, mark: &str, payload: Bytes) -> Option<Event> {
        let headers = vec![(MARK.to_owned(), mark.to_owned())];
        self.submit(BrokerCommand::Publish(Publication { subject, headers, payload }))
    }

    pub(super) fn ask_barrier(&mut self, barrier: antiphon_core::BarrierId) -> Option<Event> {
        let id = BarrierId(barrier.0);
        self.barrier = Some((id, Instant::now()));
        self.submit(BrokerCommand::Barrier { id })
    }

    /// Beacons carry no mark: other gateways are to hear them.
    pub(super) fn publish_beacon(&mut self, subject: String, payload: Bytes) {
        let beacon = Publication { subject, headers: Vec::new(), payload };
        // A beacon that is lost is followed by the next.
        self.submit(BrokerCommand::Publish(beacon));
    }

    pub(super) fn close(&mut self) {
        self.submit(BrokerCommand::Close);
    }

    fn submit(&mut self, command: BrokerCommand) -> Option<Event> {
        match self.commands.try_send(command) {
            Ok(()) => None,
            // Its end stops the process, which its events tell.
            Err(TrySendError::Closed(_)) => None,
            Err(TrySendError::Full(command)) => {
                debug_assert!(false, "the channel of the broker is full: {command:?}");
                tracing::error!("an order to the broker could not be taken");
                self.counts.overflows += 1;
                match command {
                    BrokerCommand::Publish(Publication { subject, .. }) => {
                        Some(Event::PublishRefused { subject, reason: DropReason::Internal })
                    }
                    BrokerCommand::Subscribe { .. }
                    | BrokerCommand::Unsubscribe { .. }
                    | BrokerCommand::Barrier { .. }
                    | BrokerCommand::Close => None,
                }
            }
        }
    }

    fn connect_failed(&mut self, server: &str, reason: &str) {
        self.counts.connect_failures += 1;
        if std::mem::replace(&mut self.told_away, true) {
            tracing::debug!(server, reason, "broker does not answer");
        } else {
            tracing::warn!(server, reason, "broker does not answer; going on to try");
        }
    }

    fn barrier_passed(&mut self, id: BarrierId) {
        if let Some((_, since)) = self.barrier.take_if(|(open, _)| *open == id) {
            self.latency.observe(since.elapsed().as_secs_f64());
        }
    }
}

impl Shell {
    pub(super) fn on_broker(&mut self, event: BrokerEvent) {
        match event {
            BrokerEvent::Connected(server) => self.on_connected(server),
            BrokerEvent::Disconnected { reason } => {
                tracing::warn!(reason, "broker connection lost");
                self.drive(Event::BrokerDown);
            }
            BrokerEvent::ConnectFailed { server, reason } => {
                self.broker.connect_failed(&server, &reason);
            }
            BrokerEvent::Message(delivery) => self.on_delivery(delivery),
            BrokerEvent::Unsubscribed { id } => {
                let subscription = antiphon_core::SubscriptionId(id.0);
                self.drive(Event::Unsubscribed { subscription });
            }
            BrokerEvent::BarrierPassed { id } => {
                self.broker.barrier_passed(id);
                self.drive(Event::BarrierPassed { barrier: antiphon_core::BarrierId(id.0) });
            }
            BrokerEvent::PublishRefused { subject, reason } => {
                self.drive(Event::PublishRefused { subject, reason: drop_reason(reason) });
            }
            BrokerEvent::PermissionDenied { operation, subject } => {
                self.on_denied(operation, subject);
            }
            BrokerEvent::SubscriptionAllowed { subject } => {
                self.tallied.allow(&not_permitted(subject));
            }
            BrokerEvent::Lagged { lost } => {
                self.broker.counts.lagged += 1;
                self.troubles.lagged = Some(self.clock.now().unix);
                self.broker.counts.lost += lost.unwrap_or_default();
                tracing::error!(lost, "the broker cut us off as a slow consumer");
            }
            BrokerEvent::Closed => tracing::debug!("broker connection closed"),
        }
    }

    fn on_connected(&mut self, server: ServerInfo) {
        let ServerInfo { url, name, version, max_payload, .. } = server;
        self.broker.told_away = false;
        self.tallied.denied.clear();
        tracing::info!(url, name, version, max_payload, "broker connected");
        let max_payload = max_payload as u64;
        self.drive(Event::BrokerUp(BrokerInfo { url, name, version, max_payload }));
    }

    /// The intake budget that the delivery holds is given back once the core is done with it.
    fn on_delivery(&mut self, delivery: Delivery) {
        let Delivery { subject, headers, payload, hold, .. } = delivery;
        if subject.starts_with(BEACON_PREFIX) {
            self.on_beacon(payload);
        } else {
            let mark = headers.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(MARK));
            let mark = mark.map(|(_, value)| value);
            let more = !self.broker_events.is_empty();
            self.drive(Event::FromBroker(FromBroker { subject, mark, payload, more }));
        }
        drop(hold);
    }

    fn on_denied(&mut self, operation: Operation, subject: String) {
        match operation {
            Operation::Publish => {
                let reason = DropReason::PublishDenied;
                self.drive(Event::PublishRefused { subject, reason });
            }
            Operation::Subscribe => self.tallied.deny(not_permitted(subject)),
        }
    }
}

/// That a subscription is denied.
pub(super) fn not_permitted(subject: String) -> Alarm {
    Alarm::PermissionDenied { operation: "subscribe".to_owned(), subject }
}

fn drop_reason(refused: RefusedPublish) -> DropReason {
    match refused {
        RefusedPublish::Disconnected => DropReason::BrokerAway,
        RefusedPublish::TooLarge { .. } => DropReason::PayloadTooLarge,
        // Without the mark a message could come back into the fabric.
        RefusedPublish::NoHeaders => DropReason::PublishDenied,
        RefusedPublish::BadSubject | RefusedPublish::BadHeaders => {
            debug_assert!(false, "subjects and marks are built from typed tokens");
            DropReason::Internal
        }
    }
}
