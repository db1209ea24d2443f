use std::time::Duration;

use antiphon_wire::Version;
use bytes::Bytes;
use serde_json::json;

use super::*;
use crate::processor::{Accepted, Return};

fn call(caller: &str, action: &str) -> Call {
    let back = Return { version: Version::V1, reply_to: "r".to_owned(), echo: None };
    let request = Accepted {
        id: "5f0c1b0c9d3e4b7f8a21c46d1f2e3a4b".try_into().unwrap(),
        caller: caller.to_owned(),
        sender: "shell1".to_owned(),
        collective: "mcollective".try_into().unwrap(),
        agent: "service".try_into().unwrap(),
        ttl: Duration::from_secs(60),
        time: Duration::ZERO,
        payload: Bytes::new(),
        rights: None,
        back,
    };
    Call { request, action: action.to_owned(), data: serde_json::Map::new() }
}

fn decide_with(files: &[(&str, &str)], default: Option<&str>, call: &Call) -> bool {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let authorization = Authorization::ActionPolicy {
        folder: folder.path().to_owned(),
        default: default.map(str::to_owned),
        allow_unconfigured: false,
    };
    let facts = json!({"country": "de"});
    let profile =
        Profile { identity: "n1", agents: &[], classes: &["web".to_owned()], facts: &facts };
    decide(&authorization, call, &profile).is_ok()
}

const POLICY: &str = "policy default deny\n\
# who may do what\n\
deny\t*\tstop\t*\t*\n\
allow\tchoria=alice.mcollective /\\.admin\\.mcollective$/\tstatus stop\tcountry=de\tweb\n\
allow\tops\t*\t*\t*\n\
allow\tchoria=mallory\tstatus\tcountry=fr\t*\n";

#[test]
fn the_first_line_that_fits_decides() {
    let may = |caller: &str, action: &str| {
        let files = [("service.policy", POLICY), ("groups", "ops choria=bob choria=carol\n")];
        decide_with(&files, None, &call(caller, action))
    };
    assert!(may("choria=alice.mcollective", "status"));
    assert!(!may("choria=alice.mcollective", "stop"), "denied for everyone before");
    assert!(may("choria=x.admin.mcollective", "status"));
    assert!(may("choria=carol", "restart"), "a group");
    assert!(!may("choria=mallory", "status"), "the fact is another");
    assert!(!may("choria=eve", "status"), "the default");
}

#[test]
fn without_a_policy_everything_is_denied_unless_there_is_a_default_policy() {
    let status = call("choria=alice", "status");
    assert!(!decide_with(&[], None, &status));
    assert!(!decide_with(&[], Some("default"), &status));
    assert!(decide_with(&[("default.policy", "policy default allow\n")], Some("default"), &status));
}

#[test]
fn a_line_with_a_missing_field_denies_and_a_compound_one_is_passed_over() {
    let status = call("choria=alice", "status");
    let with = |line: &str| {
        let text = format!("policy default allow\n{line}\n");
        decide_with(&[("service.policy", &text)], None, &status)
    };
    assert!(!with("allow\t*\t*"));
    assert!(with("deny\t*\t*\tcountry=de and web"));
    assert!(!with("deny * * * *"), "spaces are no tabs");
}

#[test]
fn a_token_allows_what_it_lists() {
    let mut status = call("up=alice", "status");
    let facts = json!({});
    let profile = Profile { identity: "n1", agents: &[], classes: &[], facts: &facts };
    let mut may = |rights: Option<&[&str]>, opa_policy| {
        status.request.rights = rights.map(|agents| crate::security::Rights {
            agents: agents.iter().map(ToString::to_string).collect(),
            opa_policy,
        });
        decide(&Authorization::Token, &status, &profile).is_ok()
    };
    assert!(may(Some(&["service.status"]), false));
    assert!(may(Some(&["puppet.*", "service.*"]), false));
    assert!(may(Some(&["*"]), false));
    assert!(!may(Some(&["service.stop"]), false));
    assert!(!may(Some(&["*"]), true), "Rego cannot be evaluated");
    assert!(!may(None, false));
}
