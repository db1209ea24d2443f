//! Reading credentials: what works, and what is said when it does not.

use antiphon_identity::{Credentials, CredentialsError, TrustError, UnixTime};
use rcgen::{KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};

use crate::golden;
use crate::pki::{Authority, Issued, Subject, YEAR_2000, at};

fn issued() -> Issued {
    Authority::new("ca").issue(&Subject::uri("antiphon://acme/eu/eu-1").and_dns("eu.example.net"))
}

fn load(issued: &Issued) -> Result<Credentials, CredentialsError> {
    issued.load(UnixTime::now())
}

#[test]
fn credentials_tell_their_names_and_end() {
    let credentials = issued().credentials();
    assert_eq!(credentials.leaf().uris, ["antiphon://acme/eu/eu-1"]);
    assert_eq!(credentials.leaf().dns_names, ["eu.example.net"]);
    assert_eq!(credentials.not_after(), at(67_090_118_400), "4096-01-01");
    assert_eq!(credentials.chain().len(), 1);
    assert_eq!(credentials.fingerprint().to_string().len(), 64);
}

#[test]
fn keys_are_not_printed() {
    let text = format!("{:?}", issued().credentials());
    assert!(text.contains("[redacted]"), "{text}");
    assert!(format!("{:?}", issued().credentials().signer()).contains("[redacted]"));
}

#[test]
fn every_kind_of_key_is_read() {
    let ca = Authority::new("ca");
    let keys = [
        KeyPair::generate().unwrap(),
        KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap(),
        KeyPair::generate_for(&PKCS_ED25519).unwrap(),
        KeyPair::from_pem(&golden::key("alice.mcollective-key.pem")).unwrap(),
    ];
    for key in keys {
        let subject = Subject::uri("antiphon://acme/eu").with_key(key);
        load(&ca.issue(&subject)).unwrap();
    }
}

#[test]
fn a_missing_file_is_named() {
    for (file, word) in [("certificate.pem", "certificate"), ("key.pem", "key"), ("ca.pem", "CA")] {
        let issued = issued();
        std::fs::remove_file(issued.path(file)).unwrap();
        let error = load(&issued).unwrap_err().to_string();
        let path = issued.path(file).display().to_string();
        assert!(error.starts_with(word) && error.contains(&path), "{error}");
    }
}

#[test]
fn a_file_without_its_contents_is_named() {
    for (file, word) in [
        ("certificate.pem", "no certificate inside"),
        ("key.pem", "no unencrypted private key inside"),
        ("ca.pem", "no certificate inside"),
    ] {
        let issued = issued();
        std::fs::write(issued.path(file), "nothing of use").unwrap();
        let error = load(&issued).unwrap_err().to_string();
        assert!(error.contains(word) && error.contains(file), "{error}");
    }
}

#[test]
fn a_damaged_file_is_named_and_not_repeated() {
    let issued = issued();
    std::fs::write(issued.path("key.pem"), "-----BEGIN PRIVATE KEY-----\nsecret!\n").unwrap();
    let error = load(&issued).unwrap_err().to_string();
    assert!(error.contains("key.pem") && !error.contains("secret"), "{error}");
    let bad_der = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    std::fs::write(issued.path("certificate.pem"), bad_der).unwrap();
    assert!(matches!(load(&issued), Err(CredentialsError::Certificate { .. })));
}

#[test]
fn another_certificate_s_key_is_refused() {
    let (issued, other) = (issued(), issued());
    std::fs::copy(other.path("key.pem"), issued.path("key.pem")).unwrap();
    assert!(matches!(load(&issued), Err(CredentialsError::KeyMismatch { .. })));
}

#[test]
fn a_certificate_out_of_its_dates_is_refused_with_the_date() {
    let ca = Authority::new("ca");
    let expired = load(&ca.issue(&Subject::uri("antiphon://acme/eu").long_expired()));
    let error = expired.unwrap_err().to_string();
    assert!(error.ends_with("certificate.pem: expired at 2001-01-01T00:00:00Z"), "{error}");
    let early = load(&ca.issue(&Subject::uri("antiphon://acme/eu").far_future()));
    let error = early.unwrap_err().to_string();
    assert!(error.ends_with("certificate.pem: not valid before 4000-01-01T00:00:00Z"), "{error}");
}

#[test]
fn a_bundle_may_hold_an_expired_ca_but_not_only_such() {
    let (old, new) = (Authority::long_expired("old"), Authority::new("new"));
    let subject = Subject::uri("antiphon://acme/eu");
    load(&new.issue_with(&subject, &[], &[&old, &new])).unwrap();
    let stale = new.issue_with(&subject, &[], &[&old]);
    assert!(matches!(load(&stale), Err(CredentialsError::Trust(TrustError::OutOfDate { .. }))));
    stale.load(at(YEAR_2000)).unwrap();
}

#[test]
fn a_certificate_that_is_no_ca_is_no_root() {
    let issued = issued();
    std::fs::copy(issued.path("certificate.pem"), issued.path("ca.pem")).unwrap();
    let error = load(&issued).unwrap_err().to_string();
    assert!(error.contains("ca.pem: certificate 1:") && error.contains("is no CA"), "{error}");
}
