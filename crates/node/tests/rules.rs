//! Recorded messages against the checks alone: what a real node answered is run, what it ignored is refused.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers are test code too")]

mod harness;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use antiphon_identity::TrustBundle;
use antiphon_identity::v1::{CallerLists, Verifier};
use antiphon_node::inventory::Inventory;
use antiphon_node::processor::{Rules, Verdict};
use antiphon_node::security::Security;
use bytes::Bytes;
use serde_json::json;

use harness::vectors;

fn rules() -> Rules {
    let ca: PathBuf = vectors::key("ca.pem");
    let trust = Arc::new(TrustBundle::from_file(&ca).unwrap());
    Rules {
        identity: "n1.example.net".to_owned(),
        collectives: vec!["mcollective".try_into().unwrap()],
        agents: ["choria_util", "discovery", "rpcutil"].map(str::to_owned).to_vec(),
        security: Security::V1(Arc::new(Verifier::new(trust, CallerLists::default()))),
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
