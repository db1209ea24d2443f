//! What the operator's commands say, and how they end, in good days and bad ones.

use std::time::Duration;

use antiphon_lab::{Gateway, Relayed, pki::Profile, wait};
use antiphon_tests::{Fabric, even_costs, run};
use serde_json::Value;

use crate::shown;

const PATIENCE: Duration = Duration::from_secs(45);
/// Commands that list: good whatever they list.
const LISTS: [&str; 7] =
    ["regions", "gateways", "links", "routes", "collectives", "drops", "topology"];

/// What the doctor calls an order that stands.
const HELD: &str = "POLI-015";

/// What a command said: exit code, standard output, standard error.
struct Said {
    code: Option<i32>,
    out: String,
    error: String,
}

async fn say(arguments: &[&str]) -> Said {
    let output = run(arguments).await;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said { code: output.status.code(), out: text(&output.stdout), error: text(&output.stderr) }
}

async fn at(gateway: &Gateway, arguments: &[&str]) -> Said {
    let admin = gateway.admin();
    let arguments: Vec<&str> = arguments.iter().copied().chain(["--admin", &admin]).collect();
    say(&arguments).await
}

async fn json(gateway: &Gateway, arguments: &[&str]) -> Value {
    let arguments: Vec<&str> = arguments.iter().copied().chain(["-o", "json"]).collect();
    let said = at(gateway, &arguments).await;
    serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{} {}", said.out, said.error))
}

/// Waits until a command ends with this code and says this; then says it again.
async fn until(gateway: &Gateway, arguments: &[&str], code: i32, words: &str) -> Said {
    let fits = async || {
        let said = at(gateway, arguments).await;
        (said.code == Some(code) && (said.out.clone() + &said.error).contains(words)).then_some(())
    };
    let found = wait::until(PATIENCE, fits).await;
    let said = at(gateway, arguments).await;
    assert!(found.is_some(), "{arguments:?}: {:?} {} {}", said.code, said.out, said.error);
    said
}

async fn healthy(fabric: &Fabric, eu: &Gateway) {
    until(eu, &["status"], 0, "verdict      good").await;
    for list in LISTS {
        let said = at(eu, &[list]).await;
        assert_eq!((said.code, said.error.as_str()), (Some(0), expected_words(list)), "{list}");
    }
    let status = until(eu, &["status", "--all-gateways"], 0, "us-2").await;
    assert_eq!(status.out.lines().count(), 1 + 6, "{}", status.out);
    let held = json(eu, &["gateways"]).await;
    for one in held["gateways"].as_array().unwrap() {
        let theirs = one["holds_advert_version"].as_u64();
        assert_eq!(theirs.is_some(), one["ours"] == false, "{one}");
    }
    let other = json(eu, &["status", "--of", "ap-2"]).await;
    assert_eq!(other["gateway"], "ap-2");
    archived(fabric, eu).await;
    shown::in_state(eu, "healthy").await;
}

/// Nothing was dropped yet, which is said beside the table.
fn expected_words(list: &str) -> &'static str {
    if list == "drops" { "nothing was dropped\n" } else { "" }
}

async fn archived(fabric: &Fabric, eu: &Gateway) {
    let file = fabric.folder().join("fabric.archive");
    let file = file.to_str().unwrap();
    let written = at(eu, &["archive", file]).await;
    assert_eq!(written.code, Some(0), "{}", written.error);
    let read = say(&["links", "--archive", file, "--of", "us-1", "--state", "up"]).await;
    assert_eq!((read.code, read.out.lines().count()), (Some(0), 1 + 5), "{}", read.out);
    let svg = say(&["topology", "--archive", file, "-A", "-o", "svg"]).await;
    assert!(svg.out.starts_with("<svg") && svg.out.contains("ap-1"), "{}", svg.out);
}

async fn cut(fabric: &Fabric, eu: &Gateway) {
    let relays = fabric.lab.link_relays("eu", "us");
    relays.iter().for_each(|relay| relay.cut());
    until(eu, &["links", "--region", "us", "--filter", "state=down"], 0, "us-1").await;
    until(eu, &["routes"], 0, "ap-").await;
    // By the sibling, until it has lost its own link.
    let by_ap = async || {
        let ways = at(eu, &["routes", "us", "--all"]).await.out;
        ways.lines().any(|line| line.contains("* best") && line.contains("ap-")).then_some(())
    };
    assert!(wait::until(PATIENCE, by_ap).await.is_some(), "the way around is best");
    assert_eq!(at(eu, &["status", "--strict"]).await.code, Some(1));
    let drawn = until(eu, &["topology", "-A"], 0, "us (down)").await;
    assert!(drawn.out.contains("ap"), "{}", drawn.out);
    lists(eu).await;
    shown::in_state(eu, "cut").await;
    relays.iter().for_each(|relay| relay.restore());
    fabric.whole().await;
}

