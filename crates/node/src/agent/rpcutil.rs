//! `rpcutil`: facts, inventory and statistics of the node.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use crate::filter::lookup;
use crate::node::Node;
use crate::rpc::{Answer, Call};

/// Runs an action.
pub(super) async fn run(call: &Call, node: &Node) -> Answer {
    match call.action.as_str() {
        "ping" => Answer::ok(&json!({ "pong": node.clock.unix_seconds() })),
        "get_fact" => get_fact(call, node).await,
        "get_facts" => get_facts(call, node).await,
        "inventory" => inventory(node).await,
        "agent_inventory" => agent_inventory(node),
        "collective_info" => collective_info(node),
        "daemon_stats" => daemon_stats(node),
        "get_config_item" => get_config_item(call, node),
        "get_data" => Answer::aborted("Unknown data plugin"),
        _ => super::unknown_action(call),
    }
}

async fn get_fact(call: &Call, node: &Node) -> Answer {
    #[derive(Serialize)]
    struct Output<'a> {
        fact: &'a str,
        value: Option<Value>,
    }
    let fact = call.text("fact");
    let value = lookup(fact, &node.inventory().await.facts);
    Answer::ok(&Output { fact, value })
}

async fn get_facts(call: &Call, node: &Node) -> Answer {
    let facts = node.inventory().await.facts;
    let names = call.text("facts").split(',').map(str::trim).filter(|name| !name.is_empty());
    let values: BTreeMap<&str, Option<Value>> =
        names.map(|name| (name, lookup(name, &facts))).collect();
    Answer::ok(&json!({ "values": values }))
}

async fn inventory(node: &Node) -> Answer {
    #[derive(Serialize)]
    struct Output<'a> {
        agents: &'a [String],
        classes: &'a [String],
        collectives: Vec<&'a str>,
        data_plugins: [&'a str; 0],
        facts: &'a Value,
        machines: [&'a str; 0],
        main_collective: &'a str,
        version: &'a str,
        upgradable: bool,
    }
    let inventory = node.inventory().await;
    Answer::ok(&Output {
        agents: node.agent_names(),
        classes: &inventory.classes,
        collectives: node.collective_names(),
        data_plugins: [],
        facts: &inventory.facts,
        machines: [],
        main_collective: node.config.main_collective.as_str(),
        version: crate::VERSION,
        upgradable: false,
    })
}

fn agent_inventory(node: &Node) -> Answer {
    #[derive(Serialize)]
    struct Entry<'a> {
        agent: &'a str,
        license: &'a str,
        author: &'a str,
        timeout: u64,
        name: &'a str,
        version: &'a str,
        url: &'a str,
        description: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        provider: Option<&'a str>,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        service: bool,
    }
    let entries = node.agents.values().map(|agent| {
        let about = &agent.ddl.metadata;
        Entry {
            agent: &about.name,
            license: &about.license,
            author: &about.author,
            timeout: agent.ddl.timeout().as_secs(),
            name: &about.name,
            version: &about.version,
            url: &about.url,
            description: &about.description,
            provider: about.provider.as_deref(),
            service: about.service,
        }
    });
    let agents: Vec<_> = entries.collect();
    Answer::ok(&BTreeMap::from([("agents", agents)]))
}

fn collective_info(node: &Node) -> Answer {
    #[derive(Serialize)]
    struct Output<'a> {
        main_collective: &'a str,
        collectives: Vec<&'a str>,
    }
    let main_collective = node.config.main_collective.as_str();
    Answer::ok(&Output { main_collective, collectives: node.collective_names() })
}

fn daemon_stats(node: &Node) -> Answer {
    #[derive(Serialize)]
    struct Output<'a> {
        agents: &'a [String],
        configfile: String,
        filtered: u64,
        pid: u32,
        passed: u64,
        threads: [&'a str; 1],
        replies: u64,
        starttime: u64,
        ttlexpired: u64,
        events: u64,
        times: BTreeMap<&'a str, u64>,
        total: u64,
        unvalidated: u64,
        validated: u64,
        version: &'a str,
    }
    let counts = node.stats.counts();
    Answer::ok(&Output {
        agents: node.agent_names(),
        configfile: node.config.source.display().to_string(),
        filtered: counts.filtered,
        pid: std::process::id(),
        passed: counts.passed,
        threads: [concat!("antiphon-node ", env!("CARGO_PKG_VERSION"))],
        replies: counts.replies,
        starttime: node.started.as_secs(),
        ttlexpired: counts.ttlexpired,
        events: counts.events,
        // Choria's nodes do not measure these either.
        times: ["cstime", "cutime", "stime", "utime"].map(|name| (name, 0)).into(),
        total: counts.total,
        unvalidated: counts.invalid,
        validated: counts.valid,
        version: crate::VERSION,
    })
}

fn get_config_item(call: &Call, node: &Node) -> Answer {
    #[derive(Serialize)]
    struct Output<'a> {
        item: &'a str,
        value: &'a str,
    }
    let item = call.text("item");
    match node.config.items.get(item) {
        Some(value) => Answer::ok(&Output { item, value }),
        None => Answer::aborted(format_args!("Unknown config property {item}")),
    }
}
