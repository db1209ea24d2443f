//! The parts of nats-server's monitoring documents that matter here (`server/monitor.go`).

use std::collections::BTreeMap;

use serde::{Deserialize, de::IgnoredAny};

/// `/varz`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Varz {
    pub(super) server_id: String,
    pub(super) server_name: String,
    /// Connections to leaf nodes, and to the server that it is a leaf of.
    pub(super) leafnodes: u64,
    pub(super) gateway: Gateway,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Gateway {
    pub(super) name: String,
}

/// `/routez`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Routez {
    pub(super) routes: Vec<Route>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Route {
    pub(super) remote_id: String,
}

/// `/leafz`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Leafz {
    pub(super) leafs: Vec<Leaf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Leaf {
    pub(super) name: String,
}

/// `/gatewayz`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Gatewayz {
    pub(super) outbound_gateways: BTreeMap<String, IgnoredAny>,
}

/// `/connz`: a page of connections, by their numbers.
#[derive(Debug, Deserialize)]
pub(super) struct Connz {
    /// Connections on all pages.
    pub(super) total: usize,
    #[serde(default)]
    pub(super) connections: Vec<Connection>,
}

/// A client of a server.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Connection {
    /// Its number; later ones have larger numbers.
    pub cid: u64,
    /// Its name, as it says.
    #[serde(default)]
    pub name: String,
    /// Bytes that wait for it.
    #[serde(default)]
    pub pending_bytes: u64,
    /// Subjects that it listens to.
    #[serde(default)]
    pub subscriptions_list: Vec<String>,
}

/// `/subsz`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Subsz {
    pub(super) subscriptions_list: Vec<Subscription>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Subscription {
    pub(super) account: String,
    pub(super) subject: String,
    pub(super) qgroup: String,
}
