//! A lab with real servers and gateways, and the questions that tests ask it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Output,
    sync::Arc,
    time::Duration,
};

use antiphon_lab::{Gateway, Lab, Options, http, progress::Terminal, wait};
use serde_json::Value;
use tempfile::TempDir;

/// How long anything may take before a test gives up on it.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running lab. Everything ends with it.
pub struct Fabric {
    /// The lab.
    pub lab: Lab,
    folder: TempDir,
}

impl Fabric {
    /// Brings a lab up and waits until every gateway reaches every region.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn up(adjust: impl FnOnce(&mut Options)) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut options = Options::new(&folder.path().join("lab"), &program());
        options.nodes = 2;
        adjust(&mut options);
        let progress = Arc::new(Terminal::new());
        let lab = Lab::up(&options, progress).await.expect("a lab");
        let fabric = Self { lab, folder };
        fabric.whole().await;
        fabric
    }

    /// Waits until every gateway that runs has a link to every other and is ready.
    ///
    /// # Panics
    /// When that takes too long.
    pub async fn whole(&self) {
        let gateways: Vec<&Gateway> = self.gateways().collect();
        let others = gateways.len().saturating_sub(1);
        for gateway in gateways {
            let meshed = wait::until(PATIENCE, async || {
                let ready = http::get(gateway.http(), "/readyz").await?.status == 200;
                let links = links(gateway).await;
                (ready && links == others).then_some(())
            });
            assert!(meshed.await.is_some(), "{} sees not all others", gateway.name());
        }
    }

    /// All gateways.
    pub fn gateways(&self) -> impl Iterator<Item = &Gateway> {
        self.lab.regions().iter().flat_map(antiphon_lab::Region::gateways)
    }

    /// The folder of this fabric, for more files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Every node's identity.
    #[must_use]
    pub fn identities(&self) -> Vec<String> {
        let nodes = self.lab.regions().iter().flat_map(antiphon_lab::Region::nodes);
        let mut identities: Vec<String> =
            nodes.flat_map(|one| one.identities().iter().cloned()).collect();
        identities.sort_unstable();
        identities
    }

    /// The identities of one region's nodes.
    #[must_use]
    pub fn nodes_of(&self, region: &str) -> BTreeSet<String> {
        let nodes = self.lab.region(region).into_iter().flat_map(antiphon_lab::Region::nodes);
        nodes.flat_map(|one| one.identities().iter().cloned()).collect()
    }

    /// Restarts a gateway as an operator does: SIGTERM, wait for its end, start, wait until ready.
    ///
    /// # Panics
    /// When it does not end cleanly or does not come back.
    pub async fn restart(&mut self, name: &str) {
        self.restart_as(name, &program()).await;
    }

    /// The same, with another program of that name: an upgrade, or the way back.
    ///
    /// # Panics
    /// When it does not end cleanly or does not come back.
    pub async fn restart_as(&mut self, name: &str, program: &Path) {
        let gateway = self.lab.gateway_mut(name).expect("a gateway of that name");
        gateway.process().terminate();
        let status = gateway.process_mut().end(PATIENCE).await;
        assert!(status.is_some_and(|status| status.success()), "{name}: {status:?}");
        gateway.process_mut().replace_program(program);
        gateway.start().await.expect("it starts");
        gateway.ready().await.expect("it is ready");
    }

    /// Waits until no gateway that runs waits for the end of a unit, and holds each to its account:
    /// created = delivered + dropped + in doubt. For the end of every test.
    ///
    /// # Panics
    /// When units stay open, or an account does not add up.
    pub async fn conserved(&self) {
        for gateway in self.gateways() {
            let settled = wait::until(PATIENCE, async || {
                // One that does not run has no account any more; one that runs must answer.
                if gateway.process().pid().is_none() {
                    return Some(Vec::new());
                }
                let tallies = tallies(gateway).await?;
                tallies.iter().all(|one| one.pending == 0).then_some(tallies)
            });
            let tallies = settled.await;
            let tallies = tallies.unwrap_or_else(|| panic!("{}: units stay open", gateway.name()));
            for one in tallies {
                assert_eq!(one.created, one.ended, "{}: {one:?}", gateway.name());
            }
        }
    }

    /// Runs `antiphon ping` in a region and gives who answered, and how often, within what a busy machine
    /// may take.
    ///
    /// # Panics
    /// When the output is not what `-o json` promises.
    pub async fn ping(&self, region: &str) -> BTreeMap<String, u32> {
        let dir = self.lab.dir().display().to_string();
        let output =
            run(&["ping", "--lab", &dir, "--region", region, "--timeout", "5", "-o", "json"]).await;
        let text = String::from_utf8_lossy(&output.stdout);
        let value: Value = serde_json::from_str(&text)
            .unwrap_or_else(|_| panic!("{text} {}", String::from_utf8_lossy(&output.stderr)));
        let mut answers = BTreeMap::new();
        for reply in value["replies"].as_array().expect("a list of replies") {
            let sender = reply["sender"].as_str().expect("a sender").to_owned();
            *answers.entry(sender).or_default() += 1;
        }
        answers
    }
}

