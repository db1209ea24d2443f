//! Asks the brokers' monitoring ports.

mod document;

use std::{collections::BTreeSet, time::Duration};

use antiphon_broker::{MonitorPages, MonitorUrl, TlsOptions};
use tokio::{task::JoinSet, time::timeout};

use self::document::{connection, gateways, leaf_nodes, server};
use crate::check::{Evidence, facts::ServerFacts};

/// How long one server may take, its connections apart.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long it may take to list its connections: some hundred thousand. Beyond, who listens is not known.
const LIST_PATIENCE: Duration = Duration::from_secs(20);

/// Asks every server that gateways name, at the same time; `tls` is for those with `https`.
pub(super) async fn look(evidence: &mut Evidence, tls: Option<TlsOptions>) {
    let (mut places, mut elsewhere) = (BTreeSet::new(), BTreeSet::new());
    for asked in &evidence.asked {
        // That it is away is known already.
        if evidence.broker_is_away(asked.report.core.region.as_str()) {
            continue;
        }
        for url in &asked.report.daemon.settings.monitors {
            // `localhost` of another host is not ours.
            if asked.local || !is_loopback(url) {
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
    evidence.servers = ask_all(places, tls).await;
}

/// Whether a URL names the host that it is used on.
fn is_loopback(url: &str) -> bool {
    let place = url.split_once("://").map_or(url, |(_, place)| place);
    let host = place.rsplit_once(':').map_or(place, |(host, _)| host);
    host == "localhost" || host.starts_with("127.") || host == "[::1]"
}

/// Asks servers of regions, at the same time; `tls` is for those with `https`.
pub(super) async fn ask_all(
    places: BTreeSet<(String, String)>,
    tls: Option<TlsOptions>,
) -> Vec<ServerFacts> {
    let mut asking = JoinSet::new();
    for (region, url) in places {
        asking.spawn(ask(region, url, tls.clone()));
    }
    let mut servers: Vec<ServerFacts> = Vec::new();
    while let Some(asked) = asking.join_next().await {
        servers.extend(asked.ok());
    }
    servers.sort_by(|one, other| (&one.region, &one.url).cmp(&(&other.region, &other.url)));
    servers
}

async fn ask(region: String, url: String, tls: Option<TlsOptions>) -> ServerFacts {
    let mut facts = ServerFacts { region, url, ..ServerFacts::default() };
    if let Err(error) = fill(&mut facts, tls.as_ref()).await {
        facts.error = Some(format!("{error:#}"));
    }
    facts
}

async fn fill(facts: &mut ServerFacts, tls: Option<&TlsOptions>) -> anyhow::Result<()> {
    let url: MonitorUrl = facts.url.parse()?;
    if url.wants_tls() && tls.is_none() {
        anyhow::bail!("https needs a CA: the client's, with --client FILE");
    }
    let mut pages = timeout(PATIENCE, overview(facts, &url, tls)).await??;
    let mut nodes = BTreeSet::new();
    let listing = pages.connections(|one| connection(facts, &mut nodes, one));
    if let Ok(listed) = timeout(LIST_PATIENCE, listing).await {
        listed?;
        facts.nodes = Some(nodes);
    }
    Ok(())
}

/// What a server says of itself.
async fn overview(
    facts: &mut ServerFacts,
    url: &MonitorUrl,
    tls: Option<&TlsOptions>,
) -> anyhow::Result<MonitorPages> {
    let mut pages = MonitorPages::connect(url, tls).await?;
    let asked = super::unix();
    server(facts, &pages.page("/varz").await?, asked);
    leaf_nodes(facts, &pages.page("/leafz").await?);
    // Older servers, and Choria's broker, have no such page.
    if let Ok(page) = pages.page("/gatewayz").await {
        gateways(facts, &page);
    }
    Ok(pages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_on_this_host_is_told_from_others() {
        for local in ["http://localhost:8222", "http://127.0.0.1:8222", "http://[::1]:8222"] {
            assert!(is_loopback(local), "{local}");
        }
        for other in ["http://nats.example.net:8222", "http://10.0.0.1:8222"] {
            assert!(!is_loopback(other), "{other}");
        }
    }
}
