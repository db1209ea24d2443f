//! The task of one connection to a memory broker: between the port's channels and the exchange.

use std::sync::Arc;

use tokio::sync::{
    Notify,
    mpsc::{self, error::TrySendError},
};

use super::{
    MemoryBroker,
    exchange::{ConnectionId, Parcel},
};
use crate::{
    intake::{Hold, Intake},
    port::{BrokerCommand, BrokerEvent, Delivery, Publication, SubscriptionId},
    stats::Stats,
};

pub(super) struct Link {
    pub(super) broker: MemoryBroker,
    pub(super) id: ConnectionId,
    /// Rung when something was put into our queue.
    pub(super) wake: Arc<Notify>,
    pub(super) orders: mpsc::Receiver<BrokerCommand>,
    pub(super) facts: mpsc::Sender<BrokerEvent>,
    pub(super) intake: Intake,
    pub(super) stats: Arc<Stats>,
    /// Taken from our queue, and not yet handed over.
    pub(super) parcel: Option<Parcel>,
}

/// What handing over waits for.
enum WaitingFor {
    Message,
    Budget,
    Room,
}

/// Nobody listens any more.
struct Abandoned;

impl Link {
    pub(super) async fn run(mut self) {
        let served = self.serve().await;
        self.broker.disconnect(self.id);
        if let Ok(()) = served {
            // A shell that stopped listening meanwhile does not miss it.
            self.facts.send(BrokerEvent::Closed).await.ok();
        }
    }

    /// Serves until closed, and until what waited then has been handed over.
    async fn serve(&mut self) -> Result<(), Abandoned> {
        let mut open = true;
        loop {
            let waiting = self.hand_over()?;
            if let (WaitingFor::Message, false) = (&waiting, open) {
                return Ok(());
            }
            let takes_orders = open && self.broker.exchange().has_room(self.id);
            let order = tokio::select! {
                order = self.orders.recv(), if takes_orders => Some(order),
                () = self.wake.notified(), if matches!(waiting, WaitingFor::Message) => None,
                () = self.intake.freed(), if matches!(waiting, WaitingFor::Budget) => None,
                _ = self.facts.reserve(), if matches!(waiting, WaitingFor::Room) => None,
                () = self.facts.closed() => return Err(Abandoned),
            };
            if let Some(order) = order {
                open = self.on_order(order);
            }
        }
    }

    /// Carries out an order; false if it was the last one.
    fn on_order(&mut self, order: Option<BrokerCommand>) -> bool {
        let mut exchange = self.broker.exchange();
        match order {
            Some(BrokerCommand::Subscribe { id, subject, group }) => {
                exchange.subscribe(self.id, id, subject, group);
            }
            Some(BrokerCommand::Unsubscribe { id }) => exchange.unsubscribe(self.id, id),
            Some(BrokerCommand::Publish(publication)) => {
                exchange.publish_from(self.id, &publication);
            }
            Some(BrokerCommand::Barrier { id }) => exchange.barrier(self.id, id),
            Some(BrokerCommand::Close) | None => return false,
        }
        true
    }

    /// Hands over what waits, in order, until there is no more or no room for it.
    fn hand_over(&mut self) -> Result<WaitingFor, Abandoned> {
        loop {
            let next = self.parcel.take().or_else(|| self.broker.exchange().next_parcel(self.id));
            let event = match next {
                None => return Ok(WaitingFor::Message),
                Some(Parcel::Fact(event)) => event,
                Some(Parcel::Message { subscription, publication }) => {
                    let Some(hold) = self.intake.try_admit(publication.payload.len()) else {
                        self.parcel = Some(Parcel::Message { subscription, publication });
                        return Ok(WaitingFor::Budget);
                    };
                    self.stats.received.add(1);
                    self.stats.received_bytes.add(publication.payload.len() as u64);
                    BrokerEvent::Message(delivery(subscription, publication, hold))
                }
            };
            match self.facts.try_send(event) {
                Ok(()) => {}
                Err(TrySendError::Full(event)) => {
                    self.parcel = Some(Parcel::Fact(event));
                    return Ok(WaitingFor::Room);
                }
                Err(TrySendError::Closed(_)) => return Err(Abandoned),
            }
        }
    }
}

fn delivery(subscription: SubscriptionId, publication: Publication, hold: Hold) -> Delivery {
    let Publication { subject, headers, payload } = publication;
    Delivery { subscription, subject, reply: None, headers, payload, hold }
}
