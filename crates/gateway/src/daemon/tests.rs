//! Whole gateways in one process, under paused time: production code down to HTTP/2, on a network
//! and on brokers that are made of memory.

mod renewed;
mod secured;

use std::path::Path;

use antiphon_core::{HintsConfig, Limits, Periods};
use antiphon_identity::PeerIdentity;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::Instant;

use super::*;
use crate::{
    config::{
        Admin, Broker as BrokerSection, CallerTrust, Link, Log, Naming, PolicySource,
        REPLY_SUBJECT_DEFAULT,
    },
    link::memory::MemoryNetwork,
    policies::Purpose,
    shell::Report,
    testing::{Authority, Bus},
};

const PING: &str = "mcollective.broadcast.agent.discovery";
/// 2026-11-24, and a year later.
const TODAY: Duration = Duration::from_secs(1_795_486_669);
const NEXT_YEAR: Duration = Duration::from_secs(1_827_022_669);

/// Regions with one broker each, and the gateways in them.
struct Fabric {
    authority: Authority,
    network: MemoryNetwork,
    buses: BTreeMap<String, Bus>,
    gateways: BTreeMap<String, Daemon>,
    clock: Clock,
    sockets: TempDir,
}

impl Fabric {
    /// Each gateway knows the first one, and that one nobody.
    async fn of(gateways: &[&str]) -> Self {
        let mut fabric = Self {
            authority: Authority::new(),
            network: MemoryNetwork::new(),
            buses: BTreeMap::new(),
            gateways: BTreeMap::new(),
            clock: Clock::starting_at(TODAY),
            sockets: tempfile::tempdir().unwrap(),
        };
        for gateway in gateways {
            let seeds = gateways.first().filter(|first| *first != gateway);
            fabric.start(gateway, seeds.into_iter().copied().collect()).await;
        }
        fabric
    }

    async fn start(&mut self, gateway: &str, seeds: Vec<&str>) {
        let region = region_of(gateway);
        let config = self.config(gateway, seeds);
        let identity =
            PeerIdentity { region: region.to_owned(), gateway: Some(gateway.to_owned()) };
        let place = self.network.settle(endpoint(gateway), identity, NEXT_YEAR);
        let world = World {
            clock: self.clock,
            seed: 7,
            broker: self.bus(region).connect(),
            monitors: None,
            links: LinkWorld::Memory(place),
            enrolment: None,
            certificates: OwnCertificates::default(),
        };
        let daemon = Daemon::start(config, world).await.unwrap();
        self.gateways.insert(gateway.to_owned(), daemon);
    }

    fn config(&self, gateway: &str, seeds: Vec<&str>) -> Config {
        let region = region_of(gateway);
        let uri = format!("antiphon://acme/{region}/{gateway}");
        Config {
            file: "gateway.toml".into(),
            fabric: "acme".parse().unwrap(),
            region: region.parse().unwrap(),
            gateway: gateway.parse().unwrap(),
            broker: BrokerSection {
                servers: Vec::new(),
                tls: None,
                auth: antiphon_broker::Auth::Anonymous,
                monitors: Vec::new(),
                reply_subject: REPLY_SUBJECT_DEFAULT.to_owned(),
            },
            link: Link {
                listen: "127.0.0.1:0".parse().unwrap(),
                advertise: endpoint(gateway),
                tls: self.authority.issue(gateway, &[&uri], &[]),
                seeds: seeds.into_iter().map(endpoint).collect(),
                peers: None,
                dial: BTreeMap::new(),
                costs: BTreeMap::new(),
            },
            naming: Naming::default(),
            vault: None,
            transit: false,
            export: ["mcollective".parse().unwrap()].into(),
            reply_subjects: Vec::new(),
            federation: BTreeMap::new(),
            policy: crate::config::PolicySource::default(),
            admin: Admin::Unix { path: self.sockets.path().join(format!("{gateway}.sock")) },
            http: None,
            drain_grace: Duration::from_secs(10),
            intake_bytes: 1 << 20,
            hints: HintsConfig::default(),
            limits: Limits::default(),
            periods: Periods::default(),
            record: None,
            log: Log { json: false, filter: "info".to_owned() },
        }
    }

    fn bus(&mut self, region: &str) -> Bus {
        self.buses.entry(region.to_owned()).or_default().clone()
    }

    async fn report(&self, gateway: &str) -> Box<Report> {
        self.gateways[gateway].shell().report().await.unwrap()
    }

