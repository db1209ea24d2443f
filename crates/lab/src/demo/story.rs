//! What is shown, in order.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;
use tokio::time::Instant;

use super::{DemoError, NODES, PATIENCE, Stage};
use crate::{Gateway, Region, wait};

/// Between a killed gateway and the next ping.
const PAUSE: Duration = Duration::from_secs(2);
/// The client is in this region.
const HOME: &str = "eu";

#[allow(clippy::print_stdout, reason = "the demonstration talks to people")]
fn say(text: &str) {
    println!("{text}");
}

fn title(text: &str) {
    say(&format!("\n== {text}"));
}

pub(super) async fn tell(mut stage: Stage) -> Result<(), DemoError> {
    title("A fabric of three regions: real nats-servers, two gateways each, mutual TLS everywhere");
    show(&stage, &["regions", "--admin", &admin(&stage)]).await?;
    show(&stage, &["topology", "--admin", &admin(&stage)]).await?;
    title("A client in eu asks everybody. It is Antiphon's own Choria client; it knows one broker");
    show_ping(&stage).await?;
    title("One node far away, asked by name");
    directed(&stage).await?;
    title("The state of a package on every node (the lab's nodes only simulate it, and say so)");
    fleet(&stage, &["package", "status", "package=bash"], "ensure").await?;
    title("Puppet is disabled everywhere, with a reason, and enabled again");
    fleet(&stage, &["puppet", "disable", "message=risky change"], "enabled").await?;
    fleet(&stage, &["puppet", "status"], "disable_message").await?;
    fleet(&stage, &["puppet", "enable"], "enabled").await?;
    title("The links between eu and us are cut");
    cut(&stage).await?;
    title("The links are back; gateway us-1 is killed (kill -9). Two seconds later:");
    kill(&mut stage).await?;
    title("The accounts of all gateways");
    accounts(&stage).await?;
    say(
        "\nEverything that was started has been ended. `antiphon lab up --dir DIR` leaves one running.",
    );
    Ok(())
}

async fn show(stage: &Stage, arguments: &[&str]) -> Result<(), DemoError> {
    let shown: Vec<&str> = arguments.iter().copied().take_while(|one| *one != "--admin").collect();
    say(&format!("$ antiphon {}", shown.join(" ")));
    say(stage.antiphon(arguments).await?.trim_end());
    Ok(())
}

async fn show_ping(stage: &Stage) -> Result<(), DemoError> {
    let begun = Instant::now();
    let answers = ping(stage).await?;
    let took = begun.elapsed().as_millis();
    say(&format!("$ antiphon ping    # on the broker of {HOME}; {took} ms in all"));
    for (region, nodes) in by_region(&answers) {
        say(&format!("  {region}: {nodes} of {NODES} nodes answered"));
    }
    complete(stage, &answers)
}

/// Who answered a ping, and how often.
async fn ping(stage: &Stage) -> Result<BTreeMap<String, u32>, DemoError> {
    let expect = (NODES * stage.lab.regions().len()).to_string();
    let dir = stage.dir();
    let arguments = ["ping", "--lab", &dir, "--region", HOME, "--expect", &expect, "-o", "json"];
    let value = stage.json(&arguments).await?;
    let mut answers = BTreeMap::new();
    let replies = value.get("replies").and_then(Value::as_array);
    for reply in replies.into_iter().flatten() {
        let sender = reply.get("sender").and_then(Value::as_str).unwrap_or_default();
        *answers.entry(sender.to_owned()).or_default() += 1;
    }
    Ok(answers)
}

fn by_region(answers: &BTreeMap<String, u32>) -> BTreeMap<String, usize> {
    let mut regions = BTreeMap::new();
    for node in answers.keys() {
        let region = node.split('.').nth(1).unwrap_or("?").to_owned();
        *regions.entry(region).or_default() += 1;
    }
    regions
}

/// Every node once, or the demonstration has failed.
fn complete(stage: &Stage, answers: &BTreeMap<String, u32>) -> Result<(), DemoError> {
    let nodes = NODES * stage.lab.regions().len();
    let twice = answers.values().filter(|copies| **copies > 1).count();
    if answers.len() == nodes && twice == 0 {
        say(&format!("  all {nodes}, each once"));
        return Ok(());
    }
    let missing = nodes - answers.len();
    Err(DemoError::Failed(format!("{missing} nodes did not answer, {twice} answered twice")))
}

async fn directed(stage: &Stage) -> Result<(), DemoError> {
    let dir = stage.dir();
    let node = "n1.us.example.net";
    let arguments =
        ["req", "rpcutil", "get_fact", "fact=region", "-I", node, "--lab", &dir, "--region", HOME];
    say(&format!("$ antiphon req rpcutil get_fact fact=region -I {node}"));
    let text = stage.antiphon(&arguments).await?;
    text.lines().filter(|line| !line.trim().is_empty()).for_each(say);
    Ok(())
}

