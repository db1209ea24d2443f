//! `choria_util`: the node's connection; autonomous agents, of which this node has none.

use antiphon_broker::Srv;
use antiphon_broker::config::{
    CONNECT_TIMEOUT_DEFAULT, PING_INTERVAL_DEFAULT, RECONNECT_MAX_DEFAULT,
};
use serde::Serialize;
use serde_json::json;

use crate::config::SecurityConfig;
use crate::node::Node;
use crate::rpc::{Answer, Call};

/// Runs an action.
pub(super) fn run(call: &Call, node: &Node) -> Answer {
    match call.action.as_str() {
        "info" => info(node),
        "machine_states" => {
            Answer::ok(&json!({ "machine_ids": [], "machine_names": [], "states": {} }))
        }
        "machine_state" | "machine_transition" => Answer::aborted("this node has no machines"),
        _ => super::unknown_action(call),
    }
}

fn info(node: &Node) -> Answer {
    #[derive(Serialize)]
    struct Output<'a> {
        security: &'a str,
        connector: &'a str,
        client_version: &'a str,
        client_flavour: &'a str,
        client_options: ClientOptions<'a>,
        client_stats: ClientStats,
        connected_server: String,
        facter_domain: &'a str,
        facter_command: &'a str,
        srv_domain: &'a str,
        using_srv: bool,
        middleware_servers: Vec<String>,
        path: String,
        choria_version: &'a str,
        secure_protocol: bool,
        connector_tls: bool,
    }
    let servers = node.config.broker.servers.iter();
    let srv = node.config.broker.srv.as_ref();
    Answer::ok(&Output {
        security: match node.config.security {
            SecurityConfig::V1(_) => "file",
            SecurityConfig::V2(_) => "choria",
        },
        connector: "choria",
        client_version: crate::VERSION,
        client_flavour: "antiphon-broker",
        client_options: ClientOptions::of(node),
        client_stats: ClientStats::of(node),
        connected_server: node.connected_server(),
        facter_domain: "",
        facter_command: "",
        srv_domain: srv.and_then(Srv::domain).unwrap_or_default(),
        using_srv: srv.is_some(),
        middleware_servers: servers.map(|url| format!("{}:{}", url.host(), url.port())).collect(),
        path: std::env::var("PATH").unwrap_or_default(),
        choria_version: concat!("antiphon ", env!("CARGO_PKG_VERSION")),
        secure_protocol: true,
        connector_tls: node.config.broker.tls.is_some(),
    })
}

/// How the node connects, in the words of Choria's NATS library. Durations are in seconds.
#[derive(Serialize)]
struct ClientOptions<'a> {
    servers: Vec<String>,
    dont_randomize_servers: bool,
    name: &'a str,
    pedantic: bool,
    secure: bool,
    allow_reconnect: bool,
    max_reconnect_attempts: i32,
    reconnect_time_wait: u64,
    connect_timeout: u64,
    ping_interval: u64,
    max_outstanding_pings: u32,
}

impl<'a> ClientOptions<'a> {
    fn of(node: &'a Node) -> Self {
        let broker = &node.config.broker;
        Self {
            servers: broker.servers.iter().map(ToString::to_string).collect(),
            dont_randomize_servers: true,
            name: node.identity(),
            pedantic: false,
            secure: broker.tls.is_some(),
            allow_reconnect: true,
            // For ever.
            max_reconnect_attempts: -1,
            reconnect_time_wait: RECONNECT_MAX_DEFAULT.as_secs(),
            connect_timeout: CONNECT_TIMEOUT_DEFAULT.as_secs(),
            ping_interval: PING_INTERVAL_DEFAULT.as_secs(),
            max_outstanding_pings: 2,
        }
    }
}

/// What the connection counted; nodes that share it share the numbers.
#[derive(Serialize)]
struct ClientStats {
    in_msgs: u64,
    out_msgs: u64,
    in_bytes: u64,
    out_bytes: u64,
    reconnects: u64,
}

impl ClientStats {
    fn of(node: &Node) -> Self {
        let traffic = &node.traffic;
        Self {
            in_msgs: traffic.received(),
            out_msgs: traffic.published(),
            in_bytes: traffic.received_bytes(),
            out_bytes: traffic.published_bytes(),
            reconnects: traffic.connects().saturating_sub(1),
        }
    }
}
