//! Measures many emulated nodes on one broker: who answers, how soon the client shows it, and what
//! the nodes' process needs. `make bench-nodes`.

#![allow(clippy::print_stdout, reason = "it prints what it measured")]
#![allow(clippy::indexing_slicing, reason = "a measurement fails by panicking")]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use antiphon_lab::wait;
use antiphon_tests::{Fabric, Peer, program};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::{Instant, timeout},
};

/// How many nodes, unless the first argument says so.
const NODES: usize = 2000;
const RUNS: usize = 5;
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() {
    let nodes = std::env::args().nth(1).map_or(NODES, |text| text.parse().expect("a number"));
    let mut fabric = Fabric::up(|options| {
        options.regions = 1;
        options.gateways = 0;
        options.nodes = 1;
    })
    .await;
    // The node's own files, for many in its place.
    let region = fabric.lab.region_mut("eu").expect("the only region");
    for process in region.nodes_mut() {
        process.process_mut().kill();
    }
    let mut emulation = emulate(&fabric, nodes);
    println!(
        "emulated: {nodes} nodes in one process, protocol v1 over mutual TLS on one nats-server;"
    );
    println!(
        "          each with its own subscriptions, each verifying the caller's RSA signature"
    );
    all_there(&fabric, nodes).await;
    let mut ratios = Vec::new();
    for _ in 0..RUNS {
        ratios.push(ping(&fabric, nodes).await);
    }
    ratios.sort_by(f64::total_cmp);
    let (least, median, most) = (ratios[0], ratios[RUNS / 2], ratios[RUNS - 1]);
    println!("ratio, median of {RUNS} runs: {median:.2} ({least:.2} to {most:.2})");
    directed(&fabric, nodes).await;
    let pid = emulation.id().expect("it runs");
    println!(
        "memory of the nodes' process: {} now, {} at most",
        status(pid, "VmRSS"),
        status(pid, "VmHWM")
    );
    emulation.kill().await.expect("it ends");
}

fn emulate(fabric: &Fabric, nodes: usize) -> Child {
    let config = find(fabric.lab.dir(), "n1.eu.example.net.toml");
    let mut command = Command::new(program());
    command.args(["node", "run", "--emulate", &nodes.to_string(), "--config"]).arg(config);
    let log = std::fs::File::create(fabric.folder().join("nodes.log")).expect("a log");
    command.stdout(Stdio::null()).stderr(log).kill_on_drop(true);
    command.spawn().expect("the antiphon binary runs")
}

fn find(folder: &Path, name: &str) -> PathBuf {
    let entries =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    let paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    let found = paths.iter().find(|path| path.ends_with(name)).cloned();
    found.unwrap_or_else(|| {
        let inner = paths.iter().filter(|path| path.is_dir());
        inner.map(|path| find(path, name)).find(|path| path.is_file()).unwrap_or_default()
    })
}

/// Waits until a ping is answered by all.
async fn all_there(fabric: &Fabric, nodes: usize) {
    let complete = async || {
        let answers = fabric.ping("eu").await;
        (answers.len() == nodes).then_some(())
    };
    assert!(wait::until(PATIENCE, complete).await.is_some(), "not all nodes are there");
}

/// One ping: when a plain subscriber beside the client has the last answer, and when the client
/// shows it; both from the moment the request is on the broker.
async fn ping(fabric: &Fabric, nodes: usize) -> f64 {
    let mut beside = Peer::connect(&fabric.lab, "eu").await;
    beside.subscribe("mcollective.broadcast.agent.discovery").await;
    beside.subscribe("mcollective.reply.>").await;
    let dir = fabric.lab.dir().display().to_string();
    let mut command = Command::new(program());
    command.args(["ping", "--lab", &dir, "--expect", &nodes.to_string()]);
    let mut client = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().expect("it runs");
    let mut lines = BufReader::new(client.stdout.take().expect("a pipe")).lines();
    let shown = tokio::spawn(async move {
        let mut last = Instant::now();
        let mut count = 0;
        while let Ok(Some(line)) = lines.next_line().await {
            if line.contains("time=") {
                count += 1;
                last = Instant::now();
            }
        }
        (count, last)
    });
    let deadline = Instant::now() + PATIENCE;
    beside.message(deadline).await.expect("the request");
    let begun = Instant::now();
    let mut copies: BTreeMap<String, u32> = BTreeMap::new();
    let mut seen = begun;
    while copies.len() < nodes {
        let Some(message) = beside.message(deadline).await else { break };
        let answer = antiphon_wire::Transport::decode(message.payload).expect("a transport");
        *copies.entry(answer.sender().unwrap_or_default().to_owned()).or_default() += 1;
        seen = Instant::now();
    }
    let (count, shown) = timeout(PATIENCE, shown).await.expect("it ends").expect("no panic");
    client.wait().await.expect("it ends");
    let twice = copies.values().filter(|copies| **copies > 1).count();
    let (beside, client) = (seen - begun, shown - begun);
    let ratio = client.as_secs_f64() / beside.as_secs_f64();
    println!(
        "ping: {count} shown, {} missing, {twice} twice; last answer beside the client after {} ms, shown after {} ms: {ratio:.2}",
        nodes - copies.len(),
        beside.as_millis(),
        client.as_millis(),
    );
    ratio
}

/// A directed request to every node.
async fn directed(fabric: &Fabric, nodes: usize) {
    let dir = fabric.lab.dir().display().to_string();
    let begun = Instant::now();
    let arguments = ["req", "rpcutil", "get_fact", "fact=region", "--lab", &dir, "-o", "json"];
    let output = antiphon_tests::run(&arguments).await;
    let value: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let mut copies: BTreeMap<&str, u32> = BTreeMap::new();
    for reply in value["replies"].as_array().expect("replies") {
        *copies.entry(reply["sender"].as_str().expect("a sender")).or_default() += 1;
    }
    let twice = copies.values().filter(|copies| **copies > 1).count();
    println!(
        "directed get_fact: {} answered, {} missing, {twice} twice; {} ms with discovery",
        copies.len(),
        nodes - copies.len(),
        begun.elapsed().as_millis(),
    );
}

fn status(pid: u32, key: &str) -> String {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = text.lines().find(|line| line.starts_with(key)).expect("a line of that name");
    line.split_once(':').map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
}
