use std::{collections::BTreeMap, time::Duration};

use antiphon_core::{AdvertContent, Endpoint, GatewayState, Incarnation, Stamp, Topology};

use super::*;
use crate::testing::{self, Authority};

fn draft(region: &str, gateway: &str) -> AdvertDraft {
    let topology = Topology {
        state: GatewayState::Active,
        adjacencies: BTreeMap::from([("us-1".parse().unwrap(), 10)]),
        ..Topology::default()
    };
    AdvertDraft {
        gateway: gateway.parse().unwrap(),
        region: region.parse().unwrap(),
        stamp: Stamp { incarnation: Incarnation(7), version: 3 },
        content: AdvertContent::Topology(topology.into()),
    }
}

fn beacon(gateway: &str) -> Beacon {
    Beacon {
        region: "eu".parse().unwrap(),
        gateway: gateway.parse().unwrap(),
        incarnation: Incarnation(7),
        state: GatewayState::Active,
        joined: true,
        regions: 2,
        made: Duration::from_secs(1),
    }
}

fn record(gateway: &str) -> Member {
    let endpoint: Endpoint = "localhost:7440".parse().unwrap();
    Member {
        gateway: gateway.parse().unwrap(),
        region: "eu".parse().unwrap(),
        incarnation: Incarnation(7),
        endpoint,
        state: GatewayState::Active,
        version: "0.1.0".to_owned(),
    }
}

fn refusal<T: std::fmt::Debug>(result: Result<T, RefusedStatement>) -> &'static str {
    result.expect_err("refused").kind()
}

#[test]
fn what_one_signs_the_other_believes() {
    let authority = Authority::new();
    let (eu, us) = (authority.notary("eu-1"), authority.notary("us-1"));
    let advert = eu.sign_advert(draft("eu", "eu-1")).unwrap();
    assert_eq!(us.open_advert(advert.sealed.clone()), Ok(advert));
    assert_eq!(us.open_beacon(eu.sign_beacon(beacon("eu-1")).unwrap()), Ok(beacon("eu-1")));
    let sealed = eu.sign_endpoint(record("eu-1")).unwrap();
    assert_eq!(us.open_endpoint(sealed), Ok(record("eu-1")));
}

/// It knows kinds of adverts that we do not.
#[test]
fn an_advert_of_a_newer_gateway_is_neither_used_nor_refused() {
    let authority = Authority::new();
    let newer = authority.notary("eu-1");
    let advert = antiphon_proto::v1::Advert {
        gateway: "eu-1".to_owned(),
        region: "eu".to_owned(),
        ..Default::default()
    };
    let body = Some(antiphon_proto::v1::statement::Body::Advert(advert));
    let statement = antiphon_proto::v1::Statement { fabric: "acme".to_owned(), body };
    let statement: Bytes = statement.encode_to_vec().into();
    let credentials = newer.credentials();
    let signature = credentials.signer().sign(CONTEXT, &statement).unwrap();
    let sealed = |signature: Vec<u8>, algorithm| Sealed {
        statement: statement.clone(),
        algorithm: scheme_name(algorithm).unwrap().to_owned(),
        signature: signature.into(),
        chain: credentials.chain().iter().map(|one| Bytes::copy_from_slice(one)).collect(),
    };
    let good = sealed(signature.bytes.clone(), signature.algorithm).encode_to_vec();
    let us = authority.notary("us-1");
    assert_eq!(port::Notary::verify_advert(&*us, good.into()), Ok(None));
    let forged = sealed(vec![7; signature.bytes.len()], signature.algorithm).encode_to_vec();
    assert!(port::Notary::verify_advert(&*us, forged.into()).is_err(), "signed it must be");
}

#[test]
fn an_advert_is_known_once_it_was_verified_and_until_whom_we_believe_may_have_changed() {
    let authority = Authority::new();
    let (eu, us) = (authority.notary("eu-1"), authority.notary("us-1"));
    let advert = eu.sign_advert(draft("eu", "eu-1")).unwrap();
    assert_eq!(us.known_advert(&advert.sealed), None);
    us.open_advert(advert.sealed.clone()).unwrap();
    assert_eq!(us.known_advert(&advert.sealed), Some(advert.clone()));
    us.renew(us.credentials());
    assert_eq!(us.known_advert(&advert.sealed), None);
}

#[test]
fn what_was_refused_is_not_known() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let (eu, forger) = (ours.notary("eu-1"), theirs.notary("eu-1"));
    let forged = forger.sign_advert(draft("eu", "eu-1")).unwrap();
    assert_eq!(refusal(eu.open_advert(forged.sealed.clone())), "untrusted");
    assert_eq!(eu.known_advert(&forged.sealed), None);
    let beacon = eu.sign_beacon(beacon("eu-1")).unwrap();
    eu.open_beacon(beacon.clone()).unwrap();
    assert_eq!(eu.known_advert(&beacon), None);
}

