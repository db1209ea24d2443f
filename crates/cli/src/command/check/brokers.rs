//! Asks the brokers' monitoring ports.

mod document;
mod http;

use std::collections::BTreeSet;

use tokio::task::JoinSet;

use self::document::{connections, gateways, leaf_nodes, server};
use crate::check::{Evidence, facts::ServerFacts};

/// Connections in one page of `/connz`.
const PAGE: u64 = 1024;
/// Pages that are read; beyond, who listens is not known.
const PAGES_MAX: u64 = 32;

/// Asks every server that gateways name, at the same time.
pub(super) async fn look(evidence: &mut Evidence) {
    let (mut places, mut elsewhere) = (BTreeSet::new(), BTreeSet::new());
    for asked in &evidence.asked {
        // That it is away is known already.
        if evidence.broker_is_away(asked.report.core.region.as_str()) {
            continue;
        }
        for url in &asked.report.daemon.settings.monitors {
            // `localhost` of another host is not ours.
            if asked.local || !http::is_loopback(url) {
                places.insert((asked.report.core.region.to_string(), url.clone()));
            } else {
                elsewhere.insert((asked.report.core.region.to_string(), url.clone()));
            }
        }
    }
    // A gateway beside ours may name the same server.
    let elsewhere = elsewhere.difference(&places);
    let names = elsewhere.map(|(region, url)| format!("{url} in region {region}"));
    evidence.servers_elsewhere = names.collect();
    evidence.servers = ask_all(places).await;
}

/// Asks servers of regions, at the same time.
pub(super) async fn ask_all(places: BTreeSet<(String, String)>) -> Vec<ServerFacts> {
    let mut asking = JoinSet::new();
    for (region, url) in places {
        asking.spawn(ask(region, url));
    }
    let mut servers: Vec<ServerFacts> = Vec::new();
    while let Some(asked) = asking.join_next().await {
        servers.extend(asked.ok());
    }
    servers.sort_by(|one, other| (&one.region, &one.url).cmp(&(&other.region, &other.url)));
    servers
}

async fn ask(region: String, url: String) -> ServerFacts {
    let mut facts = ServerFacts { region, url, ..ServerFacts::default() };
    if let Err(error) = fill(&mut facts).await {
        facts.error = Some(format!("{error:#}"));
    }
    facts
}

async fn fill(facts: &mut ServerFacts) -> anyhow::Result<()> {
    let url = facts.url.clone();
    let get = |path: &str| http::get(format!("{url}{path}"));
    let asked = super::unix();
    server(facts, &get("/varz").await?, asked);
    leaf_nodes(facts, &get("/leafz").await?);
    // Older servers, and Choria's broker, have no such page.
    if let Ok(page) = get("/gatewayz").await {
        gateways(facts, &page);
    }
    let mut nodes = BTreeSet::new();
    for page in 0..PAGES_MAX {
        let offset = page * PAGE;
        let path = format!("/connz?subs=1&limit={PAGE}&offset={offset}");
        let more = connections(facts, &mut nodes, &get(&path).await?);
        if more <= offset + PAGE {
            facts.nodes = Some(nodes);
            break;
        }
    }
    Ok(())
}
