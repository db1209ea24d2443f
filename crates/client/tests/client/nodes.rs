//! Nodes with bad habits, and a client among them.

use antiphon_client::Client;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::bus::Bus;
use crate::support::{Log, Script, client, config, good, node};

/// A client among nodes.
pub(crate) async fn among(nodes: &[(&'static str, Script)]) -> (Client, Log) {
    on(&Bus::default(), nodes).await
}

/// A client among nodes, on this bus.
pub(crate) async fn on(bus: &Bus, nodes: &[(&'static str, Script)]) -> (Client, Log) {
    let log = Log::default();
    for (identity, script) in nodes {
        node(bus.connect(), identity, *script, &log).await;
    }
    let client = client(config(), bus.connect(), &CancellationToken::new()).await;
    (client, log)
}

pub(crate) fn silent(_: &str, body: &Value) -> Vec<String> {
    if body == "ping" { vec!["pong".to_owned()] } else { Vec::new() }
}

pub(crate) fn twice(identity: &str, body: &Value) -> Vec<String> {
    if body == "ping" {
        silent(identity, body)
    } else {
        [good(identity, body), good(identity, body)].concat()
    }
}

pub(crate) fn failing(identity: &str, body: &Value) -> Vec<String> {
    let reply =
        json!({"action": body["action"], "statuscode": 1, "statusmsg": "no luck", "data": {}});
    if body == "ping" { silent(identity, body) } else { vec![reply.to_string()] }
}

pub(crate) fn babbling(identity: &str, body: &Value) -> Vec<String> {
    if body == "ping" {
        silent(identity, body)
    } else {
        vec!["!not json".into(), "not json".into()]
    }
}
