//! Which region and gateway a certificate's names stand for.

use std::collections::BTreeMap;

use antiphon_identity::{
    CommonName, Fingerprint, IdentityError, Leaf, Names, NamesError, PeerIdentity, Validity,
};

use crate::pki::{at, names};

fn leaf(uris: &[&str], dns_names: &[&str], common_names: &[&str]) -> Leaf {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Leaf {
        common_names: owned(common_names),
        dns_names: owned(dns_names),
        uris: owned(uris),
        validity: Validity { not_before: at(0), not_after: at(1) },
        fingerprint: Fingerprint::of(&vec![0].into()),
    }
}

fn identify(uris: &[&str], dns_names: &[&str]) -> Result<String, &'static str> {
    let identity = names(CommonName::Ignored).identify_leaf(&leaf(uris, dns_names, &[]));
    identity.map(|identity| identity.to_string()).map_err(|error| error.kind())
}

#[test]
fn a_uri_names_region_and_gateway() {
    assert_eq!(identify(&["antiphon://acme/eu/eu-1"], &[]), Ok("eu/eu-1".to_owned()));
    assert_eq!(identify(&["ANTIPHON://acme/eu"], &[]), Ok("eu".to_owned()));
}

#[test]
fn a_uri_outranks_dns_names() {
    let found = identify(&["antiphon://acme/eu/eu-1"], &["gw.us.example.net"]);
    assert_eq!(found, Ok("eu/eu-1".to_owned()));
}

#[test]
fn uris_of_other_schemes_do_not_count() {
    let found = identify(&["spiffe://acme/eu/eu-1", "http://é/"], &["gw.us.example.net"]);
    assert_eq!(found, Ok("us".to_owned()));
}

#[test]
fn our_uri_counts_beside_those_of_other_fabrics() {
    let both = ["antiphon://other/ap/ap-1", "antiphon://acme/eu/eu-1"];
    assert_eq!(identify(&both, &[]), Ok("eu/eu-1".to_owned()));
}

#[test]
fn a_certificate_of_another_fabric_is_not_ours_by_its_dns_name() {
    let found = identify(&["antiphon://other/us/us-1"], &["gw.us.example.net"]);
    assert_eq!(found, Err("wrong-fabric"));
}

#[test]
fn the_same_name_twice_is_one_name() {
    let twice = ["antiphon://acme/eu/eu-1", "antiphon://acme/eu/eu-1"];
    assert_eq!(identify(&twice, &[]), Ok("eu/eu-1".to_owned()));
    assert_eq!(identify(&[], &["gw.us.example.net", "GW.US.example.net"]), Ok("us".to_owned()));
}

#[test]
fn names_of_two_members_are_ambiguous() {
    let gateways = ["antiphon://acme/eu/eu-1", "antiphon://acme/eu/eu-2"];
    assert_eq!(identify(&gateways, &[]), Err("ambiguous"));
    let part = ["antiphon://acme/eu", "antiphon://acme/eu/eu-2"];
    assert_eq!(identify(&part, &[]), Err("ambiguous"));
    let regions = ["gw.us.example.net", "gw.ap.example.net"];
    assert_eq!(identify(&[], &regions), Err("ambiguous"));
}

#[test]
fn a_uri_must_have_its_form() {
    let long = format!("antiphon://acme/{}", "e".repeat(64));
    for uri in [
        "antiphon://",
        "antiphon://acme",
        "antiphon://acme/",
        "antiphon://acme/eu/",
        "antiphon://acme/eu/eu-1/",
        "antiphon://acme/eu/eu-1/x",
        "antiphon:///eu/eu-1",
        "antiphon://acme/e%75",
        "antiphon://acme/eu.1",
        "antiphon://user@acme/eu",
        "antiphon://acme/eu?x",
        &long,
    ] {
        assert_eq!(identify(&[uri], &["gw.us.example.net"]), Err("malformed-uri"), "{uri}");
    }
}

#[test]
fn a_wildcard_stands_for_nothing() {
    assert_eq!(identify(&[], &["*.us.example.net"]), Err("unknown-region"));
}

#[test]
fn the_common_name_is_looked_at_last_and_only_if_enabled() {
    let holder = leaf(&[], &["gw.us.example.net"], &["gw.ap.example.net"]);
    let bare = leaf(&[], &["mail.example.net"], &["gw.ap.example.net"]);
    let region = |common_name, leaf| {
        names(common_name).identify_leaf(leaf).map(|identity: PeerIdentity| identity.region)
    };
    assert_eq!(region(CommonName::LastResort, &holder), Ok("us".to_owned()));
    assert_eq!(region(CommonName::LastResort, &bare), Ok("ap".to_owned()));
    let error = region(CommonName::Ignored, &bare).unwrap_err();
    assert_eq!(error.kind(), "unknown-region");
    assert!(error.to_string().contains("DNS:mail.example.net, CN:gw.ap.example.net"), "{error}");
}

#[test]
fn a_peer_must_be_who_was_expected() {
    let peer = PeerIdentity { region: "eu".to_owned(), gateway: Some("eu-1".to_owned()) };
    assert_eq!(peer.require_region("eu"), Ok(()));
    assert_eq!(peer.require_region("us").map_err(|e| e.kind()), Err("region-mismatch"));
    assert_eq!(peer.require_gateway("eu-1"), Ok(()));
    assert_eq!(peer.require_gateway("eu-2").map_err(|e| e.kind()), Err("gateway-mismatch"));
    let shared = PeerIdentity { gateway: None, ..peer };
    assert_eq!(shared.require_gateway("eu-2"), Ok(()));
}

#[test]
fn an_empty_chain_is_nobody() {
    let names = names(CommonName::Ignored);
    assert_eq!(names.peer_identity(None), Err(IdentityError::NoCertificate));
    assert_eq!(names.peer_identity(Some(&[])), Err(IdentityError::NoCertificate));
}

#[test]
fn a_mapping_that_contradicts_itself_is_refused() {
    let map = |regions: &[(&str, &str)]| {
        let regions: BTreeMap<_, _> = regions
            .iter()
            .map(|(region, dns)| ((*region).to_owned(), vec![(*dns).to_owned()]))
            .collect();
        Names::new("acme", &regions, CommonName::Ignored).map(|_| ())
    };
    let shared = map(&[("eu", "gw.example.net"), ("us", "GW.example.net")]);
    assert!(matches!(shared, Err(NamesError::SharedName { .. })));
    assert!(matches!(map(&[("e u", "gw")]), Err(NamesError::BadName { what: "region", .. })));
    let fabric = Names::new("", &BTreeMap::new(), CommonName::Ignored);
    assert!(matches!(fabric, Err(NamesError::BadName { what: "fabric", .. })));
}
