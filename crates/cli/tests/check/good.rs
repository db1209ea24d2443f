//! Evidence of a healthy fabric: three regions of two gateways, every two of them linked.

use std::{collections::BTreeMap, time::Duration};

use antiphon_cli::check::{
    Evidence,
    evidence::Asked,
    facts::{ClientFacts, Pair, Proof, ServerFacts},
};
use antiphon_gateway::shell::Report;
use serde_json::{Map, Value, json};

/// The moment of every report, since 1970.
pub(crate) const AT: u64 = 1_796_000_000;
/// The regions.
pub(crate) const REGIONS: [&str; 3] = ["ap", "eu", "us"];

const DAY: u64 = 24 * 3600;

fn gateways() -> Vec<String> {
    REGIONS.iter().flat_map(|region| [1, 2].map(|number| format!("{region}-{number}"))).collect()
}

fn region_of(gateway: &str) -> &str {
    gateway.split('-').next().unwrap()
}

fn span(seconds: u64) -> Value {
    json!({ "secs": seconds, "nanos": 0 })
}

fn cost(one: &str, other: &str) -> u32 {
    if region_of(one) == region_of(other) { 1 } else { 80 }
}

fn route(us: &str, ends: &[&String]) -> Value {
    let cost = ends.iter().map(|end| cost(us, end)).min().unwrap();
    json!({ "cost": cost, "next_hops": ends, "ends": ends, "backup": null })
}

fn adjacencies(gateway: &str) -> Map<String, Value> {
    let others = gateways().into_iter().filter(|one| one != gateway);
    others.map(|other| (other.clone(), json!(cost(gateway, &other)))).collect()
}

fn member(us: &str, gateway: &String) -> Value {
    let ours = us == gateway;
    json!({
        "gateway": gateway, "region": region_of(gateway), "state": "active", "broker": true,
        "advert": { "incarnation": 1_795_000_000_000_000_u64, "version": 9 },
        "adjacencies": adjacencies(gateway),
        "version": if ours { "" } else { "0.1.0" },
        "endpoint": format!("{gateway}.example.net:7440"),
        "gossip": !ours,
        "route": if ours { Value::Null } else { route(us, &[gateway]) },
    })
}

fn link(us: &str, gateway: &String) -> Value {
    json!({
        "gateway": gateway, "region": region_of(gateway), "version": "0.1.0",
        "endpoint": format!("{gateway}.example.net:7440"), "state": "up", "since": span(DAY),
        "dialed": "us", "rtt": { "secs": 0, "nanos": cost(us, gateway) * 1_000_000 },
        "cost": cost(us, gateway), "credit": 16 << 20, "queued": 0, "unacknowledged": 0,
        "retransmissions": 0, "frames_in": 100, "frames_out": 100, "reason": "", "draining": false,
    })
}

fn region(us: &str, region: &str) -> Value {
    let ends: Vec<String> =
        gateways().into_iter().filter(|one| region_of(one) == region && one != us).collect();
    json!({
        "region": region, "ours": region == region_of(us), "gateways": 2, "usable": 2,
        "collectives": ["mcollective"], "route": route(us, &ends.iter().collect::<Vec<_>>()),
        "native": false, "transit": true,
    })
}

fn core(us: &str) -> Value {
    let others: Vec<String> = gateways().into_iter().filter(|one| one != us).collect();
    let siblings: Vec<&String> =
        others.iter().filter(|one| region_of(one) == region_of(us)).collect();
    json!({
        "fabric": "acme", "region": region_of(us), "gateway": us,
        "incarnation": 1_795_000_000_000_000_u64, "state": "active", "joined": true,
        "broker": {
            "up": true, "since": span(DAY), "url": "nats://localhost:4222", "name": "nats-1",
            "version": "2.11.4", "max_payload": 1 << 20, "unconfirmed": 0,
        },
        "links": others.iter().map(|one| link(us, one)).collect::<Vec<_>>(),
        "gateways": gateways().iter().map(|one| member(us, one)).collect::<Vec<_>>(),
        "regions": REGIONS.map(|one| region(us, one)),
        "queues": [{ "region": if us.starts_with("us") { "eu" } else { "us" }, "bytes": 0 }],
        "tallies": [{
            "to": if us.starts_with("us") { "eu" } else { "us" }, "kind": "request",
            "collective": "mcollective", "created": 1000, "delivered": 1000, "dropped": {},
            "in_doubt": 0, "pending": 0,
        }],
        "drops": [{ "reason": "registration", "to": null, "count": 12 }],
        "examples": [{
            "at": span(AT - 9), "reason": "registration", "to": null,
            "subject": "mcollective.broadcast.agent.registration", "request": null, "size": 100,
            "count": 12,
        }],
        "interest": {
            "monitors": true, "reads": us.ends_with("-1"), "servers": 1, "complete": true,
            "read": span(AT - 40), "problem": "", "waiting": 0,
        },
        "marked": 0, "foreign": 0, "siblings": siblings, "alarms": [], "table_version": 7,
    })
}

