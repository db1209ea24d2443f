//! A virtual broker: connections, subscriptions, queue groups and nodes of one region.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use antiphon_core::{
    CollectiveInterest, IdentityHash, Interest, InterestRead, RegionId, SubscriptionId,
};
use antiphon_wire::{Agent, Collective, Identity, Subject};

use crate::{chance::Chance, world::Slot};

/// One way between a broker and whoever is connected to it, where nothing is said.
const NEAR: Duration = Duration::from_micros(200);

/// One life of a gateway's connection to its broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConnectionId(pub(crate) u64);

/// The broker of one region.
#[derive(Debug)]
pub(crate) struct Broker {
    pub(crate) up: bool,
    /// One way between it and its nodes and clients.
    pub(crate) delay: Duration,
    /// One way between it and a gateway, from and to.
    pub(crate) path: (Duration, Duration),
    /// How long a node takes to answer, from and to.
    pub(crate) answer: (Duration, Duration),
    /// Bytes in a node's answer.
    pub(crate) answer_bytes: usize,
    /// Largest payload in bytes.
    pub(crate) max_payload: u64,
    /// The nodes on it. All run every agent of every collective.
    pub(crate) nodes: Vec<Identity>,
    /// Service agents that all of them run, as one queue group.
    pub(crate) services: BTreeSet<Agent>,
    /// Gateways and nodes that are cut off from the rest: servers of its cluster that lost the others,
    /// or a cluster of its own under the same region's name.
    pub(crate) apart: Apart,
    /// Regions whose brokers are joined with this one natively.
    pub(crate) joined: BTreeSet<RegionId>,
    /// Whether its clients read nothing.
    pub(crate) deaf: bool,
    /// Whether its monitoring port answers.
    pub(crate) monitored: bool,
    /// Patterns on which gateways may not publish.
    pub(crate) denied: BTreeSet<String>,
    connections: BTreeMap<Slot, Connection>,
    last_connection: u64,
}

#[derive(Debug)]
struct Connection {
    id: ConnectionId,
    subscriptions: BTreeMap<SubscriptionId, Subscription>,
}

#[derive(Debug)]
struct Subscription {
    subject: String,
    group: Option<String>,
}

/// Who is on the far side of a cluster that is split.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Apart {
    pub(crate) gateways: BTreeSet<Slot>,
    pub(crate) nodes: BTreeSet<Identity>,
}

/// One side of a broker's cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Side {
    /// All of it, or what is left: clients are here.
    #[default]
    Main,
    /// What is apart.
    Apart,
}

/// Whom a message goes to.
#[derive(Debug, Default)]
pub(crate) struct Receivers {
    /// Each subscription without a group.
    pub(crate) plain: Vec<(Slot, ConnectionId)>,
    /// Members of each matching queue group.
    pub(crate) groups: BTreeMap<String, Vec<(Slot, ConnectionId)>>,
}

impl Broker {
    pub(crate) fn new(nodes: Vec<Identity>) -> Self {
        Self {
            up: true,
            delay: NEAR,
            path: (NEAR, NEAR),
            answer: (Duration::from_millis(1), Duration::from_millis(5)),
            answer_bytes: 4,
            max_payload: 1 << 20,
            nodes,
            services: BTreeSet::new(),
            apart: Apart::default(),
            joined: BTreeSet::new(),
            deaf: false,
            monitored: true,
            denied: BTreeSet::new(),
            connections: BTreeMap::new(),
            last_connection: 0,
        }
    }

    pub(crate) fn connect(&mut self, slot: Slot) -> ConnectionId {
        self.last_connection += 1;
        let id = ConnectionId(self.last_connection);
        self.connections.insert(slot, Connection { id, subscriptions: BTreeMap::new() });
        id
    }

    pub(crate) fn disconnect(&mut self, slot: Slot) {
        self.connections.remove(&slot);
    }

    pub(crate) fn connected(&self) -> Vec<Slot> {
        self.connections.keys().copied().collect()
    }

    pub(crate) fn has(&self, slot: Slot, id: ConnectionId) -> bool {
        self.connections.get(&slot).is_some_and(|one| one.id == id)
    }

    pub(crate) fn subscribe(
        &mut self,
        slot: Slot,
        id: SubscriptionId,
        subject: String,
        group: Option<String>,
    ) {
        if let Some(connection) = self.connections.get_mut(&slot) {
            connection.subscriptions.insert(id, Subscription { subject, group });
        }
    }

    pub(crate) fn unsubscribe(&mut self, slot: Slot, id: SubscriptionId) {
        if let Some(connection) = self.connections.get_mut(&slot) {
            connection.subscriptions.remove(&id);
        }
    }