/// No list fails because of what is wrong with the fabric.
async fn lists(gateway: &Gateway) {
    for list in LISTS {
        let said = at(gateway, &[list]).await;
        assert_eq!(said.code, Some(0), "{list}: {}", said.error);
        assert!(!said.out.is_empty() || !said.error.is_empty(), "{list}");
    }
}

async fn held(fabric: &Fabric, eu: &Gateway) {
    let ordered = at(eu, &["link", "down", "us", "--reason", "line under test"]).await;
    assert_eq!(ordered.code, Some(0), "{}", ordered.error);
    until(eu, &["links", "--region", "us"], 0, "held down by an operator").await;
    let around = async || {
        let ways = at(eu, &["routes", "us", "--all"]).await.out;
        ways.lines().any(|line| line.contains("* best") && line.contains("ap-")).then_some(())
    };
    assert!(wait::until(PATIENCE, around).await.is_some(), "the way around is best");
    lists(eu).await;
    let ap = fabric.lab.gateway("ap-1").unwrap();
    until(ap, &["topology"], 0, "us (held down)").await;
    until(ap, &["topology", "-o", "mermaid"], 0, "held down").await;
    shown::in_state(eu, "held").await;
    let doctor = json(eu, &["check", "--no-ping"]).await;
    let checks = doctor["checks"].as_array().unwrap().iter();
    let wrong = checks.filter(|one| one["findings"].as_array().is_some_and(|all| !all.is_empty()));
    let codes: Vec<_> = wrong.map(|one| one["code"].as_str().unwrap().to_owned()).collect();
    assert!(codes.iter().any(|one| one == HELD), "{codes:?}");
    assert_eq!(at(eu, &["link", "up", "us"]).await.code, Some(0));
    until(eu, &["halt", "list"], 0, "no link is held down").await;
}

async fn halted(fabric: &Fabric, eu: &Gateway) {
    let words = ["halt", "--collective", "mcollective", "--reason", "bad package", "--for", "1h"];
    let ordered = at(eu, &words).await;
    assert_eq!(ordered.code, Some(0), "{}", ordered.error);
    for gateway in fabric.gateways() {
        until(gateway, &["explain", "mcollective.node.x"], 2, "bad package").await;
    }
    fabric.ping("eu").await;
    let dropped = async || {
        let one = at(eu, &["drops"]).await.out;
        one.contains("halted").then_some(())
    };
    // The sibling may have taken it.
    let sibling = fabric.lab.gateway("eu-2").unwrap();
    let theirs = async || at(sibling, &["drops"]).await.out.contains("halted").then_some(());
    let seen = async || if dropped().await.is_some() { Some(()) } else { theirs().await };
    assert!(wait::until(PATIENCE, seen).await.is_some(), "a halt drops");
    lists(eu).await;
    shown::in_state(eu, "halted").await;
    assert_eq!(at(eu, &["resume", "--collective", "mcollective"]).await.code, Some(0));
    until(eu, &["explain", "mcollective.node.x"], 0, "goes to").await;
}

/// What eu sends to us goes around, what us sends to eu does not.
async fn unequal(fabric: &mut Fabric) {
    for name in ["eu-1", "eu-2"] {
        let config = fabric.lab.gateway(name).unwrap().config().to_owned();
        let text = std::fs::read_to_string(&config).unwrap();
        let mut settings: toml::Table = toml::from_str(&text).unwrap();
        settings["link"]["costs"]["us"] = 1000.into();
        std::fs::write(&config, settings.to_string()).unwrap();
        fabric.restart(name).await;
    }
    fabric.whole().await;
    let eu = fabric.lab.gateway("eu-1").unwrap();
    until(eu, &["trace", "us"], 0, "the way back is not the way out").await;
    shown::in_state(eu, "unequal").await;
}

