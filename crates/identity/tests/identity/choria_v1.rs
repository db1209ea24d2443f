//! Protocol v1 against real requests.

use std::sync::Arc;

use antiphon_identity::TrustBundle;
use antiphon_identity::v1::{
    Caller, CallerLists, KeyError, Refusal, SecureRequest, SigningKey, Verifier,
};
use rcgen::ExtendedKeyUsagePurpose::ServerAuth;
use rcgen::KeyPair;
use serde_json::Value;

use crate::golden::{self, Recorded};
use crate::pki::{Authority, Issued, Subject, YEAR_2000, at};

const REQUEST: &str = "choria:secure:request:1";

fn verifier() -> Verifier {
    let bundle = TrustBundle::from_file(&golden::path("keys/ca.pem")).unwrap();
    Verifier::new(Arc::new(bundle), CallerLists::default())
}

fn verify(recorded: &Recorded) -> Result<Caller, Refusal> {
    let request: Value = serde_json::from_str(recorded.text("message")).unwrap();
    let secure = SecureRequest {
        message: recorded.text("message").as_bytes(),
        signature: &recorded.bytes("signature"),
        pubcert: recorded.text("pubcert"),
        caller_id: request["envelope"]["callerid"].as_str().unwrap(),
    };
    verifier().verify(&secure, recorded.at)
}

fn refusal(case: &str) -> &'static str {
    verify(&golden::case(case)).unwrap_err().kind()
}

#[test]
fn every_recorded_request_comes_from_alice() {
    let requests = golden::recorded("v1-", REQUEST);
    assert!(requests.len() > 20, "{}", requests.len());
    for request in &requests {
        let caller = verify(request).unwrap_or_else(|error| panic!("{}: {error}", request.name));
        assert_eq!((caller.name.as_str(), caller.privileged), ("alice.mcollective", false));
    }
}

#[test]
fn the_same_message_gets_the_same_signature_as_from_a_real_client() {
    let key = SigningKey::from_file(&golden::path("keys/alice.mcollective-key.pem")).unwrap();
    for request in golden::recorded("v1-", REQUEST) {
        let signature = key.sign(request.text("message").as_bytes()).unwrap();
        assert_eq!(signature, request.bytes("signature"));
    }
}

#[test]
fn what_a_real_node_accepts_is_accepted() {
    for case in [
        "baseline",
        "secure: pubcert with leading text",
        "envelope: callerid other prefix",
        "data: base64 with line feeds every 60",
    ] {
        verify(&golden::case(case)).unwrap_or_else(|error| panic!("{case}: {error}"));
    }
}

#[test]
fn what_a_real_node_refuses_is_refused_by_name() {
    assert_eq!(refusal("secure: tampered message"), "bad-signature");
    assert_eq!(refusal("secure: certificate of a node (not allow-listed)"), "not-allowed");
    assert_eq!(refusal("secure: caller does not match certificate"), "name-mismatch");
    assert_eq!(refusal("envelope: callerid without prefix"), "malformed-caller-id");
}

#[test]
fn a_node_s_registration_is_no_request_that_a_node_accepts() {
    let registrations = golden::recorded("lifecycle", REQUEST);
    assert!(!registrations.is_empty());
    for registration in &registrations {
        assert_eq!(verify(registration).unwrap_err().kind(), "name-mismatch");
    }
}

#[test]
fn a_request_is_refused_outside_its_certificate_s_dates() {
    let mut request = golden::case("baseline");
    request.at = at(YEAR_2000);
    assert_eq!(verify(&request).unwrap_err().kind(), "not-yet-valid");
    request.at = at(2_500_000_000);
    assert_eq!(verify(&request).unwrap_err().kind(), "expired");
}

/// What a collective with a CA of its own says of a request, made with `issued`'s RSA key.
fn verify_made(ca: &Authority, issued: &Issued, caller_id: &str) -> Result<Caller, Refusal> {
    let key = SigningKey::from_file(&issued.path("key.pem")).unwrap();
    let secure = SecureRequest {
        message: b"{}",
        signature: &key.sign(b"{}").unwrap(),
        pubcert: &std::fs::read_to_string(issued.path("certificate.pem")).unwrap(),
        caller_id,
    };
    let verifier = Verifier::new(Arc::new(ca.bundle()), CallerLists::default());
    verifier.verify(&secure, golden::case("baseline").at)
}

