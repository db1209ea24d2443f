//! Golden traces: what a machine was told and what it decided, in `traces/*.jsonl`. Each must decide
//! the same again. `UPDATE=1` records them anew; whoever reviews reads the difference.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    cell::RefCell,
    env, fs,
    path::{Path, PathBuf},
    time::Duration,
};

use antiphon_core::{Action, Config, Event, Gateway, Now, Snapshot};
use antiphon_gateway::record::{Begin, End, Line};
use antiphon_sim::{Machine, Scenario, gateway};
use antiphon_tests::run;
use serde_json::Value;

/// A request crosses from eu to us, and its answers come back.
const CROSSING: &str = r#"
about = "A request crosses."
seeds = [1]
run_for = "6s"
settle = "3s"
regions = { eu = { nodes = 1, gateways = 1 }, us = { nodes = 1, gateways = 1 } }
traffic = [{ from = "eu", every = "1s", start = "4s", until = "5s" }]
"#;

/// The link to us is lost; a request goes through ap.
const OUTAGE: &str = r#"
about = "A link is lost."
seeds = [1]
run_for = "10s"
settle = "3s"
regions = { eu = { nodes = 1, gateways = 1 }, us = { nodes = 1, gateways = 1 }, ap = { nodes = 1, gateways = 1 } }
traffic = [{ from = "eu", every = "3s", start = "4s", until = "9s" }]
step = [{ at = "6s", partition = ["eu", "us"] }]
"#;

/// The gateway whose life is recorded.
const RECORDED: &str = "eu-1";

thread_local! {
    /// What it was told, while a world runs on this thread.
    static TAPE: RefCell<Vec<Line>> = const { RefCell::new(Vec::new()) };
}

/// The machine, which records.
#[derive(Debug)]
struct Taped(Gateway);

impl Machine for Taped {
    fn handle(&mut self, event: Event, now: Now) -> Vec<Action> {
        let actions = self.0.handle(event.clone(), now);
        TAPE.with_borrow_mut(|tape| tape.push(Line::turn(now, event, &actions, true)));
        actions
    }

    fn next_deadline(&self) -> Option<Duration> {
        self.0.next_deadline()
    }

    fn snapshot(&self, now: Now) -> Snapshot {
        self.0.snapshot(now)
    }
}

fn taped(config: Config, seed: u64, now: Now) -> Box<dyn Machine> {
    if config.gateway.as_str() != RECORDED {
        return gateway(config, seed, now);
    }
    let begin = Line::Begin(Box::new(Begin::new(config.clone(), seed, now)));
    TAPE.with_borrow_mut(|tape| tape.push(begin));
    Box::new(Taped(Gateway::new(config, seed, now)))
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("traces").join(format!("{name}.jsonl"))
}

fn record(name: &str, scenario: &str) {
    let plan = Scenario::parse(name, scenario).unwrap().plan(name, scenario).unwrap();
    let outcome = antiphon_sim::run(&plan, 1, taped);
    assert!(outcome.is_good(), "{name}: {:?}", outcome.violations);
    let mut tape = TAPE.take();
    tape.push(Line::End(End::Stopped));
    let line = |line: &Line| serde_json::to_string(line).unwrap() + "\n";
    fs::write(path(name), tape.iter().map(line).collect::<String>()).unwrap();
}

/// Replays a trace and compares every action.
fn check(name: &str, scenario: &str) {
    if env::var_os("UPDATE").is_some() {
        record(name, scenario);
    }
    let text = fs::read_to_string(path(name)).unwrap();
    let mut machine: Option<Gateway> = None;
    for (number, text) in text.lines().enumerate() {
        match serde_json::from_str(text).unwrap_or_else(|error| stale(name, number, &error)) {
            Line::Begin(begin) => {
                machine = Some(Gateway::new(begin.config, begin.seed, begin.now));
            }
            Line::Turn { now, event, actions, .. } => {
                let machine = machine.as_mut().expect("the beginning comes first");
                let decided = machine.handle((*event).clone(), now);
                if Some(&decided) != actions.as_ref() {
                    let wanted = serde_json::to_string(&actions).unwrap();
                    let decided = serde_json::to_string(&decided).unwrap();
                    let what = format!("{event:?}\nrecorded: {wanted}\ndecided:  {decided}");
                    stale(name, number, &what)
                }
            }
            Line::End(_) => {}
        }
    }
    assert!(machine.is_some(), "{name}: it is empty");
}

fn stale<T>(name: &str, number: usize, what: &dyn std::fmt::Display) -> T {
    panic!(
        "traces/{name}.jsonl:{}: {what}\nIf that is meant: UPDATE=1 cargo test -p antiphon-tests \
         --test traces, and read the difference.",
        number + 1
    )
}

#[test]
fn a_request_crosses_as_recorded() {
    check("crossing", CROSSING);
}

#[test]
fn a_lost_link_is_routed_around_as_recorded() {
    check("outage", OUTAGE);
}

#[tokio::test]
async fn the_command_replays_a_trace_and_finds_what_differs() {
    let good = path("crossing").display().to_string();
    let output = run(&["replay", &good, "-o", "json"]).await;
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!((&value["gateway"], &value["end"]), (&RECORDED.into(), &"stopped".into()));
    assert!(!value["shown"].as_array().unwrap().is_empty());
    let folder = tempfile::tempdir().unwrap();
    let changed = folder.path().join("changed.jsonl");
    let text = fs::read_to_string(path("crossing")).unwrap();
    fs::write(&changed, text.replace("broadcast.agent.discovery", "broadcast.agent.other"))
        .unwrap();
    let output = run(&["replay", changed.to_str().unwrap()]).await;
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("differ from the recording"));
    let output = run(&["replay", "Cargo.toml"]).await;
    assert_eq!(output.status.code(), Some(64));
}
