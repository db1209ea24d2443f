//! A broker in memory that delivers at once: the port's words without a wire.

use std::sync::{Arc, Mutex};

use antiphon_broker::{
    BrokerCommand, BrokerEvent, Delivery, Hold, Publication, ServerInfo, SubscriptionId,
};
use tokio::sync::mpsc;

use crate::support::Channels;

/// Where all connections meet.
#[derive(Clone, Default)]
pub(crate) struct Bus(Arc<Mutex<Vec<Subscription>>>);

#[derive(Clone)]
struct Subscription {
    id: SubscriptionId,
    subject: String,
    events: mpsc::Sender<BrokerEvent>,
}

impl Bus {
    /// A new connection.
    pub(crate) fn connect(&self) -> Channels {
        let (commands, orders) = mpsc::channel(16);
        let (facts, events) = mpsc::channel(64);
        tokio::spawn(self.clone().serve(orders, facts));
        (commands, events)
    }

    /// Has every listener hear of a fact.
    pub(crate) async fn tell_all(&self, fact: fn() -> BrokerEvent) {
        let subscriptions = self.0.lock().unwrap().clone();
        for subscription in subscriptions {
            subscription.events.send(fact()).await.ok();
        }
    }

    async fn serve(
        self,
        mut orders: mpsc::Receiver<BrokerCommand>,
        facts: mpsc::Sender<BrokerEvent>,
    ) {
        let tell = async |event| facts.send(event).await.ok();
        tell(BrokerEvent::Connected(info())).await;
        while let Some(order) = orders.recv().await {
            match order {
                BrokerCommand::Subscribe { id, subject, .. } => {
                    let events = facts.clone();
                    self.0.lock().unwrap().push(Subscription { id, subject, events });
                }
                BrokerCommand::Unsubscribe { id } => {
                    self.0.lock().unwrap().retain(|s| s.id != id || !s.events.same_channel(&facts));
                    tell(BrokerEvent::Unsubscribed { id }).await;
                }
                BrokerCommand::Publish(publication) => self.publish(&publication).await,
                BrokerCommand::Barrier { id } => {
                    tell(BrokerEvent::BarrierPassed { id }).await;
                }
                BrokerCommand::Close => break,
            }
        }
        self.0.lock().unwrap().retain(|s| !s.events.same_channel(&facts));
        tell(BrokerEvent::Closed).await;
    }

    async fn publish(&self, publication: &Publication) {
        let subscriptions = self.0.lock().unwrap().clone();
        for to in subscriptions.iter().filter(|s| matches(&s.subject, &publication.subject)) {
            let delivery = Delivery {
                subscription: to.id,
                subject: publication.subject.clone(),
                reply: None,
                headers: publication.headers.clone(),
                payload: publication.payload.clone(),
                hold: Hold::none(),
            };
            to.events.send(BrokerEvent::Message(delivery)).await.ok();
        }
    }
}

fn info() -> ServerInfo {
    ServerInfo {
        url: "nats://memory:4222".to_owned(),
        name: "memory".to_owned(),
        id: "memory".to_owned(),
        version: "2.10.0".to_owned(),
        cluster: None,
        max_payload: 1 << 20,
        headers: true,
    }
}

fn matches(pattern: &str, subject: &str) -> bool {
    let (mut pattern, mut subject) = (pattern.split('.'), subject.split('.'));
    loop {
        match (pattern.next(), subject.next()) {
            (None, None) | (Some(">"), Some(_)) => return true,
            (Some(wanted), Some(token)) if wanted == "*" || wanted == token => {}
            _ => return false,
        }
    }
}
