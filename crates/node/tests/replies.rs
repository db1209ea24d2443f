//! Replies byte for byte: what our node would have sent in a recording is what the real one sent.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod harness;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use antiphon_identity::v1::CallerLists;
use antiphon_identity::v2;
use antiphon_identity::v2::{Issuers, PublicKey, Seed};
use antiphon_node::inventory::Inventory;
use antiphon_node::processor::{Accepted, Rules, Verdict};
use antiphon_node::reply::{self, ReplySigner, Sender};
use antiphon_node::security::{Callers, Security};
use antiphon_wire::Transport;
use bytes::Bytes;
use harness::vectors::{self, Message};
use serde_json::json;

/// The broker of the recordings.
const BROKER: &str = "nats://localhost:5101";

fn rules(identity: &str, collective: &str, security: Security) -> Rules {
    Rules {
        identity: identity.to_owned(),
        collectives: vec![collective.try_into().unwrap()],
        agents: ["choria_util", "discovery", "rpcutil"].map(str::to_owned).to_vec(),
        security,
    }
}

fn v1_security() -> Security {
    let callers = Callers::load(&vectors::key("ca.pem"), CallerLists::default()).unwrap();
    Security::V1(Arc::new(callers))
}

fn v2_security() -> Security {
    let issuer = PublicKey::from_file(&vectors::key("v2-issuer.public")).unwrap();
    let issuers = Issuers::new(BTreeMap::from([("choria".to_owned(), issuer)]), Vec::new());
    Security::V2(Arc::new(v2::Verifier::new(issuers)))
}

fn n4() -> ReplySigner {
    let token = std::fs::read_to_string(vectors::key("v2-n4.jwt")).unwrap();
    ReplySigner {
        seed: Seed::from_file(&vectors::key("v2-n4.seed")).unwrap(),
        token: token.trim().to_owned(),
    }
}

/// The requests of a recording that reached the node, as it accepts them.
fn accepted(rules: &Rules, messages: &[Message]) -> Vec<Accepted> {
    let inventory = Inventory { facts: Arc::new(json!({})), classes: Arc::new(Vec::new()) };
    let requests = messages.iter().filter(|message| {
        message.subject.contains(".broadcast.agent.") || message.subject.contains(".node.")
    });
    let judged = requests.map(|message| {
        let now = Duration::from_millis(message.at_ms);
        match rules.judge(Bytes::from(message.payload.clone()), &inventory, now) {
            Verdict::Run(accepted) => *accepted,
            Verdict::Refuse { refusal, detail } => {
                panic!("{}: {refusal}: {detail}", message.subject)
            }
        }
    });
    judged.collect()
}

/// Answers every request with the recorded body at the recorded time, and compares.
fn compare(name: &str, rules: &Rules, signer: Option<&ReplySigner>) -> usize {
    let messages = vectors::messages(name);
    let mut compared = 0;
    for request in accepted(rules, &messages) {
        let answers = messages.iter().filter(|message| message.subject == request.back.reply_to);
        for answer in answers {
            let transport = Transport::decode(answer.payload.clone().into()).unwrap();
            let recorded = transport.reply().unwrap();
            if recorded.request_id != request.id || recorded.sender != rules.identity {
                continue;
            }
            let sender = Sender { identity: &rules.identity, broker: BROKER, signer };
            let ours = reply::encode(&request, &recorded.message, sender, recorded.time).unwrap();
            assert_eq!(std::str::from_utf8(&ours).unwrap(), answer.payload, "{name}");
            compared += 1;
        }
    }
    compared
}

#[test]
fn v1_replies_are_those_of_a_real_node() {
    let rules = rules("n1.example.net", "mcollective", v1_security());
    assert_eq!(compare("v1-ping.json", &rules, None), 1);
    assert!(compare("v1-rpc-replies.json", &rules, None) >= 9);
}

#[test]
fn v2_replies_are_those_of_a_real_node_signature_and_all() {
    let (rules, signer) = (rules("n4.example.net", "choria", v2_security()), n4());
    assert_eq!(compare("v2-ping-and-rpc.json", &rules, Some(&signer)), 3);
}

#[test]
fn federated_replies_echo_header_and_hops_as_a_real_node_does() {
    let (rules, signer) = (rules("n4.example.net", "choria", v2_security()), n4());
    assert_eq!(compare("v2-federated.json", &rules, Some(&signer)), 2);
}
