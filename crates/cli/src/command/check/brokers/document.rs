//! Takes apart what nats-server's monitoring pages say (NATS documentation, "Monitoring").

use std::{collections::BTreeSet, time::Duration};

use antiphon_broker::MonitoredConnection;
use serde_json::Value;

use crate::check::facts::ServerFacts;

/// How the connections of our gateways begin to be named.
const OUR_CONNECTIONS: &str = "antiphon ";

fn number(value: &Value, key: &str) -> u64 {
    value.get(key).and_then(Value::as_u64).unwrap_or_default()
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

/// `/varz`; `asked` is our clock when it was.
pub(super) fn server(facts: &mut ServerFacts, varz: &Value, asked: Duration) {
    facts.name = text(varz, "server_name");
    facts.version = text(varz, "version");
    facts.max_pending = number(varz, "max_pending");
    facts.max_payload = number(varz, "max_payload");
    facts.ping_interval = Duration::from_nanos(number(varz, "ping_interval"));
    facts.slow_consumers = number(varz, "slow_consumers");
    facts.connections = number(varz, "connections");
    facts.connections_max = number(varz, "max_connections");
    if let Some(cluster) = varz.get("cluster") {
        facts.cluster = text(cluster, "name");
        facts.cluster_servers = 1 + list(cluster, "urls").count() as u64;
    }
    let now = humantime::parse_rfc3339(&text(varz, "now")).ok();
    let now = now.and_then(|now| now.duration_since(std::time::UNIX_EPOCH).ok());
    facts.skew_millis = now.and_then(|now| {
        let millis = i64::try_from(now.abs_diff(asked).as_millis()).ok()?;
        Some(if now < asked { -millis } else { millis })
    });
}

/// `/leafz`.
pub(super) fn leaf_nodes(facts: &mut ServerFacts, leafz: &Value) {
    facts.leaf_nodes = list(leafz, "leafs")
        .map(|leaf| {
            let name = text(leaf, "name");
            if name.is_empty() { text(leaf, "ip") } else { name }
        })
        .collect();
}

/// `/gatewayz`.
pub(super) fn gateways(facts: &mut ServerFacts, gatewayz: &Value) {
    let outbound = gatewayz.get("outbound_gateways").and_then(Value::as_object);
    let inbound = gatewayz.get("inbound_gateways").and_then(Value::as_object);
    let names: BTreeSet<String> =
        outbound.into_iter().chain(inbound).flat_map(|gateways| gateways.keys().cloned()).collect();
    facts.nats_gateways = names.into_iter().collect();
}

/// One client: a gateway of ours, or a node.
pub(super) fn connection(
    facts: &mut ServerFacts,
    nodes: &mut BTreeSet<(String, String)>,
    connection: &MonitoredConnection,
) {
    if let Some(gateway) = connection.name.strip_prefix(OUR_CONNECTIONS) {
        facts.pending.insert(gateway.to_owned(), connection.pending_bytes);
    }
    nodes.extend(connection.subscriptions_list.iter().filter_map(|subject| node(subject)));
}

/// Whom a directed request on this subject is for: `<collective>.node.<identity>`.
fn node(subject: &str) -> Option<(String, String)> {
    let (collective, rest) = subject.split_once('.')?;
    let identity = rest.strip_prefix("node.")?;
    let one = !identity.is_empty() && !identity.contains(['*', '>']);
    one.then(|| (collective.to_owned(), identity.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_told_from_gateways_by_their_subjects() {
        let (collective, identity) = node("mcollective.node.n1.example.net").unwrap();
        assert_eq!((collective.as_str(), identity.as_str()), ("mcollective", "n1.example.net"));
        for other in ["mcollective.node.>", "mcollective.broadcast.agent.rpcutil", "x", "a.node."] {
            assert_eq!(node(other), None, "{other}");
        }
    }
}
