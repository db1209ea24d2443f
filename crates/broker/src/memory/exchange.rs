//! Who gets which message: the state of a memory broker, without tasks.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use tokio::sync::Notify;

use super::{Interest, MAX_PAYLOAD, PENDING_MAX};
use crate::{
    limits::Limits,
    port::{
        BarrierId, BrokerEvent, Operation, Publication, RefusedPublish, ServerInfo, SubscriptionId,
    },
    protocol::Pattern,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ConnectionId(u64);

/// What waits for a connection, in order.
#[derive(Debug)]
pub(super) enum Parcel {
    Message { subscription: SubscriptionId, publication: Publication },
    Fact(BrokerEvent),
}

#[derive(Debug)]
pub(super) struct Exchange {
    name: String,
    seed: u64,
    up: bool,
    connections: BTreeMap<ConnectionId, Connection>,
    connected_ever: u64,
    /// How many messages each queue group has taken; bounded by the groups that a test uses.
    turns: BTreeMap<String, u64>,
    denied: Vec<(String, Operation, Pattern)>,
}

#[derive(Debug)]
struct Connection {
    name: String,
    subscriptions: BTreeMap<SubscriptionId, Pattern>,
    /// Bounded by [`PENDING_MAX`] messages, by [`Exchange::has_room`] for facts that orders cause, and by the
    /// outages of a test.
    pending: VecDeque<Parcel>,
    messages: usize,
    wake: Arc<Notify>,
}

impl Exchange {
    pub(super) fn new(name: String, seed: u64) -> Self {
        Self {
            name,
            seed,
            up: true,
            connections: BTreeMap::new(),
            connected_ever: 0,
            turns: BTreeMap::new(),
            denied: Vec::new(),
        }
    }

    pub(super) fn connect(&mut self, name: &str) -> (ConnectionId, Arc<Notify>) {
        let id = ConnectionId(self.connected_ever);
        self.connected_ever += 1;
        let wake = Arc::new(Notify::new());
        let mut connection = Connection {
            name: name.to_owned(),
            subscriptions: BTreeMap::new(),
            pending: VecDeque::new(),
            messages: 0,
            wake: wake.clone(),
        };
        let info = self.info();
        connection.tell(match self.up {
            true => BrokerEvent::Connected(info),
            false => BrokerEvent::ConnectFailed { server: info.url, reason: "stopped".to_owned() },
        });
        self.connections.insert(id, connection);
        (id, wake)
    }

    pub(super) fn disconnect(&mut self, id: ConnectionId) {
        self.connections.remove(&id);
    }

    pub(super) fn next_parcel(&mut self, id: ConnectionId) -> Option<Parcel> {
        let connection = self.connections.get_mut(&id)?;
        let parcel = connection.pending.pop_front()?;
        if let Parcel::Message { .. } = parcel {
            connection.messages -= 1;
        }
        Some(parcel)
    }

    /// Whether an order may be taken that causes a fact.
    pub(super) fn has_room(&self, id: ConnectionId) -> bool {
        let pending = self.connections.get(&id).map_or(0, |connection| connection.pending.len());
        pending < 2 * PENDING_MAX
    }

    pub(super) fn subscribe(
        &mut self,
        id: ConnectionId,
        subscription: SubscriptionId,
        subject: String,
        group: Option<String>,
    ) {
        let denied = self.is_denied(id, Operation::Subscribe, &subject);
        let Some(connection) = self.connections.get_mut(&id) else { return };
        match Pattern::new(subject.clone(), group) {
            Some(pattern) if !denied => {
                connection.subscriptions.insert(subscription, pattern);
            }
            Some(_) | None => {
                let operation = Operation::Subscribe;
                connection.tell(BrokerEvent::PermissionDenied { operation, subject });
            }
        }
    }

    pub(super) fn unsubscribe(&mut self, id: ConnectionId, subscription: SubscriptionId) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.subscriptions.remove(&subscription);
        connection.tell(BrokerEvent::Unsubscribed { id: subscription });
    }

    pub(super) fn barrier(&mut self, id: ConnectionId, barrier: BarrierId) {
        let up = self.up;
        if let (Some(connection), true) = (self.connections.get_mut(&id), up) {
            connection.tell(BrokerEvent::BarrierPassed { id: barrier });
        }
    }

    /// Publishes for a connection; its refusals and denials are told to it.
    pub(super) fn publish_from(&mut self, id: ConnectionId, publication: &Publication) {
        let subject = publication.subject.clone();
        let fact = match self.is_denied(id, Operation::Publish, &subject) {
            true if self.up => {
                let operation = Operation::Publish;
                BrokerEvent::PermissionDenied { operation, subject }
            }
            _ => match self.publish(publication) {
                Ok(()) => return,
                Err(reason) => BrokerEvent::PublishRefused { subject, reason },
            },
        };
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.tell(fact);
        }
    }

    pub(super) fn publish(&mut self, publication: &Publication) -> Result<(), RefusedPublish> {
        self.check(publication)?;
        let mut groups: BTreeMap<String, Vec<(ConnectionId, SubscriptionId)>> = BTreeMap::new();
        let mut takers = Vec::new();
        for (id, connection) in &self.connections {
            for (subscription, pattern) in &connection.subscriptions {
                if !pattern.takes(&publication.subject) {
                    continue;
                }
                match pattern.group() {
                    None => takers.push((*id, *subscription)),
                    Some(group) => {
                        groups.entry(group.to_owned()).or_default().push((*id, *subscription));
                    }
                }
            }
        }
        takers
            .extend(groups.into_iter().filter_map(|(group, members)| self.chosen(group, &members)));
        for (id, subscription) in takers {
            self.deliver(id, subscription, publication.clone());
        }
        Ok(())
    }

    pub(super) fn stop(&mut self) {
        if !std::mem::replace(&mut self.up, false) {
            return;
        }
        for connection in self.connections.values_mut() {
            connection.cut("stopped");
        }
    }

    pub(super) fn start(&mut self) {
        if std::mem::replace(&mut self.up, true) {
            return;
        }
        let info = self.info();
        for connection in self.connections.values_mut() {
            connection.tell(BrokerEvent::Connected(info.clone()));
        }
    }

    pub(super) fn deny(&mut self, connection: &str, operation: Operation, pattern: Pattern) {
        self.denied.push((connection.to_owned(), operation, pattern));
    }

    pub(super) fn interest(&self) -> Vec<Interest> {
        let of = |connection: &Connection| {
            let name = connection.name.clone();
            let patterns = connection.subscriptions.values().cloned();
            let interest = patterns.map(move |pattern| Interest {
                connection: name.clone(),
                subject: pattern.subject().to_owned(),
                group: pattern.group().map(str::to_owned),
            });
            interest.collect::<Vec<_>>()
        };
        let mut interest: Vec<Interest> = self.connections.values().flat_map(of).collect();
        interest.sort();
        interest
    }

    fn check(&self, publication: &Publication) -> Result<(), RefusedPublish> {
        if !self.up {
            return Err(RefusedPublish::Disconnected);
        }
        let limits = Limits { max_payload: MAX_PAYLOAD, takes_headers: true };
        limits.refusal(publication).map_or(Ok(()), Err)
    }

    fn is_denied(&self, id: ConnectionId, operation: Operation, subject: &str) -> bool {
        let Some(connection) = self.connections.get(&id) else { return false };
        self.denied.iter().any(|(name, denied, pattern)| {
            *name == connection.name
                && *denied == operation
                && (pattern.subject() == subject || pattern.takes(subject))
        })
    }

    /// The member whose turn it is; the members are in the order of their connections.
    fn chosen(
        &mut self,
        group: String,
        members: &[(ConnectionId, SubscriptionId)],
    ) -> Option<(ConnectionId, SubscriptionId)> {
        let turn = self.turns.entry(group).or_insert(self.seed);
        let count = u64::try_from(members.len()).unwrap_or(u64::MAX).max(1);
        let index = usize::try_from(*turn % count).unwrap_or_default();
        *turn = turn.wrapping_add(1);
        members.get(index).copied()
    }

    fn deliver(
        &mut self,
        id: ConnectionId,
        subscription: SubscriptionId,
        publication: Publication,
    ) {
        let info = self.info();
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if connection.messages == PENDING_MAX {
            connection.tell_lagged();
            connection.tell(BrokerEvent::Connected(info));
        }
        connection.messages += 1;
        connection.pending.push_back(Parcel::Message { subscription, publication });
        connection.wake.notify_one();
    }

    fn info(&self) -> ServerInfo {
        ServerInfo {
            url: format!("nats://{}:4222", self.name),
            name: self.name.clone(),
            id: format!("memory-{}", self.name),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            cluster: None,
            max_payload: MAX_PAYLOAD,
            headers: true,
        }
    }
}

impl Connection {
    fn tell(&mut self, fact: BrokerEvent) {
        self.pending.push_back(Parcel::Fact(fact));
        self.wake.notify_one();
    }

    /// The connection is gone: with it go messages and barriers, but not what was told before them.
    fn cut(&mut self, reason: &str) {
        let (lost, kept) = std::mem::take(&mut self.pending).into_iter().partition(|parcel| {
            matches!(
                parcel,
                Parcel::Message { .. } | Parcel::Fact(BrokerEvent::BarrierPassed { .. })
            )
        });
        let _: VecDeque<Parcel> = lost;
        self.pending = kept;
        self.messages = 0;
        self.tell(BrokerEvent::Disconnected { reason: reason.to_owned() });
    }

    fn tell_lagged(&mut self) {
        let lost = u64::try_from(self.messages).ok();
        self.tell(BrokerEvent::Lagged { lost });
        self.cut("slow consumer");
    }
}