fn daemon(us: &str) -> Value {
    let authority = json!([{
        "name": "CN=Acme CA", "fingerprint": "11aa", "not_after": span(AT + 900 * DAY),
        "not_after_date": "2029-05-16T00:00:00Z",
    }]);
    json!({
        "version": "0.1.0", "pid": 4711, "uptime": span(DAY), "config": "/etc/antiphon/gateway.toml",
        "endpoint": format!("{us}.example.net:7440"),
        "certificate": {
            "not_after": span(AT + 90 * DAY), "not_after_date": "2027-02-24T00:00:00Z",
            "fingerprint": "22bb",
        },
        "refusals": {}, "denied": [],
        "broker": {
            "connects": 1, "received": 0, "received_bytes": 0, "published": 0,
            "published_bytes": 0, "intake_bytes": 0, "intake_stops": 0, "connect_failures": 0,
            "lagged": 0, "lost": 0, "overflows": 0,
        },
        "links": [{
            "link": 1, "gateway": if us == "eu-1" { "us-1" } else { "eu-1" },
            "region": if us == "eu-1" { "us" } else { "eu" },
            "control": { "bytes_in": 1, "bytes_out": 1, "queued": 0 },
            "data": { "bytes_in": 1, "bytes_out": 1, "queued": 0 },
            "frames_out": 1, "batches_out": 1, "frames_in": 1,
        }],
        "link_overflows": 0,
        "gossip": {
            "members": 5, "sent": 9, "unsent": 0, "received": 9, "discarded": 0, "restarts": 0,
        },
        "settings": {
            "servers": ["nats://localhost:4222"], "monitors": ["http://localhost:8222"],
            "broker_tls": true, "reply_subject": "choria.federation.{region}.collective",
            "reply_subjects": ["reports.>"], "collectives": ["mcollective"],
            "federation": { "london": "eu" }, "seeds": ["us-1.example.net:7440"],
            "transit": true, "named_regions": ["us"], "queue_bytes_max": 64 << 20,
            "retention_bytes_max": 32 << 20, "publish_messages_max": 8192,
            "intake_bytes_max": 64 << 20, "hops_max": 8, "drain_grace": span(25),
        },
        "trust": {
            "link": authority, "broker": authority,
            "callers": { "authorities": authority, "issuers": { "acme": "a1b2c3d4e5f60718" } },
        },
        "process": {
            "open_files": 60, "open_files_max": 65536, "memory_bytes": 60 << 20,
            "memory_bytes_max": 4_u64 << 30,
        },
        "troubles": { "dials": [], "refusals": [], "clock": { "jumps": 0 }, "lagged": null },
    })
}

/// What a gateway says on a good day.
pub(crate) fn report(us: &str) -> Report {
    let report = json!({
        "schema": "antiphon.snapshot.v1", "at": span(AT), "daemon": daemon(us), "core": core(us),
    });
    serde_json::from_value(report).expect("a report")
}

fn server(region: &str) -> ServerFacts {
    let nodes = [1, 2].map(|n| ("mcollective".to_owned(), format!("n{n}.{region}.example.net")));
    ServerFacts {
        region: region.to_owned(),
        url: "http://localhost:8222".to_owned(),
        name: format!("nats-{region}"),
        version: "2.11.4".to_owned(),
        cluster: region.to_owned(),
        cluster_servers: 1,
        max_pending: 64 << 20,
        max_payload: 1 << 20,
        ping_interval: Duration::from_secs(5),
        connections: 4,
        connections_max: 65536,
        pending: BTreeMap::from([(format!("{region} {region}-1"), 0)]),
        nodes: Some(nodes.into()),
        skew_millis: Some(2),
        ..ServerFacts::default()
    }
}

fn pairs() -> Vec<Pair> {
    let ordered = REGIONS.iter().flat_map(|from| REGIONS.iter().map(move |to| (from, to)));
    let pair = |(from, to): (&&str, &&str)| Pair {
        from: (*from).to_owned(),
        to: (*to).to_owned(),
        proof: Proof::Ping { nodes: 2, known: Some(2), slowest: Duration::from_millis(90) },
    };
    ordered.filter(|(from, to)| from != to).map(pair).collect()
}

/// What is gathered on a good day.
pub(crate) fn evidence() -> Evidence {
    let mut names = gateways();
    names.sort_by_key(|name| name != "eu-1");
    let asked = names.iter().map(|name| Asked {
        report: report(name),
        local: true,
        took: Some(Duration::from_millis(4)),
        here: Some(Duration::from_secs(AT)),
    });
    Evidence {
        asked: asked.collect(),
        whole: true,
        servers: REGIONS.map(server).into(),
        pairs: pairs(),
        client: ClientFacts {
            origin: Some("/etc/choria/client.conf".to_owned()),
            discovery_timeout: Duration::from_secs(2),
            ttl: Duration::from_secs(60),
            ..ClientFacts::default()
        },
        expect_regions: Some(3),
        expect_gateways: Some(6),
        version: "0.1.0".to_owned(),
        ..Evidence::default()
    }
}
