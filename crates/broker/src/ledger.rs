//! What outlives a connection: subscriptions, servers, and facts that the shell has not taken yet.

use std::{collections::VecDeque, sync::Arc};

use crate::{
    denied::Denied,
    port::{BrokerCommand, BrokerEvent, Operation, RefusedPublish, SubscriptionId},
    protocol::Pattern,
    servers::Servers,
    stats::Stats,
    subscriptions::Subscriptions,
};

/// How many facts may wait for a shell that does not take them before no more orders are taken.
///
/// Beside them at most one message waits, and one fact per leave that a lost connection ends.
const FACTS_WAITING_MAX: usize = 1024;

#[derive(Debug)]
pub(crate) struct Ledger {
    pub(crate) subscriptions: Subscriptions,
    pub(crate) denied: Denied,
    pub(crate) servers: Servers,
    pub(crate) facts: VecDeque<BrokerEvent>,
    pub(crate) stats: Arc<Stats>,
}

/// What is left to do for an order when no connection can carry it out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Offline {
    Done,
    Close,
}

impl Ledger {
    pub(crate) fn new(servers: Servers, stats: Arc<Stats>) -> Self {
        let subscriptions = Subscriptions::default();
        Self { subscriptions, denied: Denied::default(), servers, facts: VecDeque::new(), stats }
    }

    pub(crate) fn tell(&mut self, fact: BrokerEvent) {
        self.facts.push_back(fact);
    }

    /// Whether an order may be taken that causes a fact.
    pub(crate) fn has_room(&self) -> bool {
        self.facts.len() < FACTS_WAITING_MAX
    }

    /// Remembers a subscription if its pattern is legal, and says so if not.
    pub(crate) fn subscribe(
        &mut self,
        id: SubscriptionId,
        subject: String,
        group: Option<String>,
    ) -> Option<&Pattern> {
        match Pattern::new(subject.clone(), group) {
            Some(pattern) => self.subscriptions.add(id, pattern),
            None => {
                let operation = Operation::Subscribe;
                self.tell(BrokerEvent::PermissionDenied { operation, subject });
                None
            }
        }
    }

    pub(crate) fn end_subscription(&mut self, id: SubscriptionId) {
        self.subscriptions.end(id);
        self.tell(BrokerEvent::Unsubscribed { id });
    }

    /// Takes an order while there is no connection: subscriptions are remembered, publications refused,
    /// barriers lost.
    pub(crate) fn order_offline(&mut self, order: BrokerCommand) -> Offline {
        match order {
            BrokerCommand::Subscribe { id, subject, group } => {
                self.subscribe(id, subject, group);
            }
            BrokerCommand::Unsubscribe { id } => {
                // A leave that is under way ends with its connection.
                if !self.subscriptions.is_leaving(id) {
                    self.end_subscription(id);
                }
            }
            BrokerCommand::Publish(publication) => self.tell(BrokerEvent::PublishRefused {
                subject: publication.subject,
                reason: RefusedPublish::Disconnected,
            }),
            BrokerCommand::Barrier { .. } => {}
            BrokerCommand::Close => return Offline::Close,
        }
        Offline::Done
    }

    /// The connection is gone, and with it every leave that was under way.
    pub(crate) fn end_connection(&mut self, reason: String) {
        self.tell(BrokerEvent::Disconnected { reason });
        for id in self.subscriptions.end_leaving() {
            self.tell(BrokerEvent::Unsubscribed { id });
        }
    }
}
