//! Nodes with bad habits, and a client among them.

use antiphon_broker::MemoryBroker;
use antiphon_client::Client;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::{Log, Script, client, config, good, memory, node};

/// A client among nodes.
pub(crate) async fn among(nodes: &[(&'static str, Script)]) -> (Client, Log) {
    on(&memory(), nodes).await
}

/// A client among nodes, of this broker.
pub(crate) async fn on(broker: &MemoryBroker, nodes: &[(&'static str, Script)]) -> (Client, Log) {
    let log = Log::default();
    for (identity, script) in nodes {
        node(broker.connect(identity), identity, *script, &log).await;
    }
    let client = client(config(), broker.connect("alice"), &CancellationToken::new()).await;
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
