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

#[derive(Debug, Deserialize)]
pub(super) struct Connection {
    pub(super) cid: u64,
    #[serde(default)]
    pub(super) subscriptions_list: Vec<String>,
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
