//! The published schemas describe what the command prints: neither more nor less; and whatever prints
//! JSON has one.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use antiphon_cli::{args::Cli, noun::policy::outcome_json};
use antiphon_gateway::policies::PolicyOutcome;
use clap::CommandFactory;
use serde_json::{Value, json};

use self::conform::conform;

#[path = "schemas/conform.rs"]
mod conform;

/// Recorded documents, and the schema of each where it is not the file's name.
const RECORDED: [(&str, &str); 24] = [
    ("check", "check"),
    ("collectives", "collectives"),
    ("drops", "drops"),
    ("explain", "explain"),
    ("explain-directed", "explain"),
    ("explain-federated", "explain"),
    ("explain-refused", "explain"),
    ("explain-reply", "explain"),
    ("gateways", "gateways"),
    ("halts", "halts"),
    ("identity", "identity"),
    ("links", "links"),
    ("policy", "policy"),
    ("policy-apply", "policy-apply"),
    ("regions", "regions"),
    ("requests", "requests"),
    ("routes", "routes"),
    ("routes-all", "routes"),
    ("routes-to-us", "routes"),
    ("status", "status"),
    ("trace", "trace"),
    ("topology", "topology"),
    ("all-gateways", "all-gateways"),
    ("lab", "lab"),
];

/// What each command prints; with `--all-gateways`, `all-gateways`.
const PRINTED: [(&str, &str); 23] = [
    ("check", "check"),
    ("collectives", "collectives"),
    ("drops", "drops"),
    ("explain", "explain"),
    ("gateways", "gateways"),
    ("halt list", "halts"),
    ("identity enrol", "identity"),
    ("identity show", "identity"),
    ("identity verify", "identity"),
    ("lab status", "lab"),
    ("links", "links"),
    ("policy apply", "policy-apply"),
    ("policy show", "policy"),
    ("regions", "regions"),
    ("replay", "replay"),
    ("requests", "requests"),
    ("routes", "routes"),
    ("sim run", "simulation"),
    ("sim swarm", "swarm"),
    ("status", "status"),
    ("topology", "topology"),
    ("trace", "trace"),
    ("--all-gateways", "all-gateways"),
];

/// Whose JSON has the shape that Choria's own commands print.
const CHORIAS: [&str; 4] = ["ping", "find", "req", "facts"];

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{name}.json"))
}

fn schema(name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas");
    read(&folder.join(format!("antiphon.{name}.v1.json")))
}

fn read(path: &Path) -> Value {
    let text = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).expect("JSON")
}

/// Every command, as it is typed, that can print JSON.
fn print_json(command: &clap::Command, typed: &str) -> BTreeSet<String> {
    let values = |arg: &clap::Arg| arg.get_possible_values();
    let json = |arg: &clap::Arg| values(arg).iter().any(|one| one.get_name() == "json");
    let mut found = BTreeSet::new();
    if command.get_arguments().any(json) {
        found.insert(typed.to_owned());
    }
    for inner in command.get_subcommands() {
        let typed = format!("{typed} {}", inner.get_name());
        found.append(&mut print_json(inner, typed.trim_start()));
    }
    found
}

#[test]
fn every_command_that_prints_json_has_a_published_schema() {
    let commands = print_json(&Cli::command(), "");
    let known: BTreeMap<&str, &str> = PRINTED.into_iter().collect();
    for command in &commands {
        let chorias = CHORIAS.contains(&command.as_str());
        assert!(chorias || known.contains_key(command.as_str()), "{command} has no schema");
    }
    let gone = known.keys().filter(|one| !one.starts_with("--") && !commands.contains(**one));
    assert_eq!(gone.collect::<Vec<_>>(), Vec::<&&str>::new(), "they print no JSON");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name());
    let files: BTreeSet<String> = files
        .filter_map(|name| {
            let name = name.into_string().unwrap();
            Some(name.strip_prefix("antiphon.")?.strip_suffix(".v1.json")?.to_owned())
        })
        .collect();
    let printed: BTreeSet<String> = known.into_values().map(str::to_owned).collect();
    assert_eq!(files, printed, "what is published is what is printed");
}

#[test]
fn every_document_fits_its_published_schema() {
    for (name, of) in RECORDED {
        conform(&read(&golden(name)), &schema(of), name);
    }
}

/// As with the others, `UPDATE=1` writes it first.
fn recorded(name: &str, actual: &Value) {
    let path = golden(name);
    if std::env::var_os("UPDATE").is_some_and(|value| value == "1") {
        fs::write(&path, format!("{actual:#}\n")).unwrap();
    }
    assert_eq!(*actual, read(&path), "{name}");
}

#[test]
fn what_a_policy_would_change_and_what_of_a_lab_runs_is_as_recorded() {
    let judged = |effect: &str| json!({ "effect": effect, "rule": "night" });
    let outcome: PolicyOutcome = serde_json::from_value(json!({
        "schema": "antiphon.policy-apply.v1",
        "applied": false,
        "source": "policy.toml",
        "problems": [],
        "requests": 40,
        "others": 2,
        "changes": [{
            "direction": "export",
            "from": "eu",
            "to": "us",
            "collective": "mcollective",
            "agent": "package",
            "action": "install",
            "caller": "choria=alice.mcollective",
            "count": 12,
            "before": judged("allow"),
            "after": judged("deny"),
        }],
    }))
    .unwrap();
    recorded("policy-apply", &outcome_json(&outcome));
    let row = |kind, name: &str, pids| antiphon_lab::cli::StatusRow {
        region: "eu".to_owned(),
        kind,
        name: name.to_owned(),
        pids,
    };
    let rows =
        vec![row("broker", "nats://localhost:4222", vec![7]), row("gateway", "eu-1", vec![])];
    let status =
        antiphon_lab::cli::Status { schema: "antiphon.lab.v1", dir: "/tmp/lab".into(), rows };
    recorded("lab", &json!(status));
}

#[test]
fn a_replay_fits_its_published_schema() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/traces/outage.jsonl");
    let document = run(&["replay", file.to_str().unwrap(), "-o", "json"]);
    conform(&document, &schema("replay"), "replay");
}

fn run(args: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_antiphon")).args(args).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{args:?}: {error}"))
}

/// A short world with a fault, so that no list stays empty for lack of anything to say.
const SCENARIO: &str = r#"
about = "Two regions lose each other."
seeds = [1]
run_for = "30s"
settle = "20s"
regions = { eu = {}, us = {} }
step = [{ at = "20s", partition = ["eu", "us"], for = "2s" }, { at = "29s", reset = ["eu", "us"] }]
expect = [{ complete = ["15s", "30s"] }, { by = "29s", alarm = "natively-joined" }]
"#;

#[test]
fn simulations_fit_their_published_schemas() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.toml");
    fs::write(&file, SCENARIO).unwrap();
    let file = file.to_str().unwrap();
    for (name, args) in [
        ("simulation", &["run", file, "--what-if", "down:eu-1@25s"][..]),
        ("swarm", &["swarm", "--seeds", "1..2", "--gateways", "3"]),
    ] {
        let document = run(&[&["sim"], args, &["-o", "json"]].concat());
        conform(&document, &schema(name), name);
    }
}
