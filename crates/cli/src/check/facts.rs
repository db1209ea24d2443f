//! What the doctor learns besides the gateways' reports: from brokers, and by pinging.

use std::{collections::BTreeMap, collections::BTreeSet, time::Duration};

/// One server of a broker, as its monitoring port shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerFacts {
    /// The region.
    pub region: String,
    /// Its monitoring port.
    pub url: String,
    /// Why it did not answer; then the rest says nothing.
    pub error: Option<String>,
    /// Its name.
    pub name: String,
    /// Its release.
    pub version: String,
    /// Its cluster; empty without one.
    pub cluster: String,
    /// How many servers its cluster has, as it says; 0 without one.
    pub cluster_servers: u64,
    /// Bytes that may wait for one client.
    pub max_pending: u64,
    /// Largest payload in bytes.
    pub max_payload: u64,
    /// Between two questions to a client whether it lives.
    pub ping_interval: Duration,
    /// Clients that were cut off for reading too slowly.
    pub slow_consumers: u64,
    /// Clients.
    pub connections: u64,
    /// The most clients.
    pub connections_max: u64,
    /// Names of leaf nodes.
    pub leaf_nodes: Vec<String>,
    /// Names of clusters that it is joined with by NATS gateways.
    pub nats_gateways: Vec<String>,
    /// Bytes that wait for each gateway of ours, by the name of its connection.
    pub pending: BTreeMap<String, u64>,
    /// Who listens for directed requests, collective and identity; `None` where there are too many to
    /// list.
    pub nodes: Option<BTreeSet<(String, String)>>,
    /// By how much its clock is ahead (or behind, negative) of ours, in milliseconds.
    pub skew_millis: Option<i64>,
}

/// Who pinged, if anybody could.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientFacts {
    /// Where its configuration is from; `None`: there is none.
    pub origin: Option<String>,
    /// Why it could not ping, by region (empty: whichever it is in).
    pub errors: BTreeMap<String, String>,
    /// How long its discovery listens.
    pub discovery_timeout: Duration,
    /// Whether its discovery ends when nobody has answered for 300 ms.
    pub discovery_window: bool,
    /// Lifetime of its requests.
    pub ttl: Duration,
    /// Nodes that answered one ping more than once.
    pub copies: BTreeSet<String>,
}

/// An ordered pair of regions, and how it was proven to work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Where the client is.
    pub from: String,
    /// Where the nodes are.
    pub to: String,
    /// How.
    pub proof: Proof,
}

/// How a pair of regions was proven to work, or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A discovery ping from a client in `from` was answered by nodes of `to`.
    Ping {
        /// How many nodes answered.
        nodes: u64,
        /// How many there are, where that is known.
        known: Option<u64>,
        /// How long the last of them took.
        slowest: Duration,
    },
    /// It was pinged, and none of the nodes that are known to be there answered.
    Silence {
        /// How many there are.
        known: u64,
    },
    /// A gateway of `from` had a probe of the fabric answered by a gateway of `to`; no node was asked.
    Probe {
        /// How long that took.
        took: Duration,
    },
    /// Such a probe was not answered.
    ProbeLost {
        /// Why, for people.
        reason: String,
    },
    /// Nothing could be tried.
    Nothing {
        /// Why, for people.
        reason: String,
    },
}