/// Settings of gateways whose links cost the same: measured round trips on a busy machine may make two links
/// cheaper than one.
///
/// # Panics
/// Never: it is valid TOML.
#[must_use]
pub fn even_costs() -> toml::Table {
    toml::from_str("[link]\ncosts = { eu = 10, us = 10, ap = 10 }").expect("valid TOML")
}

/// Runs the `antiphon` binary.
///
/// # Panics
/// When it cannot be started.
pub async fn run(arguments: &[&str]) -> Output {
    let mut command = tokio::process::Command::new(program());
    command.args(arguments).kill_on_drop(true);
    command.output().await.expect("the antiphon binary runs")
}

/// What a gateway has dropped, by reason.
///
/// # Panics
/// When it does not answer.
pub async fn drops(gateway: &Gateway) -> BTreeMap<String, u64> {
    let output = run(&["drops", "--admin", &gateway.admin(), "-o", "json"]).await;
    let value: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let mut drops = BTreeMap::new();
    for one in value["drops"].as_array().expect("a list of drops") {
        let reason = one["reason"].as_str().expect("a reason").to_owned();
        *drops.entry(reason).or_default() += one["here"].as_u64().expect("a count");
    }
    drops
}

/// What a gateway knows of collectives, one item each, as `antiphon collectives -o json` has it.
///
/// # Panics
/// When it does not answer.
pub async fn collectives(gateway: &Gateway) -> Vec<Value> {
    let output = run(&["collectives", "--admin", &gateway.admin(), "-o", "json"]).await;
    let value: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    value["collectives"].as_array().expect("a list of collectives").clone()
}

/// How the units of one kind for one region fared.
#[derive(Debug)]
struct Account {
    created: u64,
    /// Delivered, dropped or in doubt.
    ended: u64,
    pending: u64,
}

/// A gateway's accounts; `None` if it does not answer.
async fn tallies(gateway: &Gateway) -> Option<Vec<Account>> {
    let output = run(&["collectives", "--admin", &gateway.admin(), "-o", "json"]).await;
    let value: Value = serde_json::from_slice(&output.stdout).ok()?;
    let regions = value["collectives"].as_array()?.iter().flat_map(|one| one["regions"].as_array());
    let kinds = regions.flatten().flat_map(|one| [&one["requests"], &one["replies"]]);
    let account = |one: &Value| {
        let count = |value: &Value| value.as_u64().expect("a count");
        let dropped = one["dropped"].as_object().expect("counts by reason");
        let lost: u64 = dropped.values().map(count).sum();
        Account {
            created: count(&one["created"]),
            ended: count(&one["delivered"]) + lost + count(&one["in_doubt"]),
            pending: count(&one["pending"]),
        }
    };
    Some(kinds.filter(|one| one.is_object()).map(account).collect())
}

/// How many of a gateway's links are up.
async fn links(gateway: &Gateway) -> usize {
    let output = run(&["links", "--admin", &gateway.admin(), "-o", "json"]).await;
    let Ok(value) = serde_json::from_slice::<Value>(&output.stdout) else { return 0 };
    let links = value["links"].as_array();
    links.map_or(0, |links| links.iter().filter(|link| link["state"] == "up").count())
}

/// The `antiphon` binary of the same build: `cargo build` puts it beside ours, or one folder above
/// that of a test.
///
/// # Panics
/// When it has not been built.
#[must_use]
pub fn program() -> PathBuf {
    let own = std::env::current_exe().expect("a program has a path");
    let folders = own.ancestors().skip(1).take(2);
    let found = folders.map(|folder| folder.join("antiphon")).find(|path| path.exists());
    let program = found.unwrap_or_else(|| PathBuf::from("target/debug/antiphon"));
    assert!(program.exists(), "{} is missing: run `make test`", program.display());
    program
}

/// One recorded message: its subject and payload.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn vector(file: &str, index: usize) -> (String, bytes::Bytes) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/wire/tests/vectors");
    let text = std::fs::read_to_string(folder.join(file)).expect("a recorded file");
    let value: Value = serde_json::from_str(&text).expect("JSON");
    let message = &value["messages"][index];
    let text = |key: &str| message[key].as_str().expect("text").to_owned();
    (text("subject"), text("payload").into())
}
