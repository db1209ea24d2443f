//! Protocol v2 against real requests and replies.

use std::collections::BTreeMap;
use std::time::Duration;

use antiphon_identity::UnixTime;
use antiphon_identity::v2::{
    Caller, ClientPermissions, ClientToken, Issuer, Issuers, PublicKey, Refusal, SecureRequest,
    Seed, ServerPermissions, ServerToken, Token, Verifier,
};
use serde_json::Value;

use crate::golden::{self, Recorded};
use crate::pki::at;

const NOW: u64 = 1_795_486_855;

fn now() -> UnixTime {
    at(NOW)
}

fn seed(file: &str) -> Seed {
    Seed::from_file(&golden::path("keys").join(file)).unwrap()
}

fn issuers() -> Issuers {
    let issuer = PublicKey::from_file(&golden::path("keys/v2-issuer.public")).unwrap();
    Issuers::new(BTreeMap::from([("choria".to_owned(), issuer)]), Vec::new())
}

fn verify(recorded: &Recorded) -> Result<Caller, Refusal> {
    let bytes = recorded.bytes("request");
    let request: Value = serde_json::from_slice(&bytes).unwrap();
    let secure = SecureRequest {
        request: &bytes,
        signature: &recorded.bytes("signature"),
        caller_token: recorded.text("caller"),
        signer_token: None,
        caller_id: request["caller"].as_str().unwrap(),
    };
    Verifier::new(issuers()).verify(&secure, recorded.at)
}

fn requests() -> Vec<Recorded> {
    golden::recorded("v2-", "io.choria.protocol.v2.secure_request")
}

#[test]
fn every_recorded_request_comes_from_alice() {
    assert!(requests().len() > 3);
    for request in requests() {
        let caller = verify(&request).unwrap();
        assert_eq!((caller.caller_id.as_str(), caller.signed_by), ("alice", None));
        assert_eq!(caller.claims.agents, ["*"]);
    }
}

#[test]
fn the_same_request_gets_the_same_signature_as_from_a_real_client() {
    for request in requests() {
        let signature = seed("v2-alice.seed").sign(&request.bytes("request"));
        assert_eq!(signature.to_vec(), request.bytes("signature"));
    }
}

#[test]
fn every_recorded_reply_is_signed_by_its_node() {
    let replies = golden::recorded("v2-", "io.choria.protocol.v2.secure_reply");
    assert!(!replies.is_empty());
    for reply in replies {
        let token = Token::parse(reply.text("sender")).unwrap();
        let (claims, _) = issuers().verify(&token, reply.at).unwrap();
        let key = claims.public_key().unwrap();
        assert!(key.verify(&reply.bytes("reply"), &reply.bytes("signature")));
        assert_eq!(key, seed("v2-n4.seed").public());
    }
}

#[test]
fn seeds_and_public_keys_are_those_of_choria_s_files() {
    let public = PublicKey::from_file(&golden::path("keys/v2-alice.public")).unwrap();
    assert_eq!(seed("v2-alice.seed").public(), public);
    assert_eq!(public.to_string(), golden::key("v2-alice.public"));
    assert_eq!(seed("v2-alice.seed").reveal_hex(), golden::key("v2-alice.seed"));
    assert_eq!(format!("{:?}", seed("v2-alice.seed")), "Seed([redacted])");
    assert!(Seed::from_hex("abc").is_err() && PublicKey::from_hex(&"g".repeat(64)).is_err());
}

/// A request by someone whose token was made for this test.
struct Made {
    caller: String,
    signer: Option<String>,
    signing: Seed,
    caller_id: &'static str,
}

impl Made {
    fn verify(&self) -> Result<Caller, Refusal> {
        let secure = SecureRequest {
            request: b"{}",
            signature: &self.signing.sign(b"{}"),
            caller_token: &self.caller,
            signer_token: self.signer.as_deref(),
            caller_id: self.caller_id,
        };
        Verifier::new(issuers()).verify(&secure, now())
    }

    fn refusal(&self) -> &'static str {
        self.verify().unwrap_err().kind()
    }
}