/// Asks every node, and shows how often each value of one output came back.
async fn fleet(stage: &Stage, request: &[&str], output: &str) -> Result<(), DemoError> {
    let dir = stage.dir();
    let place = ["--lab", &dir, "--region", HOME, "-o", "json"];
    let arguments: Vec<&str> = ["req"].iter().chain(request).chain(&place).copied().collect();
    let value = stage.json(&arguments).await?;
    let replies = value.get("replies").and_then(Value::as_array);
    let mut values: BTreeMap<String, usize> = BTreeMap::new();
    for reply in replies.into_iter().flatten() {
        let said = reply.get("data").and_then(|data| data.get(output)).unwrap_or(&Value::Null);
        *values.entry(said.to_string()).or_default() += 1;
    }
    say(&format!("$ antiphon req {}", quoted(request)));
    for (said, nodes) in &values {
        say(&format!("  {output}: {said} on {nodes} nodes"));
    }
    let all = NODES * stage.lab.regions().len();
    if values.values().sum::<usize>() == all && values.len() == 1 {
        return Ok(());
    }
    Err(DemoError::Failed(format!("{all} nodes should have said the same: {values:?}")))
}

/// As one would type it.
fn quoted(request: &[&str]) -> String {
    let quote = |word: &&str| match word.split_once('=') {
        Some((name, value)) if value.contains(' ') => format!("{name}=\"{value}\""),
        Some(_) | None => (*word).to_owned(),
    };
    request.iter().map(quote).collect::<Vec<_>>().join(" ")
}

async fn cut(stage: &Stage) -> Result<(), DemoError> {
    let relays = stage.lab.link_relays("eu", "us");
    relays.iter().for_each(|relay| relay.cut());
    let begun = Instant::now();
    let hops = reroute(stage).await?;
    say(&format!("  {} ms later, us is reached by way of {hops}", begun.elapsed().as_millis()));
    show(stage, &["routes", "us", "--admin", &admin(stage)]).await?;
    let node = "mcollective.node.n1.us.example.net";
    show(stage, &["explain", node, "--admin", &admin(stage)]).await?;
    show_ping(stage).await?;
    relays.iter().for_each(|relay| relay.restore());
    Ok(())
}

/// Waits until the first gateway reaches us by way of another region.
async fn reroute(stage: &Stage) -> Result<String, DemoError> {
    let admin = admin(stage);
    let rerouted = wait::until(PATIENCE, async || {
        let value = stage.json(&["regions", "--admin", &admin, "-o", "json"]).await.ok()?;
        let regions = value.get("regions")?.as_array()?;
        let is_us = |region: &&Value| region.get("region").is_some_and(|name| name == "us");
        let us = regions.iter().find(is_us)?;
        let hops = us.pointer("/route/next_hops")?.as_array()?;
        let names: Vec<&str> = hops.iter().filter_map(Value::as_str).collect();
        let around = !names.is_empty() && names.iter().all(|name| !name.starts_with("us"));
        around.then(|| names.join(" or "))
    });
    rerouted.await.ok_or_else(|| DemoError::Failed("us was not reached by another way".to_owned()))
}

async fn kill(stage: &mut Stage) -> Result<(), DemoError> {
    settled(stage).await?; // So that nothing is in flight, and in doubt, that was shown before.
    if let Some(gateway) = stage.lab.gateway_mut("us-1") {
        gateway.process_mut().kill();
    }
    tokio::time::sleep(PAUSE).await;
    show_ping(stage).await
}

/// The words of an account, in the order in which they add up.
const WORDS: [&str; 5] = ["created", "delivered", "dropped", "in_doubt", "pending"];

async fn accounts(stage: &Stage) -> Result<(), DemoError> {
    let sums = settled(stage).await?;
    let line: Vec<String> = WORDS
        .iter()
        .map(|word| format!("{} {}", sums.get(word).copied().unwrap_or(0), word.replace('_', " ")))
        .collect();
    say(&format!("  messages between regions: {}", line.join(", ")));
    say("  (what us-1 had created, it took with it)");
    Ok(())
}

/// The accounts when every message has ended.
async fn settled(stage: &Stage) -> Result<BTreeMap<&'static str, u64>, DemoError> {
    let settled = wait::until(PATIENCE, async || {
        let sums = sums(stage).await.ok()?;
        (sums.get("pending") == Some(&0)).then_some(sums)
    });
    settled.await.ok_or_else(|| DemoError::Failed("some messages have no end yet".to_owned()))
}

/// The accounts of all gateways that run, added up.
async fn sums(stage: &Stage) -> Result<BTreeMap<&'static str, u64>, DemoError> {
    let mut sums = BTreeMap::new();
    for gateway in living(stage) {
        let value = stage.json(&["collectives", "--admin", &gateway, "-o", "json"]).await?;
        for word in WORDS {
            *sums.entry(word).or_default() += sum(&value, word);
        }
    }
    Ok(sums)
}

/// Adds up every number that stands under this key, wherever it is.
fn sum(value: &Value, key: &str) -> u64 {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(name, inner)| match (name == key, inner) {
                (true, Value::Number(number)) => number.as_u64().unwrap_or(0),
                (true, Value::Object(reasons)) => reasons.values().filter_map(Value::as_u64).sum(),
                (_, inner) => sum(inner, key),
            })
            .sum(),
        Value::Array(list) => list.iter().map(|inner| sum(inner, key)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// The first gateway of the client's region.
fn admin(stage: &Stage) -> String {
    let gateway = stage.lab.region(HOME).and_then(|region| region.gateways().first());
    gateway.map(Gateway::admin).unwrap_or_default()
}

fn living(stage: &Stage) -> Vec<String> {
    let gateways = stage.lab.regions().iter().flat_map(Region::gateways);
    gateways.filter(|one| one.process().pid().is_some()).map(Gateway::admin).collect()
}
