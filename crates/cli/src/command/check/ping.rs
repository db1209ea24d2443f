//! Sends real discovery pings, from as many regions as there are clients for.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use antiphon_client::{
    config::{Config, ConfigError},
    connect,
    discovery::{Continue, Pong, ping as ask_nodes},
    one_line,
};
use antiphon_wire::{Cluster, Filter};
use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

use crate::{
    check::{
        Evidence,
        facts::{ClientFacts, Pair, Proof},
    },
    command::caller::Who,
};

/// Nodes by region, as far as they are known.
type Known = BTreeMap<String, BTreeSet<String>>;

/// One client, and where it stands.
#[derive(Clone, Debug)]
struct Caller {
    region: String,
    config: Config,
}

/// What one ping heard: how often each node answered, and how long it took the first time.
type Heard = BTreeMap<String, (u64, Duration)>;

/// Pings from every region where we have a client, and says how each pair was proven.
pub(super) async fn ping(evidence: &mut Evidence, who: &Who<'_>, quiet: bool) {
    let regions: BTreeSet<String> =
        evidence.region_names().into_iter().map(ToString::to_string).collect();
    let (mut clients, mut facts) = match quiet {
        true => (Vec::new(), ClientFacts::default()),
        false => clients(evidence, who, &regions),
    };
    clients.retain(|caller| !evidence.broker_is_away(&caller.region));
    let collective = clients.first().map(|one| one.config.main_collective.to_string());
    let known = known(evidence, &collective.unwrap_or_default());
    let everybody: BTreeSet<String> = known.values().flatten().cloned().collect();
    let asking = clients.iter().map(|caller| {
        let asked = one(caller.config.clone(), everybody.clone());
        async { (caller.region.clone(), asked.await) }
    });
    let mut heard: BTreeMap<String, Heard> = BTreeMap::new();
    for (region, asked) in join_all(asking).await {
        match asked {
            Ok(answers) => drop(heard.insert(region, answers)),
            Err(why) => drop(facts.errors.insert(region, why)),
        }
    }
    let copies = heard.values().flatten().filter(|(_, (times, _))| *times > 1);
    facts.copies = copies.map(|(node, _)| node.clone()).collect();
    let mut pairs = Vec::new();
    for from in &regions {
        for to in regions.iter().filter(|to| *to != from) {
            let proof = match heard.get(from) {
                Some(_) if evidence.broker_is_away(to) => away(to),
                Some(answers) => proof(answers, known.get(to)),
                None if evidence.broker_is_away(from) => away(from),
                None => Proof::Nothing { reason: format!("no client in region {from}") },
            };
            pairs.push(Pair { from: from.clone(), to: to.clone(), proof });
        }
    }
    by_name(evidence, &clients, &mut pairs).await;
    evidence.pairs = pairs;
    evidence.client = facts;
}

fn away(region: &str) -> Proof {
    Proof::Nothing { reason: format!("the broker of {region} is away") }
}

fn proof(answers: &Heard, known: Option<&BTreeSet<String>>) -> Proof {
    let Some(known) = known.filter(|known| !known.is_empty()) else {
        return Proof::Nothing { reason: "its nodes are not known".to_owned() };
    };
    let theirs: Vec<Duration> = answers
        .iter()
        .filter(|(node, _)| known.contains(*node))
        .map(|(_, (_, took))| *took)
        .collect();
    let count = known.len() as u64;
    match theirs.iter().max() {
        Some(slowest) => {
            Proof::Ping { nodes: theirs.len() as u64, known: Some(count), slowest: *slowest }
        }
        None => Proof::Silence { known: count },
    }
}

/// Who lives where, as the brokers tell.
fn known(evidence: &Evidence, collective: &str) -> Known {
    let mut known = Known::new();
    for server in &evidence.servers {
        let nodes = server.nodes.iter().flatten().filter(|(one, _)| one == collective);
        let nodes = nodes.map(|(_, identity)| identity.clone());
        known.entry(server.region.clone()).or_default().extend(nodes);
    }
    known
}