fn token(caller_id: &str, holder: &Seed, permissions: ClientPermissions) -> String {
    let token = ClientToken {
        caller_id,
        agents: &["*"],
        organisation: "choria",
        permissions,
        public_key: holder.public(),
        validity: Duration::from_secs(3600),
    };
    Issuer::new(seed("v2-issuer.seed")).client(&token, now()).unwrap()
}

fn fleet() -> ClientPermissions {
    ClientPermissions { fleet_management: true, ..ClientPermissions::default() }
}

fn signed_fleet() -> ClientPermissions {
    ClientPermissions { signed_fleet_management: true, ..fleet() }
}

fn delegator() -> ClientPermissions {
    ClientPermissions { authentication_delegator: true, ..ClientPermissions::default() }
}

fn made(permissions: ClientPermissions) -> Made {
    let bob = Seed::from_bytes([1; 32]);
    let caller = token("up=bob", &bob, permissions);
    Made { caller, signer: None, signing: bob, caller_id: "up=bob" }
}

fn delegated(bob: ClientPermissions, signer: ClientPermissions) -> Made {
    let aaa = Seed::from_bytes([2; 32]);
    let signer = Some(token("up=aaa", &aaa, signer));
    Made { signer, signing: aaa, caller_id: "up=anyone", ..made(bob) }
}

#[test]
fn a_user_with_fleet_management_signs_for_itself() {
    assert_eq!(made(fleet()).verify().unwrap().caller_id, "up=bob");
    assert_eq!(made(ClientPermissions::default()).refusal(), "no-fleet-management");
    assert_eq!(made(signed_fleet()).refusal(), "signature-not-delegated");
}

#[test]
fn a_request_must_be_of_and_by_the_token_s_holder() {
    assert_eq!(Made { caller_id: "up=eve", ..made(fleet()) }.refusal(), "caller-mismatch");
    let eve = Seed::from_bytes([3; 32]);
    assert_eq!(Made { signing: eve, ..made(fleet()) }.refusal(), "bad-signature");
}

#[test]
fn a_server_makes_no_requests() {
    let node = Seed::from_bytes([4; 32]);
    let server = ServerToken {
        identity: "n1.example.net",
        collectives: &["choria"],
        organisation: "choria",
        permissions: ServerPermissions::default(),
        public_key: node.public(),
        validity: Duration::from_secs(60),
    };
    let caller = Issuer::new(seed("v2-issuer.seed")).server(&server, now()).unwrap();
    let made = Made { caller, signer: None, signing: node, caller_id: "n1.example.net" };
    assert_eq!(made.refusal(), "not-a-client");
    let as_signer = Made { signer: Some(made.caller.clone()), ..made };
    assert_eq!(as_signer.refusal(), "signer-not-a-client");
}

#[test]
fn a_delegator_signs_for_others() {
    let caller = delegated(signed_fleet(), delegator()).verify().unwrap();
    assert_eq!(caller.caller_id, "up=anyone", "the delegator answers for the name");
    assert_eq!(caller.signed_by.as_deref(), Some("up=aaa"));
    assert_eq!(caller.claims.callerid, "up=bob");
    delegated(fleet(), delegator()).verify().unwrap();
}

#[test]
fn a_delegation_needs_the_rights_of_both() {
    assert_eq!(delegated(signed_fleet(), fleet()).refusal(), "not-a-delegator");
    let nobody = ClientPermissions::default();
    assert_eq!(delegated(nobody, delegator()).refusal(), "no-fleet-management");
    let bob_signs = Made { signing: Seed::from_bytes([1; 32]), ..delegated(fleet(), delegator()) };
    assert_eq!(bob_signs.refusal(), "bad-signature");
}

#[test]
fn both_tokens_of_a_delegation_have_the_same_issuer() {
    let other = Issuer::new(Seed::from_bytes([5; 32]));
    let bob = Seed::from_bytes([1; 32]);
    let token = ClientToken {
        caller_id: "up=bob",
        agents: &[],
        organisation: "choria",
        permissions: fleet(),
        public_key: bob.public(),
        validity: Duration::from_secs(60),
    };
    let caller = other.client(&token, now()).unwrap();
    let made = Made { caller, ..delegated(fleet(), delegator()) };
    assert_eq!(made.refusal(), "untrusted-issuer");
}
