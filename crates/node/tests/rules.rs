//! Recorded messages against the checks alone: what a real node answered is run, what it ignored is refused.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod harness;

use std::sync::Arc;
use std::time::Duration;

use antiphon_identity::v1::CallerLists;
use antiphon_node::inventory::Inventory;
use antiphon_node::processor::{Rules, Verdict};
use antiphon_node::security::{Callers, Security};
use bytes::Bytes;
use serde_json::json;

use harness::vectors;

fn rules() -> Rules {
    let callers = Callers::load(&vectors::key("ca.pem"), CallerLists::default()).unwrap();
    Rules {
        identity: "n1.example.net".to_owned(),
        collectives: vec!["mcollective".try_into().unwrap()],
        agents: ["choria_util", "discovery", "rpcutil"].map(str::to_owned).to_vec(),
        security: Security::V1(Arc::new(callers)),
    }
}

fn inventory() -> Inventory {
    Inventory {
        facts: Arc::new(json!({"country": "mt", "os": {"family": "Debian"}, "mem": 512})),
        classes: Arc::new(vec!["one".to_owned()]),
    }
}

/// The checks let this payload through; the agent then does not answer it.
const RUN_BUT_SILENT: &str = "discovery: pong";

#[test]
fn the_checks_decide_as_a_real_node_did() {
    let (rules, inventory) = (rules(), inventory());
    let mut wrong = Vec::new();
    for case in vectors::node_behaviour() {
        let now = Duration::from_millis(case.at_ms);
        let verdict = rules.judge(Bytes::from(case.payload.clone()), &inventory, now);
        let run = matches!(verdict, Verdict::Run(_));
        if run != (case.answered || case.case == RUN_BUT_SILENT) {
            wrong.push(format!("{}: {verdict:?}", case.case));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// One byte of `data` in so many is damaged, one at a time.
const STEP: usize = 5;

#[test]
fn a_damaged_request_is_never_run_and_never_panics() {
    let (rules, inventory) = (rules(), inventory());
    let case = vectors::node_behaviour().swap_remove(0);
    let now = Duration::from_millis(case.at_ms);
    let good = case.payload.into_bytes();
    let transport = antiphon_wire::Transport::decode(Bytes::from(good.clone())).unwrap();
    let data = transport.data_range();
    for (at, damage) in (0..good.len()).step_by(STEP).flat_map(|at| [(at, b'A'), (at, 0xff)]) {
        let mut bad = good.clone();
        if bad[at] == damage {
            continue;
        }
        bad[at] = damage;
        let verdict = rules.judge(Bytes::from(bad), &inventory, now);
        let run = matches!(verdict, Verdict::Run(_));
        assert!(!(run && data.contains(&at)), "byte {at} of the payload: {verdict:?}");
    }
}

#[test]
fn a_truncated_request_is_refused_wherever_it_ends() {
    let (rules, inventory) = (rules(), inventory());
    let case = vectors::node_behaviour().swap_remove(0);
    let now = Duration::from_millis(case.at_ms);
    for end in 0..case.payload.len() - 1 {
        let payload = Bytes::copy_from_slice(&case.payload.as_bytes()[..end]);
        let verdict = rules.judge(payload, &inventory, now);
        assert!(matches!(verdict, Verdict::Refuse { .. }), "cut at {end}");
    }
}