/// The clients that we have: the lab's in every region, or the user's own.
fn clients(
    evidence: &Evidence,
    who: &Who<'_>,
    regions: &BTreeSet<String>,
) -> (Vec<Caller>, ClientFacts) {
    let mut facts = ClientFacts::default();
    let mut clients = Vec::new();
    let places: Vec<String> = match (who.lab, who.file) {
        (Some(_), None) => regions.iter().cloned().collect(),
        (_, Some(_)) | (None, None) => vec![String::new()],
    };
    for region in places {
        match who.load(&region) {
            Ok(config) => {
                facts.origin = Some(config.origin.display().to_string());
                facts.discovery_timeout = config.discovery_timeout;
                facts.discovery_window = config.discovery_window;
                facts.ttl = config.ttl;
                let region = if region.is_empty() { home(evidence, &config) } else { region };
                clients.push(Caller { region, config });
            }
            // Nobody said that there is one.
            Err(ConfigError::NotFound { .. }) if who.file.is_none() => {}
            Err(error) => {
                facts.origin =
                    Some(who.file.map_or_else(String::new, |one| one.display().to_string()));
                facts.errors.insert(region, one_line(&error));
            }
        }
    }
    (clients, facts)
}

/// The region whose broker a client uses: by its servers, else that of the gateway that was asked.
fn home(evidence: &Evidence, config: &Config) -> String {
    let place = |url: &str| url.split_once("://").map_or(url, |(_, place)| place).to_owned();
    let servers: BTreeSet<String> = config.brokers.iter().map(|url| place(url)).collect();
    let by_server = evidence.asked.iter().map(|asked| &asked.report).find(|report| {
        let known = report.daemon.settings.servers.iter();
        known.chain([&report.core.broker.url]).any(|url| servers.contains(&place(url)))
    });
    let report = by_server.or_else(|| evidence.asked.first().map(|asked| &asked.report));
    report.map(|report| report.core.region.to_string()).unwrap_or_default()
}

/// Pings until everybody who is known has answered, or the client's discovery timeout is over.
async fn one(config: Config, everybody: BTreeSet<String>) -> Result<Heard, String> {
    let (collective, timeout) = (config.main_collective.clone(), config.discovery_timeout);
    let mut client =
        connect(config, CancellationToken::new()).await.map_err(|error| one_line(&error))?;
    let mut heard = Heard::new();
    let mut missing = everybody.len();
    let asked =
        ask_nodes(&mut client, &collective, &Filter::default(), (timeout, false), &mut |pong| {
            if let Pong::Answer { sender, delay } = pong {
                let first = heard.entry(sender.clone()).or_insert((0, delay));
                first.0 += 1;
                missing -= usize::from(first.0 == 1 && everybody.contains(&sender));
            }
            let complete = missing == 0 && !everybody.is_empty();
            if complete { Continue::No } else { Continue::Yes }
        })
        .await;
    client.close().await;
    asked.map(|_| heard).map_err(|error| one_line(&error))
}

/// Where it is not known who lives in a region, it is pinged alone, under its name for clients in
/// federated mode, if it has one: whoever answers lives there.
async fn by_name(evidence: &Evidence, clients: &[Caller], pairs: &mut [Pair]) {
    let open = pairs.iter_mut().filter(|pair| {
        matches!(pair.proof, Proof::Nothing { .. }) && !evidence.broker_is_away(&pair.to)
    });
    let asking = open.filter_map(|pair| {
        let from = clients.iter().find(|one| one.region == pair.from)?;
        let name = federated_name(evidence, pair)?;
        let config = Config { federations: vec![name], ..from.config.clone() };
        Some(async move {
            let heard = one(config, BTreeSet::new()).await.unwrap_or_default();
            if let Some(slowest) = heard.values().map(|(_, took)| *took).max() {
                pair.proof = Proof::Ping { nodes: heard.len() as u64, known: None, slowest };
            }
        })
    });
    join_all(asking).await;
}

/// What clients in federated mode call the pair's far region.
fn federated_name(evidence: &Evidence, pair: &Pair) -> Option<Cluster> {
    let ours = evidence.asked.iter().map(|asked| &asked.report);
    let ours = ours.filter(|report| report.core.region.as_str() == pair.from);
    let mut names = ours.flat_map(|report| &report.daemon.settings.federation);
    let (name, _) = names.find(|(_, region)| region.as_str() == pair.to)?;
    Cluster::try_from(name.clone()).ok()
}
