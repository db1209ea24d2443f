//! A region's broker inside a test.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use antiphon_broker::{
    Broker, BrokerCommand, BrokerEvent, Delivery, Hold, Intake, Operation, Publication, ServerInfo,
    SubscriptionId,
};
use bytes::Bytes;
use tokio::sync::mpsc;

/// A broker that any number of connections share. Clones are the same broker.
#[derive(Clone, Default)]
pub(crate) struct Bus(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    connections: BTreeMap<u64, mpsc::Sender<BrokerEvent>>,
    subscriptions: BTreeMap<(u64, SubscriptionId), Subscription>,
    published: Vec<Publication>,
}

struct Subscription {
    subject: String,
    group: Option<String>,
}

impl Bus {
    /// Another connection, which stands at once.
    pub(crate) fn connect(&self) -> Broker {
        let (commands, orders) = mpsc::channel(16_384);
        let (facts, events) = mpsc::channel(16_384);
        let connection = {
            let mut inner = self.lock();
            let connection = inner.connections.last_key_value().map_or(1, |(last, _)| last + 1);
            facts.try_send(BrokerEvent::Connected(server())).unwrap();
            inner.connections.insert(connection, facts);
            connection
        };
        let task = tokio::spawn(self.clone().serve(connection, orders));
        Broker { commands, events, intake: Intake::new(1 << 20), stats: Arc::default(), task }
    }

    /// A client publishes.
    pub(crate) fn publish(&self, subject: &str, payload: impl Into<Bytes>) {
        let (subject, payload) = (subject.to_owned(), payload.into());
        self.lock().deliver(Publication { subject, headers: Vec::new(), payload });
    }

    /// What was published on this subject so far.
    pub(crate) fn published_on(&self, subject: &str) -> Vec<Publication> {
        let inner = self.lock();
        inner.published.iter().filter(|one| one.subject == subject).cloned().collect()
    }

    /// Whether any connection is in a queue group.
    pub(crate) fn is_joined(&self) -> bool {
        self.lock().subscriptions.values().any(|one| one.group.is_some())
    }

    /// Tells every gateway that it may not subscribe to this subject.
    pub(crate) fn deny_subscription(&self, subject: &str) {
        let inner = self.lock();
        for connection in inner.connections.keys() {
            let (operation, subject) = (Operation::Subscribe, subject.to_owned());
            inner.tell(*connection, BrokerEvent::PermissionDenied { operation, subject });
        }
    }

    /// Tells them that they may after all.
    pub(crate) fn allow_subscription(&self, subject: &str) {
        let inner = self.lock();
        for connection in inner.connections.keys() {
            let subject = subject.to_owned();
            inner.tell(*connection, BrokerEvent::SubscriptionAllowed { subject });
        }
    }

    /// Ends every adapter, as a defect of theirs would.
    pub(crate) fn break_adapters(&self) {
        self.lock().connections.clear();
    }

    async fn serve(self, connection: u64, mut orders: mpsc::Receiver<BrokerCommand>) {
        while let Some(order) = orders.recv().await {
            if self.lock().obey(connection, order).is_none() {
                break;
            }
        }
        let mut inner = self.lock();
        inner.connections.remove(&connection);
        inner.subscriptions.retain(|(of, _), _| *of != connection);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }
}

impl Inner {
    /// `None` once the connection is closed.
    fn obey(&mut self, connection: u64, order: BrokerCommand) -> Option<()> {
        match order {
            BrokerCommand::Subscribe { id, subject, group } => {
                self.subscriptions.insert((connection, id), Subscription { subject, group });
            }
            BrokerCommand::Unsubscribe { id } => {
                self.subscriptions.remove(&(connection, id));
                self.tell(connection, BrokerEvent::Unsubscribed { id });
            }
            BrokerCommand::Publish(publication) => self.deliver(publication),
            BrokerCommand::Barrier { id } => {
                self.tell(connection, BrokerEvent::BarrierPassed { id });
            }
            BrokerCommand::Close => {
                self.tell(connection, BrokerEvent::Closed);
                return None;
            }
        }
        Some(())
    }

    /// To every subscription without a group, and to the first of each group.
    fn deliver(&mut self, publication: Publication) {
        let mut served = Vec::new();
        let mut takers = Vec::new();
        for ((connection, id), Subscription { subject, group }) in &self.subscriptions {
            let taken = group.as_ref().is_some_and(|group| served.contains(&(group, subject)));
            if !taken && matches(subject, &publication.subject) {
                served.extend(group.as_ref().map(|group| (group, subject)));
                takers.push((*connection, *id));
            }
        }
        for (connection, subscription) in takers {
            let Publication { subject, headers, payload } = publication.clone();
            let hold = Hold::none();
            let delivery = Delivery { subscription, subject, reply: None, headers, payload, hold };
            self.tell(connection, BrokerEvent::Message(delivery));
        }
        self.published.push(publication);
    }

    fn tell(&self, connection: u64, event: BrokerEvent) {
        if let Some(events) = self.connections.get(&connection) {
            events.try_send(event).unwrap();
        }
    }
}

fn matches(pattern: &str, subject: &str) -> bool {
    let (mut pattern, mut subject) = (pattern.split('.'), subject.split('.'));
    loop {
        match (pattern.next(), subject.next()) {
            (Some(">"), Some(_)) | (None, None) => return true,
            (Some(wanted), Some(token)) if wanted == "*" || wanted == token => {}
            _ => return false,
        }
    }
}

fn server() -> ServerInfo {
    ServerInfo {
        url: "nats://localhost:4222".to_owned(),
        name: "bus".to_owned(),
        id: "BUS".to_owned(),
        version: "2.12.0".to_owned(),
        cluster: None,
        max_payload: 1 << 20,
        headers: true,
    }
}
