//! Whose requests a node of protocol v2 takes: by token, issuer, chain of trust, trusted signer and delegator.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use antiphon_identity::UnixTime;
use antiphon_identity::v2::{ClientPermissions, ClientToken, Issuer, Issuers, Seed, Verifier};
use antiphon_node::Refusal;
use antiphon_node::inventory::Inventory;
use antiphon_node::processor::{Rules, Verdict};
use antiphon_node::security::Security;
use antiphon_wire::{Filter, NewRequest, NewSecureRequest, NewTransport, Version};
use bytes::Bytes;
use serde_json::json;

const NOW: Duration = Duration::from_secs(1_800_000_000);

fn now() -> UnixTime {
    UnixTime::since_unix_epoch(NOW)
}

/// Someone with a key and a token.
struct User {
    seed: Seed,
    token: String,
}

fn fleet() -> ClientPermissions {
    ClientPermissions { fleet_management: true, ..ClientPermissions::default() }
}

fn signed_fleet() -> ClientPermissions {
    ClientPermissions { signed_fleet_management: true, ..ClientPermissions::default() }
}

fn delegator() -> ClientPermissions {
    ClientPermissions { authentication_delegator: true, ..ClientPermissions::default() }
}

fn user(issuer: &Issuer, caller_id: &str, permissions: ClientPermissions) -> User {
    let seed = Seed::generate().unwrap();
    let token = issuer.client(&client_token(&seed, caller_id, permissions), now()).unwrap();
    User { seed, token }
}

fn client_token<'a>(
    seed: &Seed,
    caller_id: &'a str,
    permissions: ClientPermissions,
) -> ClientToken<'a> {
    ClientToken {
        caller_id,
        agents: &["rpcutil.*"],
        organisation: "choria",
        permissions,
        public_key: seed.public(),
        validity: Duration::from_secs(3600),
    }
}

/// A node that trusts an organisation's issuer, and another signer.
fn judge(issuer: &Issuer, signer: &Issuer, payload: Bytes) -> Result<Vec<String>, Refusal> {
    let organisations = BTreeMap::from([("choria".to_owned(), issuer.public())]);
    let issuers = Issuers::new(organisations, vec![signer.public()]);
    let rules = Rules {
        identity: "n4.example.net".to_owned(),
        collectives: vec!["choria".try_into().unwrap()],
        agents: vec!["rpcutil".to_owned()],
        security: Security::V2(Arc::new(Verifier::new(issuers))),
    };
    let inventory = Inventory { facts: Arc::new(json!({})), classes: Arc::new(Vec::new()) };
    match rules.judge(payload, &inventory, NOW) {
        Verdict::Run(accepted) => Ok(accepted.rights.unwrap().agents),
        Verdict::Refuse { refusal, .. } => Err(refusal),
    }
}

/// A request in the name of `caller`, with a token, and the key and token of who signs.
fn request(caller: &str, token: &str, key: &Seed, signer: Option<&str>) -> Bytes {
    let request = NewRequest {
        version: Version::V2,
        id: &"3MXB6MywF3TaXxLFKmJyUU98H5W".try_into().unwrap(),
        caller: &caller.try_into().unwrap(),
        sender: "shell1.example.net",
        collective: &"choria".try_into().unwrap(),
        agent: &"rpcutil".try_into().unwrap(),
        ttl: Duration::from_secs(60),
        time: NOW,
        filter: &Filter::default(),
        message: br#"{"agent":"rpcutil","action":"ping"}"#,
    };
    let request = request.encode().unwrap();
    let signature = key.sign(&request);
    let secure =
        NewSecureRequest::Jwt { request: &request, signature: &signature, caller: token, signer };
    let transport = NewTransport {
        version: Version::V2,
        data: &secure.encode().unwrap(),
        reply_to: Some("choria.reply.7419405695a186147a0de38f7e31a509.3MXB6MywF3TaXxLFKmJyUU98H5W"),
        sender: "shell1.example.net",
        seen_by: &[],
        federation: None,
    };
    transport.encode()
}

fn issuers() -> (Issuer, Issuer) {
    (Issuer::new(Seed::generate().unwrap()), Issuer::new(Seed::generate().unwrap()))
}

#[test]
fn a_fleet_manager_of_the_organisation_is_run_with_the_rights_of_the_token() {
    let (issuer, signer) = issuers();
    let alice = user(&issuer, "up=alice", fleet());
    let payload = request("up=alice", &alice.token, &alice.seed, None);
    assert_eq!(judge(&issuer, &signer, payload), Ok(vec!["rpcutil.*".to_owned()]));
}

#[test]
fn a_trusted_signer_and_a_chain_issuer_may_make_tokens_and_nobody_else() {
    let (issuer, signer) = issuers();
    let of_signer = user(&signer, "up=alice", fleet());
    let payload = request("up=alice", &of_signer.token, &of_signer.seed, None);
    assert!(judge(&issuer, &signer, payload).is_ok());

    let seed = Seed::generate().unwrap();
    let (_, chain) = issuer
        .chain_issuer(&client_token(&seed, "up=login", fleet()), seed.clone(), now())
        .unwrap();
    let of_chain = user(&chain, "up=alice", fleet());
    let payload = request("up=alice", &of_chain.token, &of_chain.seed, None);
    assert!(judge(&issuer, &signer, payload).is_ok());

    let (stranger, _) = issuers();
    let of_stranger = user(&stranger, "up=alice", fleet());
    let payload = request("up=alice", &of_stranger.token, &of_stranger.seed, None);
    assert_eq!(judge(&issuer, &signer, payload), Err(Refusal::Credentials));
}

#[test]
fn permission_name_and_signature_must_fit() {
    let (issuer, signer) = issuers();
    let none = user(&issuer, "up=alice", ClientPermissions::default());
    let payload = request("up=alice", &none.token, &none.seed, None);
    assert_eq!(judge(&issuer, &signer, payload), Err(Refusal::Credentials));

    let alice = user(&issuer, "up=alice", fleet());
    let payload = request("up=bob", &alice.token, &alice.seed, None);
    assert_eq!(judge(&issuer, &signer, payload), Err(Refusal::Caller));

    let payload = request("up=alice", &alice.token, &none.seed, None);
    assert_eq!(judge(&issuer, &signer, payload), Err(Refusal::Signature));
}

#[test]
fn who_needs_a_delegator_is_run_only_with_a_delegators_signature() {
    let (issuer, signer) = issuers();
    let alice = user(&issuer, "up=alice", signed_fleet());
    let aaa = user(&issuer, "up=aaa", delegator());
    let alone = request("up=alice", &alice.token, &alice.seed, None);
    assert_eq!(judge(&issuer, &signer, alone), Err(Refusal::Credentials));
    let delegated = request("up=alice", &alice.token, &aaa.seed, Some(&aaa.token));
    assert!(judge(&issuer, &signer, delegated).is_ok());
    let pretended = request("up=alice", &alice.token, &alice.seed, Some(&alice.token));
    assert_eq!(judge(&issuer, &signer, pretended), Err(Refusal::Credentials));
}

#[test]
fn a_request_of_protocol_v1_is_of_the_other_protocol() {
    let (issuer, signer) = issuers();
    let case = harness::vectors::node_behaviour().swap_remove(0);
    assert_eq!(judge(&issuer, &signer, Bytes::from(case.payload)), Err(Refusal::Version));
}