    pub(crate) fn denies(&self, subject: &str) -> bool {
        self.denied.iter().any(|pattern| matches(pattern, subject))
    }

    /// The side that a gateway is connected to.
    pub(crate) fn side(&self, slot: Slot) -> Side {
        if self.apart.gateways.contains(&slot) { Side::Apart } else { Side::Main }
    }

    /// The side that a node is connected to.
    pub(crate) fn side_of_node(&self, node: &Identity) -> Side {
        if self.apart.nodes.contains(node) { Side::Apart } else { Side::Main }
    }

    fn is_split(&self) -> bool {
        self.apart != Apart::default()
    }

    /// Who of this broker's own connections listens to a subject on one side.
    pub(crate) fn receivers(&self, side: Side, subject: &str) -> Receivers {
        let mut receivers = Receivers::default();
        let connections = self.connections.iter().filter(|(slot, _)| self.side(**slot) == side);
        for (slot, connection) in connections {
            for subscription in connection.subscriptions.values() {
                if !matches(&subscription.subject, subject) {
                    continue;
                }
                let one = (*slot, connection.id);
                match &subscription.group {
                    Some(group) => receivers.groups.entry(group.clone()).or_default().push(one),
                    None => receivers.plain.push(one),
                }
            }
        }
        receivers
    }

    /// Its subscription lists, as the monitoring ports on one side show them: those of its own nodes.
    pub(crate) fn read_interest(
        &self,
        side: Side,
        collectives: &BTreeSet<Collective>,
        names: &BTreeSet<IdentityHash>,
    ) -> InterestRead {
        if !self.monitored {
            return InterestRead { problem: "no answer".to_owned(), ..InterestRead::default() };
        }
        let here = self.nodes.iter().filter(|one| self.side_of_node(one) == side);
        let mut identities: Vec<IdentityHash> =
            here.map(|one| IdentityHash::of(one.as_str())).collect();
        identities.sort_unstable();
        let here = self.nodes.iter().filter(|one| self.side_of_node(one) == side);
        let named = here.map(|one| one.as_str());
        let named = named.filter(|one| names.contains(&IdentityHash::of(one)));
        let agents: Vec<Agent> =
            ["discovery", "rpcutil"].iter().filter_map(|one| Agent::try_from(*one).ok()).collect();
        let services: Vec<Agent> = self.services.iter().cloned().collect();
        // Where no node listens, nobody listens for an agent or a service either.
        let held = collectives.iter().filter(|_| !identities.is_empty());
        let found = |collective: &Collective| CollectiveInterest {
            collective: collective.clone(),
            identities: identities.clone(),
            agents: agents.clone(),
            services: services.clone(),
        };
        InterestRead {
            // A server that another one is joined to names it, and nobody reads that one here; one
            // that lost others is asked for them in vain.
            complete: self.joined.is_empty() && !self.is_split(),
            servers: 1,
            collectives: held.map(found).collect(),
            problem: String::new(),
            names: named.map(str::to_owned).collect(),
        }
    }

    /// Whether a node on this side listens to exactly this subject.
    pub(crate) fn interest_in(&self, side: Side, subject: &str) -> Interest {
        match (self.monitored, self.nodes_for(side, subject).is_empty()) {
            (true, true) if self.joined.is_empty() && !self.is_split() => Interest::Absent,
            (true, false) => Interest::Present,
            (true | false, _) => Interest::Unknown,
        }
    }

    /// The nodes on this side that listen to a subject: one of them gets what goes to a service.
    pub(crate) fn nodes_for(&self, side: Side, subject: &str) -> Vec<Identity> {
        let here = self.nodes.iter().filter(|one| self.side_of_node(one) == side);
        match Subject::parse(subject) {
            Ok(Subject::Broadcast { .. }) => here.cloned().collect(),
            Ok(Subject::Node { identity, .. }) => {
                here.filter(|one| **one == identity).cloned().collect()
            }
            Ok(Subject::Service { agent, .. }) if self.services.contains(&agent) => {
                here.cloned().collect()
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

impl Receivers {
    /// One of each group, and all others.
    pub(crate) fn choose(self, chance: &mut Chance) -> Vec<(Slot, ConnectionId)> {
        let mut chosen = self.plain;
        chosen.extend(self.groups.values().filter_map(|group| chance.pick(group)).copied());
        chosen
    }

    /// What of another broker's receivers a message that came from `nearer` still goes to: NATS
    /// prefers the members of a queue group that are near.
    pub(crate) fn beyond(mut self, nearer: &BTreeSet<String>) -> Self {
        self.groups.retain(|group, _| !nearer.contains(group));
        self
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
