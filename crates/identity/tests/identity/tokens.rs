//! Tokens: reading, believing and making them.

use std::collections::BTreeMap;
use std::time::Duration;

use antiphon_identity::UnixTime;
use antiphon_identity::v2::{
    Claims, ClientPermissions, ClientToken, IssueError, Issuer, Issuers, PublicKey, Seed,
    ServerPermissions, ServerToken, Token, TokenError,
};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use serde_json::{Value, json};

use crate::golden;
use crate::pki::at;

const ISSUED: u64 = 1_795_486_828;
const HOUR: Duration = Duration::from_secs(3600);

fn now() -> UnixTime {
    at(ISSUED)
}

fn issuer() -> Issuer {
    Issuer::new(Seed::from_file(&golden::path("keys/v2-issuer.seed")).unwrap())
}

fn bob() -> ClientToken<'static> {
    ClientToken {
        caller_id: "up=bob",
        agents: &["rpcutil.*"],
        organisation: "choria",
        permissions: ClientPermissions::default(),
        public_key: Seed::from_bytes([1; 32]).public(),
        validity: HOUR,
    }
}

fn n1() -> ServerToken<'static> {
    ServerToken {
        identity: "n1.example.net",
        collectives: &["choria"],
        organisation: "choria",
        permissions: ServerPermissions { submission: true, ..ServerPermissions::default() },
        public_key: Seed::from_bytes([2; 32]).public(),
        validity: HOUR,
    }
}

fn verify(text: &str, issuer: &PublicKey, now: UnixTime) -> Result<Claims, TokenError> {
    Token::parse(text)?.verify(issuer, now).cloned()
}

