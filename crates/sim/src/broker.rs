//! A virtual broker: subscriptions, queue groups, nodes and clients of one region.

use std::collections::BTreeMap;

use antiphon_core::{GatewayId, SubscriptionId};
use antiphon_wire::{Identity, Subject};
use bytes::Bytes;

/// One message that reached a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The subject it was published on.
    pub subject: String,
    /// The payload.
    pub payload: Bytes,
}

/// The broker of one region.
#[derive(Debug, Default)]
pub struct Broker {
    subscriptions: BTreeMap<(GatewayId, SubscriptionId), Subscription>,
    /// Turns of each queue group.
    turns: BTreeMap<String, usize>,
    /// The nodes on it. All run every agent of every collective.
    pub nodes: Vec<Identity>,
    /// Everything published on reply subjects.
    pub clients: Vec<Delivered>,
    /// How often each request was published here by the fabric, by subject and payload's request.
    pub published: BTreeMap<(String, String), u32>,
    /// Whether gateways can reach it.
    pub up: bool,
}

#[derive(Debug)]
struct Subscription {
    subject: String,
    group: Option<String>,
}

impl Broker {
    /// A broker that is up, with these nodes.
    #[must_use]
    pub fn new(nodes: Vec<Identity>) -> Self {
        Self { nodes, up: true, ..Self::default() }
    }

    /// Adds a subscription.
    pub fn subscribe(
        &mut self,
        gateway: &GatewayId,
        id: SubscriptionId,
        subject: String,
        group: Option<String>,
    ) {
        self.subscriptions.insert((gateway.clone(), id), Subscription { subject, group });
    }

    /// Ends a subscription.
    pub fn unsubscribe(&mut self, gateway: &GatewayId, id: SubscriptionId) {
        self.subscriptions.remove(&(gateway.clone(), id));
    }

    /// Ends all subscriptions of a gateway.
    pub fn disconnect(&mut self, gateway: &GatewayId) {
        self.subscriptions.retain(|(owner, _), _| owner != gateway);
    }

    /// The gateways that a message on this subject goes to: one of each queue group.
    pub fn receivers(&mut self, subject: &str) -> Vec<GatewayId> {
        let mut groups: BTreeMap<&str, Vec<&GatewayId>> = BTreeMap::new();
        let mut receivers = Vec::new();
        for ((gateway, _), subscription) in &self.subscriptions {
            if !matches(&subscription.subject, subject) {
                continue;
            }
            match &subscription.group {
                Some(group) => groups.entry(group).or_default().push(gateway),
                None => receivers.push(gateway.clone()),
            }
        }
        for (group, members) in groups {
            let turn = self.turns.entry(group.to_owned()).or_default();
            *turn += 1;
            receivers.extend(members.get(*turn % members.len()).map(|one| (*one).clone()));
        }
        receivers
    }

    /// The nodes that a message on this subject goes to.
    #[must_use]
    pub fn nodes_for(&self, subject: &str) -> Vec<Identity> {
        match Subject::parse(subject) {
            Ok(Subject::Broadcast { .. }) => self.nodes.clone(),
            Ok(Subject::Node { identity, .. }) => {
                self.nodes.iter().filter(|one| **one == identity).cloned().collect()
            }
            Ok(
                Subject::Service { .. }
                | Subject::Reply(_)
                | Subject::FederationRequest { .. }
                | Subject::FederationReply { .. }
                | Subject::Lifecycle { .. }
                | Subject::Other(_),
            )
            | Err(_) => Vec::new(),
        }
    }
}

/// NATS wildcards: `*` for one token, a final `>` for one or more.
fn matches(pattern: &str, subject: &str) -> bool {
    let mut tokens = subject.split('.');
    for want in pattern.split('.') {
        match (want, tokens.next()) {
            (">", Some(_)) => return true,
            ("*", Some(_)) => {}
            (want, Some(token)) if want == token => {}
            (_, _) => return false,
        }
    }
    tokens.next().is_none()
}