#[test]
fn nobody_speaks_for_another_gateway_or_region() {
    let authority = Authority::new();
    let eu = authority.notary("eu-1");
    for (region, gateway) in [("eu", "eu-2"), ("us", "eu-1"), ("us", "us-1")] {
        let advert = eu.sign_advert(draft(region, gateway)).unwrap();
        assert_eq!(refusal(eu.open_advert(advert.sealed)), "not-its-own");
    }
    assert_eq!(refusal(eu.open_beacon(eu.sign_beacon(beacon("eu-2")).unwrap())), "not-its-own");
}

#[test]
fn a_certificate_without_gateway_speaks_for_its_region_alone() {
    let authority = Authority::new();
    let shared = testing::notary(&authority.issue("shared", &["antiphon://acme/eu"], &[]));
    let advert = |region, gateway| shared.sign_advert(draft(region, gateway)).unwrap().sealed;
    assert!(shared.open_advert(advert("eu", "eu-1")).is_ok());
    assert!(shared.open_advert(advert("eu", "eu-2")).is_ok());
    assert_eq!(refusal(shared.open_advert(advert("us", "eu-1"))), "not-its-own");
}

#[test]
fn a_dns_name_stands_for_the_region_that_the_verifier_says() {
    let authority = Authority::new();
    let us = testing::notary(&authority.issue("us", &[], &["gw.us.example.net"]));
    let advert = us.sign_advert(draft("us", "us-1")).unwrap();
    assert!(authority.notary("eu-1").open_advert(advert.sealed).is_ok());
    let stranger = testing::notary(&authority.issue("x", &[], &["gw.ap.example.net"]));
    let advert = stranger.sign_advert(draft("ap", "ap-1")).unwrap();
    assert_eq!(refusal(us.open_advert(advert.sealed)), "unknown-region");
}

#[test]
fn another_authority_and_another_fabric_are_refused() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let eu = ours.notary("eu-1");
    let forged = theirs.notary("eu-1").sign_advert(draft("eu", "eu-1")).unwrap();
    assert_eq!(refusal(eu.open_advert(forged.sealed)), "untrusted");

    let tls = ours.issue("shared", &[], &["gw.us.example.net"]);
    let credentials = tls.load().unwrap();
    let regions = [("us".to_owned(), vec!["gw.us.example.net".to_owned()])].into();
    let names = Names::new("other", &regions, antiphon_identity::CommonName::Ignored).unwrap();
    let other = Notary::new("other".parse().unwrap(), Arc::new(names), credentials);
    let foreign = other.sign_advert(draft("us", "us-1")).unwrap();
    assert_eq!(refusal(eu.open_advert(foreign.sealed)), "wrong-fabric");
}

#[test]
fn one_kind_of_statement_is_none_of_another() {
    let authority = Authority::new();
    let eu = authority.notary("eu-1");
    let beacon = eu.sign_beacon(beacon("eu-1")).unwrap();
    assert_eq!(eu.open_advert(beacon.clone()), Err(RefusedStatement::WrongKind));
    assert_eq!(eu.open_endpoint(beacon), Err(RefusedStatement::WrongKind));
}

#[test]
fn a_changed_byte_anywhere_is_refused() {
    let authority = Authority::new();
    let eu = authority.notary("eu-1");
    let sealed = eu.sign_endpoint(record("eu-1")).unwrap();
    let good = eu.open_endpoint(sealed.clone()).unwrap();
    for at in 0..sealed.len() {
        let mut changed = sealed.to_vec();
        changed[at] ^= 0x10;
        let opened = eu.open_endpoint(changed.into());
        assert!(opened.is_err() || opened == Ok(good.clone()), "byte {at}: {opened:?}");
    }
    assert_eq!(refusal(eu.open_endpoint(Bytes::new())), "malformed");
    assert_eq!(refusal(eu.open_endpoint(Bytes::from_static(b"\xff\xff\xff"))), "malformed");
}

#[test]
fn renewed_credentials_are_used_from_then_on() {
    let authority = Authority::new();
    let eu = authority.notary("eu-1");
    let before = eu.credentials().fingerprint();
    let tls = authority.issue("renewed", &["antiphon://acme/eu/eu-1"], &[]);
    eu.renew(tls.load().unwrap());
    assert_ne!(eu.credentials().fingerprint(), before);
    let advert = eu.sign_advert(draft("eu", "eu-1")).unwrap();
    assert!(authority.notary("us-1").open_advert(advert.sealed).is_ok());
}