/// Signs claims as they stand.
fn sign(claims: &Value, header: &Value, seed: &Seed) -> String {
    let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = BASE64URL_NOPAD.encode(&seed.sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

#[test]
fn recorded_tokens_are_believed_and_read() {
    let Claims::Client(alice) =
        verify(&golden::key("v2-alice.jwt"), &issuer().public(), now()).unwrap()
    else {
        panic!("not a client")
    };
    assert_eq!((alice.callerid.as_str(), alice.organisation.as_str()), ("alice", "choria"));
    let permissions = alice.permissions.unwrap();
    assert!(permissions.fleet_management && permissions.service && !permissions.org_admin);
    let Claims::Server(n4) = verify(&golden::key("v2-n4.jwt"), &issuer().public(), now()).unwrap()
    else {
        panic!("not a server")
    };
    assert_eq!(
        (n4.identity.as_str(), n4.collectives),
        ("n4.example.net", vec!["choria".to_owned()])
    );
}

#[test]
fn our_tokens_say_what_recorded_ones_say() {
    let shape = |text: &str| {
        let payload = text.split('.').nth(1).unwrap();
        let payload = BASE64URL_NOPAD.decode(payload.as_bytes()).unwrap();
        // Compared as text, since the order of members is theirs too.
        String::from_utf8(payload).unwrap()
    };
    let recorded = golden::key("v2-alice.jwt");
    let alice = ClientToken {
        caller_id: "alice",
        agents: &["*"],
        permissions: ClientPermissions {
            fleet_management: true,
            service: true,
            ..ClientPermissions::default()
        },
        public_key: PublicKey::from_hex(&golden::key("v2-alice.public")).unwrap(),
        validity: Duration::from_secs(2_110_846_828 - ISSUED),
        ..bob()
    };
    let ours = issuer().client(&alice, now()).unwrap();
    let id = |text: &str| match Token::parse(text).unwrap().unverified() {
        Claims::Client(claims) => claims.standard.id.clone(),
        Claims::Server(_) | Claims::Other(_) => panic!("not a client"),
    };
    assert_eq!(shape(&ours).replace(&id(&ours), &id(&recorded)), shape(&recorded));
    assert_eq!(ours.split('.').next(), recorded.split('.').next());
}

#[test]
fn our_tokens_are_believed_for_as_long_as_they_say() {
    let text = issuer().server(&n1(), now()).unwrap();
    let kind = |at: UnixTime| verify(&text, &issuer().public(), at).map_err(|error| error.kind());
    assert!(kind(at(ISSUED)).is_ok() && kind(at(ISSUED + 3599)).is_ok());
    assert_eq!(kind(at(ISSUED + 3600)), Err("token-expired"));
    assert_eq!(kind(at(ISSUED - 1)), Err("token-not-yet-valid"));
}

#[test]
fn a_token_of_another_issuer_or_a_changed_one_is_not_believed() {
    let text = issuer().client(&bob(), now()).unwrap();
    let other = Seed::from_bytes([9; 32]).public();
    assert_eq!(verify(&text, &other, now()), Err(TokenError::UntrustedIssuer));
    let parts: Vec<_> = text.split('.').collect();
    let richer = String::from_utf8(BASE64URL_NOPAD.decode(parts[1].as_bytes()).unwrap()).unwrap();
    let richer = richer.replace("rpcutil.*", "*");
    let forged = format!("{}.{}.{}", parts[0], BASE64URL_NOPAD.encode(richer.as_bytes()), parts[2]);
    assert_eq!(verify(&forged, &issuer().public(), now()), Err(TokenError::UntrustedIssuer));
}

#[test]
fn no_changed_byte_leaves_a_token_that_is_believed() {
    let good = golden::key("v2-alice.jwt");
    for index in 0..good.trim().len() {
        let mut changed = good.clone().into_bytes();
        changed[index] ^= 1;
        let changed = String::from_utf8(changed).unwrap();
        assert!(verify(&changed, &issuer().public(), now()).is_err(), "byte {index}");
    }
}

#[test]
fn only_eddsa_is_believed() {
    let seed = Seed::from_bytes([7; 32]);
    for algorithm in ["RS256", "none", "HS256", "eddsa"] {
        let text = sign(&json!({"purpose": "choria_client_id"}), &json!({"alg": algorithm}), &seed);
        let error = verify(&text, &seed.public(), now()).unwrap_err();
        assert_eq!(error, TokenError::UnsupportedAlgorithm { algorithm: algorithm.to_owned() });
    }
}

#[test]
fn what_is_no_token_is_refused() {
    let good = issuer().client(&bob(), now()).unwrap();
    let long = format!("{good}{}", "A".repeat(64 * 1024));
    let (unsigned, unended) = (good.rsplit_once('.').unwrap().0, format!("{good}."));
    for bad in ["", "..", "a.b.c", "e30.e30.", unsigned, &unended, &long, "é.é.é"] {
        assert!(matches!(Token::parse(bad), Err(TokenError::Malformed { .. })), "{bad}");
    }
    Token::parse(&format!("{good}\n")).unwrap();
}

#[test]
fn a_token_may_say_null_for_empty_and_dates_with_fractions() {
    let seed = Seed::from_bytes([7; 32]);
    let claims = json!({"purpose": "choria_server", "identity": "n1", "collectives": null,
        "exp": 1_795_490_000.75, "nbf": null, "unknown": {"a": [1]}});
    let text = sign(&claims, &json!({"alg": "EdDSA"}), &seed);
    let Claims::Server(server) = verify(&text, &seed.public(), now()).unwrap() else {
        panic!("not a server")
    };
    assert_eq!(server.standard.expires_at, Some(1_795_490_000));
    assert!(server.collectives.is_empty());
}

#[test]
fn a_token_without_key_has_none() {
    let seed = Seed::from_bytes([7; 32]);
    let text = sign(&json!({"purpose": "x"}), &json!({"alg": "EdDSA"}), &seed);
    let claims = verify(&text, &seed.public(), now()).unwrap();
    assert!(matches!(claims, Claims::Other(_)));
    assert_eq!(claims.public_key(), Err(TokenError::NoPublicKey));
}

#[test]
fn a_trusted_signer_is_believed_for_any_organisation() {
    let ours = issuer().public();
    let token = ClientToken { organisation: "acme", ..bob() };
    let token = Token::parse(&issuer().client(&token, now()).unwrap()).unwrap();
    let organisations = Issuers::new(BTreeMap::from([("choria".to_owned(), ours)]), Vec::new());
    assert_eq!(organisations.verify(&token, now()), Err(TokenError::UntrustedIssuer));
    let trusted = Issuers::new(BTreeMap::new(), vec![Seed::from_bytes([8; 32]).public(), ours]);
    assert_eq!(trusted.verify(&token, now()).unwrap().1, ours);
    assert!(Issuers::default().verify(&token, now()).is_err());
}

/// A chain issuer's own token, and the chain issuer.
fn chain() -> (String, Issuer) {
    let login = ClientToken { caller_id: "up=login", ..bob() };
    issuer().chain_issuer(&login, Seed::from_bytes([3; 32]), now()).unwrap()
}

fn claims_of(text: &str) -> Value {
    let payload = text.split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64URL_NOPAD.decode(payload.as_bytes()).unwrap()).unwrap()
}

#[test]
fn the_organisation_s_key_suffices_for_tokens_of_its_chain_issuers() {
    let (own, chain) = chain();
    let organisation = issuer().public();
    verify(&own, &organisation, now()).unwrap();
    assert_eq!(claims_of(&own)["iss"], format!("I-{organisation}"));
    for text in [chain.client(&bob(), now()).unwrap(), chain.server(&n1(), now()).unwrap()] {
        verify(&text, &organisation, now()).unwrap();
        assert_eq!(verify(&text, &chain.public(), now()), Err(TokenError::UntrustedIssuer));
    }
    let again = chain.chain_issuer(&bob(), Seed::from_bytes([4; 32]), now());
    assert!(matches!(again, Err(IssueError::Chained)));
}

#[test]
fn a_chained_token_ends_with_its_issuer() {
    let (_, chain) = chain();
    let long = ClientToken { validity: HOUR * 10, ..bob() };
    let text = chain.client(&long, now()).unwrap();
    assert_eq!(claims_of(&text)["exp"], claims_of(&text)["issexp"]);
    let mut claims = claims_of(&text);
    claims["exp"] = json!(ISSUED + 36_000);
    let stretched = sign(&claims, &json!({"alg": "EdDSA"}), &Seed::from_bytes([3; 32]));
    let kind =
        |seconds| verify(&stretched, &issuer().public(), at(seconds)).map_err(|error| error.kind());
    assert!(kind(ISSUED + 3600).is_ok());
    assert_eq!(kind(ISSUED + 3601), Err("token-expired"));
}

#[test]
fn a_broken_chain_is_refused() {
    let text = chain().1.client(&bob(), now()).unwrap();
    let chain_seed = Seed::from_bytes([3; 32]);
    let kind = |member: &str, value: Value| {
        let mut claims = claims_of(&text);
        claims[member] = value;
        let forged = sign(&claims, &json!({"alg": "EdDSA"}), &chain_seed);
        verify(&forged, &issuer().public(), now()).unwrap_err().kind()
    };
    let trust = claims_of(&text)["tcs"].as_str().unwrap().to_owned();
    let vouched = trust.split_once('.').unwrap().0;
    let own = HEXLOWER.encode(&chain_seed.sign(b"something else"));
    assert_eq!(kind("tcs", json!(vouched)), "broken-chain");
    assert_eq!(kind("tcs", json!(format!("{vouched}.{own}"))), "broken-chain");
    assert_eq!(kind("tcs", json!(format!("{own}.{own}"))), "untrusted-issuer");
    assert_eq!(kind("iss", json!("C-nothing")), "broken-chain");
    assert_eq!(kind("iat", json!(ISSUED - 5)), "broken-chain", "the id was made at another time");
    assert_eq!(kind("jti", json!("x")), "broken-chain");
    for member in ["exp", "issexp", "iat"] {
        assert_eq!(kind(member, Value::Null), "broken-chain", "{member}");
    }
    assert_eq!(kind("public_key", json!("")), "broken-chain");
}

#[test]
fn a_chain_issuer_s_own_token_is_no_server_s() {
    let seed = Seed::from_bytes([7; 32]);
    let claims = json!({"purpose": "choria_server", "identity": "n1", "tcs": "aa",
        "iss": format!("I-{}", seed.public())});
    let text = sign(&claims, &json!({"alg": "EdDSA"}), &seed);
    assert_eq!(verify(&text, &seed.public(), now()).unwrap_err().kind(), "broken-chain");
}