    /// Lets virtual time pass until each gateway's report fulfils the condition.
    async fn until(&self, what: &str, condition: impl Fn(&Report) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(60);
        for gateway in self.gateways.keys() {
            loop {
                let report = self.report(gateway).await;
                if condition(&report) {
                    break;
                }
                assert!(Instant::now() < deadline, "in vain: {gateway} {what}: {report:#?}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }

    async fn until_meshed(&self) {
        let others = self.gateways.len() - 1;
        self.until("is joined and linked to all others", |report| {
            let up = report.core.links.iter().filter(|link| link.state == "up").count();
            report.core.joined && up == others
        })
        .await;
    }
}

/// Lets virtual time pass until a bus carries something on a subject.
async fn published(bus: &Bus, subject: &str) -> Vec<antiphon_broker::Publication> {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let found = bus.published_on(subject);
        if !found.is_empty() {
            return found;
        }
        assert!(Instant::now() < deadline, "in vain: {subject}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn region_of(gateway: &str) -> &str {
    gateway.rsplit_once('-').unwrap().0
}

fn endpoint(gateway: &str) -> antiphon_core::Endpoint {
    format!("{gateway}.example.net:7440").parse().unwrap()
}

/// What real Choria programs sent: a request, and a node's reply to it.
fn recorded_ping() -> (Value, Value) {
    let text = include_str!("../../../wire/tests/vectors/v1-ping.json");
    let vector: Value = serde_json::from_str(text).unwrap();
    let payload = |index: usize| {
        serde_json::from_str(vector["messages"][index]["payload"].as_str().unwrap()).unwrap()
    };
    (payload(0), payload(1))
}

#[tokio::test(start_paused = true)]
async fn gateways_of_all_regions_link_to_each_other_and_become_ready() {
    let fabric = Fabric::of(&["eu-1", "eu-2", "us-1", "us-2"]).await;
    fabric.until_meshed().await;
    // Links and gossip spread on their own: a link may be up before its peer's record has come.
    fabric.until("knows all others", |report| report.daemon.gossip.members == 3).await;
    let report = fabric.report("us-2").await;
    assert_eq!(report.daemon.links.len(), 3);
    assert_eq!(report.core.regions.len(), 2);
    assert!(report.daemon.refusals.is_empty(), "{:?}", report.daemon.refusals);
    let json = serde_json::to_vec(&report).unwrap();
    assert_eq!(serde_json::from_slice::<Report>(&json).unwrap(), *report);
}

#[tokio::test(start_paused = true)]
async fn a_request_reaches_the_other_region_and_the_reply_comes_back() {
    let mut fabric = Fabric::of(&["eu-1", "us-1"]).await;
    fabric.until_meshed().await;
    let (eu, us) = (fabric.bus("eu"), fabric.bus("us"));
    let (request, mut reply) = recorded_ping();
    let reply_to = request["headers"]["reply-to"].as_str().unwrap();

    eu.publish(PING, request.to_string());
    let arrived: Value = serde_json::from_slice(&published(&us, PING).await[0].payload).unwrap();
    assert_eq!(arrived["data"], request["data"]);
    assert_eq!(arrived["headers"]["reply-to"], "choria.federation.us.collective");

    reply["headers"]["federation"] = arrived["headers"]["federation"].clone();
    us.publish("choria.federation.us.collective", reply.to_string());
    let answer = published(&eu, reply_to).await;
    assert_eq!(answer.len(), 1);
    let came: Value = serde_json::from_slice(&answer[0].payload).unwrap();
    assert_eq!(came["data"], reply["data"]);
    assert_eq!(came["headers"].get("federation"), None);
    assert_eq!(answer[0].headers[0].0, antiphon_core::MARK);
    fabric
        .until("has an account without open units", |report| {
            report.core.tallies.iter().all(|one| one.pending == 0 && one.tally.delivered == 1)
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_drained_gateway_leaves_its_groups_says_goodbye_and_ends() {
    let mut fabric = Fabric::of(&["eu-1", "us-1"]).await;
    fabric.until_meshed().await;
    let leaving = fabric.gateways.remove("us-1").unwrap();
    leaving.shell().drain(None).await.unwrap();
    leaving.wait().await.unwrap();
    assert!(!fabric.bus("us").is_joined());
    fabric
        .until("knows that it left", |report| {
            report.core.links.iter().all(|link| link.state != "up")
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_was_killed_comes_back_with_its_next_life() {
    let mut fabric = Fabric::of(&["eu-1", "us-1"]).await;
    fabric.until_meshed().await;
    let before = fabric.report("us-1").await.core.incarnation;
    drop(fabric.gateways.remove("us-1"));
    fabric
        .until("misses it", |report| report.core.links.iter().all(|link| link.state != "up"))
        .await;
    fabric.start("us-1", vec!["eu-1"]).await;
    fabric.until_meshed().await;
    assert!(fabric.report("us-1").await.core.incarnation > before);
}

#[tokio::test(start_paused = true)]
async fn an_adapter_that_ends_unasked_ends_the_gateway() {
    let mut fabric = Fabric::of(&["eu-1"]).await;
    let daemon = fabric.gateways.remove("eu-1").unwrap();
    fabric.bus("eu").break_adapters();
    let ended = daemon.wait().await;
    assert!(matches!(ended, Err(DaemonError::Shell(ShellError::BrokerEnded))), "{ended:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lone_gateway_joins_after_its_wait() {
    let mut fabric = Fabric::of(&["eu-1"]).await;
    assert!(!fabric.report("eu-1").await.core.joined);
    fabric.until("is joined", |report| report.core.joined).await;
    let bus = fabric.bus("eu");
    assert!(bus.is_joined());
    let beacon = "antiphon.beacon.acme.eu.eu-1";
    assert!(!published(&bus, beacon).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_the_broker_denies_and_who_forges_a_beacon_shows_in_the_report() {
    let mut fabric = Fabric::of(&["eu-1"]).await;
    fabric.until("is joined", |report| report.core.joined).await;
    let bus = fabric.bus("eu");
    bus.deny_subscription("mcollective.node.>");
    bus.publish("antiphon.beacon.acme.eu.eu-2", "no beacon");
    fabric
        .until("tells of both", |report| {
            let refused = report.daemon.refusals.get("beacon").and_then(|one| one.get("malformed"));
            report.daemon.denied.len() == 1 && refused == Some(&1)
        })
        .await;
    bus.allow_subscription("mcollective.node.>");
    fabric.until("hears that it is allowed", |report| report.daemon.denied.is_empty()).await;
}

const QUIET: &str = "[[accept]]\nname = \"quiet\"\nagents = [\"discovery\"]\neffect = \"deny\"\n";

fn accept_rules(report: &Report) -> usize {
    report.core.policy.policy.accept.rules.len()
}

#[tokio::test(start_paused = true)]
async fn a_new_policy_holds_at_once_and_a_bad_one_leaves_the_old_in_force() {
    let mut fabric = Fabric::of(&["eu-1", "us-1"]).await;
    fabric.until_meshed().await;
    let (eu, us) = (fabric.bus("eu"), fabric.bus("us"));
    let (request, _) = recorded_ping();
    eu.publish(PING, request.to_string());
    published(&us, PING).await;
    let policies = fabric.gateways["us-1"].policies().clone();
    let quiet = || ("quiet.toml".to_owned(), QUIET.to_owned());
    let tried = policies.apply(quiet(), Purpose::Try, "ops").await.unwrap();
    assert!(!tried.applied && tried.problems.is_empty());
    assert_eq!(tried.trial.changes.len(), 1, "{tried:?}");
    assert_eq!(accept_rules(&*fabric.report("us-1").await), 0, "nothing has changed");

    assert!(policies.apply(quiet(), Purpose::Apply, "ops").await.unwrap().applied);
    eu.publish(PING, request.to_string());
    fabric
        .until("has seen it refused", |report| {
            report.core.region.as_str() == "eu"
                || report.core.drops.iter().any(|one| one.reason.label() == "policy-accept")
        })
        .await;
    assert_eq!(us.published_on(PING).len(), 1);

    let bad = ("bad.toml".to_owned(), "[[accept]]\n".to_owned());
    let refused = policies.apply(bad, Purpose::Apply, "ops").await.unwrap();
    assert!(!refused.applied);
    assert!(refused.problems[0].starts_with("bad.toml:1: accept.0."), "{refused:?}");
    let report = fabric.report("us-1").await;
    assert_eq!(accept_rules(&report), 1);
    let facts = &report.daemon.policy;
    assert_eq!((facts.source.as_str(), facts.by.as_str()), ("quiet.toml", "ops"));
    assert_eq!(facts.refused.as_ref().unwrap().source, "bad.toml");
}

#[tokio::test(start_paused = true)]
async fn the_configured_policy_is_read_again() {
    let fabric = Fabric::of(&["eu-1"]).await;
    let file = fabric.sockets.path().join("policy.toml");
    let shell = fabric.gateways["eu-1"].shell().clone();
    let ca = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wire/tests/vectors/keys/ca.pem");
    let callers = CallerTrust { ca: Some(ca), ..CallerTrust::default() };
    let source = PolicySource {
        file: Some(file.clone()),
        callers: Some(callers),
        ..PolicySource::default()
    };
    let policies = Policies::new(source, shell);
    let missing = policies.reload(Purpose::Apply, "SIGHUP").await.unwrap();
    assert!(missing.problems[0].contains("cannot be read"), "{missing:?}");
    std::fs::write(&file, QUIET).unwrap();
    assert!(policies.reload(Purpose::Apply, "SIGHUP").await.unwrap().applied);
    let report = fabric.report("eu-1").await;
    assert_eq!((accept_rules(&report), report.daemon.policy.refused.is_none()), (1, true));
    let callers = report.daemon.trust.callers.as_ref().expect("who is believed from here on");
    assert_eq!(callers.authorities.len(), 1);
    std::fs::write(&file, "accept = 3").unwrap();
    assert!(!policies.reload(Purpose::Apply, "SIGHUP").await.unwrap().applied);
    assert_eq!(accept_rules(&*fabric.report("eu-1").await), 1);
}