async fn without_broker(fabric: &mut Fabric) {
    for server in fabric.lab.region_mut("ap").unwrap().broker_mut().servers_mut() {
        server.process_mut().kill();
    }
    let ap = fabric.lab.gateway("ap-1").unwrap();
    until(ap, &["status"], 2, "problem: the broker has been away").await;
    let eu = fabric.lab.gateway("eu-1").unwrap();
    until(eu, &["gateways", "--region", "ap"], 0, "away").await;
    until(eu, &["routes", "ap"], 2, "no route from eu-1 to region ap").await;
    until(eu, &["status"], 2, "no route to region ap").await;
    lists(eu).await;
    shown::in_state(eu, "broker").await;
}

async fn drained(fabric: &mut Fabric) {
    let us = fabric.lab.gateway("us-2").unwrap();
    let nothing = at(us, &["undrain"]).await;
    assert_eq!(nothing.code, Some(2), "{}", nothing.error);
    let drained = at(us, &["drain", "--wait"]).await;
    assert_eq!(drained.code, Some(0), "{}", drained.error);
    let log = std::fs::read_to_string(us.process().log()).unwrap();
    assert!(log.contains("what=\"drain\""), "{log}");
    let eu = fabric.lab.gateway("eu-1").unwrap();
    until(eu, &["links"], 0, "us-1").await;
    let links = at(eu, &["links", "--filter", "gateway=us-2", "--state", "up"]).await;
    assert!(!links.out.contains("us-2"), "{}", links.out);
    until(eu, &["regions", "--region", "us"], 0, "1/").await;
    lists(eu).await;
    shown::in_state(eu, "drained").await;
}

async fn out_of_reach(fabric: &mut Fabric) {
    fabric.lab.gateway_mut("us-1").unwrap().process_mut().kill();
    let us = fabric.lab.gateway("us-1").unwrap();
    for command in LISTS.iter().chain(&["status", "undrain", "log-level"]) {
        let said = at(us, &[command]).await;
        assert_eq!((said.code, said.out.as_str()), (Some(3), ""), "{command}");
        assert!(said.error.contains(&us.admin()), "{command}: {}", said.error);
    }
    let eu = fabric.lab.gateway("eu-1").unwrap();
    let everybody = until(eu, &["status", "-A", "--timeout", "1s"], 2, "silent").await;
    assert!(everybody.error.contains("us-1 of us: "), "{}", everybody.error);
    shown::in_state(eu, "gone").await;
}

async fn log_level(eu: &Gateway) {
    let changed = at(eu, &["log-level", "debug"]).await;
    assert_eq!(changed.code, Some(0), "{}", changed.error);
    assert_eq!(at(eu, &["log-level"]).await.out.trim().split(',').next_back(), Some("debug"));
    assert_eq!(at(eu, &["log-level", "a=b=c"]).await.code, Some(64));
    let log = std::fs::read_to_string(eu.process().log()).unwrap();
    assert!(log.contains("what=\"log-level\"") && log.contains("DEBUG"), "{log}");
    assert_eq!(at(eu, &["log-level", "info"]).await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_tell_a_good_day_from_bad_ones() {
    let mut fabric = Fabric::up(|options| {
        options.nodes = 1;
        options.relayed = Relayed::Links;
        options.gateway_settings = even_costs();
    })
    .await;
    let eu = fabric.lab.gateway("eu-1").unwrap();
    healthy(&fabric, eu).await;
    log_level(eu).await;
    cut(&fabric, eu).await;
    held(&fabric, eu).await;
    halted(&fabric, eu).await;
    unequal(&mut fabric).await;
    drained(&mut fabric).await;
    without_broker(&mut fabric).await;
    out_of_reach(&mut fabric).await;
}

/// Gives a gateway a certificate that ends in so long, and starts it anew.
async fn certify(fabric: &mut Fabric, name: &str, life: Duration) {
    let region = name.split('-').next().unwrap();
    let profile = Profile::gateway("lab", region, name).lasting(life);
    fabric.lab.pki().issue(&[profile], &|_| {}).unwrap();
    let gateway = fabric.lab.gateway_mut(name).unwrap();
    gateway.process_mut().kill();
    gateway.start().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_ends_is_told_before_and_after() {
    let mut fabric = Fabric::up(|options| {
        options.regions = 2;
        options.gateways = 1;
        options.nodes = 0;
    })
    .await;
    certify(&mut fabric, "us-1", Duration::from_secs(25)).await;
    let us = fabric.lab.gateway("us-1").unwrap();
    until(us, &["status"], 2, "problem: its certificate ends in").await;
    until(us, &["status"], 2, "problem: its certificate has ended").await;
    let eu = fabric.lab.gateway("eu-1").unwrap();
    until(eu, &["status"], 2, "no route to region us").await;
    until(eu, &["links"], 0, "down").await;
}
