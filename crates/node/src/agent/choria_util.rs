//! `choria_util`: the node's connection; autonomous agents, of which this node has none.

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
    Answer::ok(&Output {
        security: match node.config.security {
            SecurityConfig::V1(_) => "file",
            SecurityConfig::V2(_) => "choria",
        },
        connector: "choria",
        client_version: crate::VERSION,
        client_flavour: "antiphon-broker",
        connected_server: node.connected_server(),
        facter_domain: "",
        facter_command: "",
        srv_domain: "",
        using_srv: false,
        middleware_servers: servers.map(|url| format!("{}:{}", url.host(), url.port())).collect(),
        path: std::env::var("PATH").unwrap_or_default(),
        choria_version: concat!("antiphon ", env!("CARGO_PKG_VERSION")),
        secure_protocol: true,
        connector_tls: node.config.broker.tls.is_some(),
    })
}
