//! What `antiphon identity` says of certificates, and when it refuses them.
//!
//! The certificates in `tests/identity` were made once; no key is kept. `UPDATE=1` rewrites the golden files.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use antiphon_cli::{
    identity::{Looked, Rule, Rules, document, tables},
    render,
    screen::Screen,
};
use antiphon_identity::{CommonName, Names, Purpose, TrustBundle};

/// A day of their life: 2026-12-06.
const AT: Duration = Duration::from_secs(1_796_515_200);
const DAY: Duration = Duration::from_secs(86_400);

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/identity").join(name)
}

fn golden(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE").is_some_and(|value| value == "1") {
        fs::write(&path, actual).unwrap();
    }
    assert_eq!(actual, fs::read_to_string(&path).unwrap(), "{name}");
}

fn rules() -> Rules {
    Rules {
        names: Some(Names::new("acme", &[].into(), CommonName::Ignored).unwrap()),
        trust: Some(TrustBundle::from_file(&file("ca.pem")).unwrap()),
        purposes: vec![Purpose::ClientAuthentication, Purpose::ServerAuthentication],
        region: Some("eu".to_owned()),
        gateway: Some("eu-1".to_owned()),
    }
}

fn look(name: &str, rules: &Rules, at: Duration) -> Looked {
    let mut looked = Looked::at(&file(name), rules, at).unwrap();
    looked.file = name.to_owned();
    looked
}

#[test]
fn a_certificate_is_shown_as_recorded() {
    let looked = look("gw.pem", &rules(), AT);
    assert_eq!(looked.refusals, [""; 0]);
    for width in [80, 160] {
        let screen = Screen { width: Some(width), colour: false };
        let drawn: Vec<_> = tables(&looked).iter().map(|one| render::table(one, screen)).collect();
        golden(&format!("identity.{width}.txt"), &drawn.join("\n"));
    }
    let text = serde_json::to_string_pretty(&document(&looked)).unwrap();
    golden("identity.json", &format!("{text}\n"));
}

#[test]
fn the_rule_is_the_first_that_applies() {
    let rule = |rules: &Rules| look("gw.pem", rules, AT).member.map(|(_, _, rule)| rule);
    assert_eq!(rule(&rules()), Some(Rule::Uri));
    // Without a fabric given, the certificate's own word is taken for it.
    assert_eq!(rule(&Rules { names: None, ..rules() }), Some(Rule::Uri));
    let regions = [("eu".to_owned(), vec!["alice.mcollective".to_owned()])].into();
    let by_name = Rules {
        names: Some(Names::new("acme", &regions, CommonName::Ignored).unwrap()),
        ..Rules::default()
    };
    let member = look("alice.pem", &by_name, AT).member.unwrap();
    assert_eq!((member.1.region.as_str(), member.2), ("eu", Rule::DnsName));
}

#[test]
fn whatever_a_gateway_would_refuse_is_refused_with_its_reason() {
    let reasons = |name: &str, rules: Rules, at: Duration| look(name, &rules, at).refusals;
    let says = |reasons: Vec<String>, part: &str| {
        assert!(reasons.iter().any(|reason| reason.contains(part)), "{part}: {reasons:?}");
    };
    let other = |region: &str| Rules { region: Some(region.to_owned()), ..rules() };
    says(reasons("gw.pem", other("us"), AT), "is of region eu, expected us");
    let twin = Rules { gateway: Some("eu-2".to_owned()), ..rules() };
    says(reasons("gw.pem", twin, AT), "is of gateway eu-1, expected eu-2");
    says(reasons("gw.pem", rules(), AT + DAY * 100), "expired at");
    let foreign = Names::new("umbrella", &[].into(), CommonName::Ignored).unwrap();
    says(reasons("gw.pem", Rules { names: Some(foreign), ..rules() }, AT), "of fabric acme");
    says(reasons("alice.pem", rules(), AT), "is not for server authentication");
    says(reasons("alice.pem", rules(), AT), "stands for a region");
    let stranger =
        Rules { trust: Some(TrustBundle::from_file(&file("stranger.pem")).unwrap()), ..rules() };
    says(reasons("gw.pem", stranger, AT), "issuer is unknown");
    // A client is no member, and need not be.
    let client = Rules { names: None, region: None, gateway: None, ..rules() };
    let client = Rules { purposes: vec![Purpose::ClientAuthentication], ..client };
    assert_eq!(reasons("alice.pem", client, AT), [""; 0]);
}