fn rsa() -> KeyPair {
    KeyPair::from_pem(&golden::key("alice.mcollective-key.pem")).unwrap()
}

#[test]
fn a_privileged_certificate_speaks_for_anyone() {
    let ca = Authority::new("ca");
    let signer = ca.issue(&Subject::dns("aaa.privileged.mcollective").with_key(rsa()));
    let caller = verify_made(&ca, &signer, "okta=bob@example.net").unwrap();
    assert!(caller.privileged);
    assert_eq!(caller.name, "bob");
    let stranger = Authority::new("ca");
    let error = verify_made(&stranger, &signer, "okta=bob").unwrap_err();
    assert_eq!(error.kind(), "untrusted");
}

#[test]
fn a_caller_is_known_by_common_name_or_dns_name() {
    let ca = Authority::new("ca");
    let by_name = ca.issue(&Subject::common_name("bob.mcollective").with_key(rsa()));
    let by_dns = ca.issue(&Subject::dns("bob.mcollective").with_key(rsa()));
    for issued in [by_name, by_dns] {
        let caller = verify_made(&ca, &issued, "choria=bob.mcollective").unwrap();
        assert_eq!((caller.name.as_str(), caller.privileged), ("bob.mcollective", false));
    }
}

#[test]
fn a_certificate_that_is_not_for_clients_is_refused_and_an_unrestricted_one_is_not() {
    let ca = Authority::new("ca");
    let bob = || Subject::dns("bob.mcollective").with_key(rsa());
    let server = ca.issue(&bob().for_usages(&[ServerAuth]));
    let error = verify_made(&ca, &server, "choria=bob.mcollective").unwrap_err();
    assert_eq!(error.kind(), "wrong-usage");
    verify_made(&ca, &ca.issue(&bob().for_usages(&[])), "choria=bob.mcollective").unwrap();
}

#[test]
fn intermediates_come_with_the_certificate() {
    let root = Authority::new("root");
    let issuing = root.intermediate("issuing");
    let bob = Subject::dns("bob.mcollective").with_key(rsa());
    let full = issuing.issue_with(&bob, &[&issuing], &[&root]);
    verify_made(&root, &full, "choria=bob.mcollective").unwrap();
    let error = verify_made(&root, &issuing.issue(&bob), "choria=bob.mcollective").unwrap_err();
    assert_eq!(error.kind(), "untrusted");
}

#[test]
fn protocol_v1_knows_rsa_only() {
    let ca = Authority::new("ca");
    let issued = ca.issue(&Subject::dns("bob.mcollective"));
    let error = SigningKey::from_file(&issued.path("key.pem")).unwrap_err();
    assert!(matches!(error, KeyError::NotRsa { .. }), "{error}");
    let secure = SecureRequest {
        message: b"{}",
        signature: &[0; 64],
        pubcert: &std::fs::read_to_string(issued.path("certificate.pem")).unwrap(),
        caller_id: "choria=bob.mcollective",
    };
    let verifier = Verifier::new(Arc::new(ca.bundle()), CallerLists::default());
    assert_eq!(verifier.verify(&secure, at(YEAR_2000)), Err(Refusal::NotRsa));
}

#[test]
fn a_request_without_certificate_is_refused() {
    let secure = SecureRequest {
        message: b"{}",
        signature: b"",
        pubcert: "-----BEGIN CERTIFICATE-----\n",
        caller_id: "choria=bob.mcollective",
    };
    let damaged = verifier().verify(&secure, at(YEAR_2000));
    assert_eq!(damaged.unwrap_err().kind(), "no-certificate");
    let empty = verifier().verify(&SecureRequest { pubcert: "", ..secure }, at(YEAR_2000));
    assert_eq!(empty.unwrap_err().kind(), "no-certificate");
}

#[test]
fn keys_are_not_printed() {
    let key = SigningKey::from_file(&golden::path("keys/alice.mcollective-key.pem")).unwrap();
    assert_eq!(format!("{key:?}"), "SigningKey([redacted])");
}
