//! Chains against the bundle.

use antiphon_identity::{CertificateDer, IdentityError, Leaf, Purpose};

use crate::pki::{Authority, Subject, YEAR_2000, at};

const EU: &str = "antiphon://acme/eu";

#[test]
fn an_expired_ca_anchors_nothing() {
    let old = Authority::long_expired("old");
    let issued = old.issue(&Subject::uri(EU)).load(at(YEAR_2000)).unwrap();
    let verify =
        |seconds| old.bundle().verify(issued.certificate(), &[], at(seconds), Purpose::Statement);
    verify(YEAR_2000).unwrap();
    assert_eq!(verify(1_795_486_669).unwrap_err().kind(), "expired");
}

#[test]
fn a_ca_renewed_with_its_key_takes_over_beside_its_old_certificate() {
    let old = Authority::long_expired("ca");
    let new = old.renewed("ca");
    for trusted in [[&old, &new], [&new, &old]] {
        let issued = old.issue_with(&Subject::uri(EU), &[], &trusted).credentials();
        let verify = |seconds| {
            issued.trust().verify(issued.certificate(), &[], at(seconds), Purpose::Statement)
        };
        let validity = verify(1_795_486_669).unwrap();
        assert_eq!(validity.not_after, issued.not_after());
        verify(YEAR_2000).unwrap();
    }
}

#[test]
fn the_answer_holds_as_long_as_every_certificate_of_the_path() {
    let old = Authority::long_expired("old");
    let issued = old.issue(&Subject::uri(EU)).load(at(YEAR_2000)).unwrap();
    let validity =
        old.bundle().verify(issued.certificate(), &[], at(YEAR_2000), Purpose::Statement).unwrap();
    assert_eq!(validity, old.bundle().validities()[0]);
    assert!(issued.not_after() > validity.not_after);
}

#[test]
fn a_chain_has_a_bound() {
    let ca = Authority::new("ca");
    let leaf = ca.issue(&Subject::uri(EU)).credentials();
    let padding = vec![leaf.certificate().clone(); 8];
    let error = ca
        .bundle()
        .verify(leaf.certificate(), &padding, at(YEAR_2000), Purpose::Statement)
        .unwrap_err();
    assert_eq!(error.kind(), "untrusted");
}

#[test]
fn bytes_that_are_no_certificate_are_refused() {
    let ca = Authority::new("ca");
    let good = ca.issue(&Subject::uri(EU)).credentials();
    let good = good.certificate();
    for cut in [0, 1, 20, good.len() / 2, good.len() - 1] {
        let damaged = CertificateDer::from(good[..cut].to_vec());
        let error = ca.bundle().verify(&damaged, &[], at(YEAR_2000), Purpose::Statement);
        assert!(matches!(error, Err(IdentityError::Malformed { .. })), "{cut}: {error:?}");
    }
}

#[test]
fn no_changed_byte_leaves_a_certificate_that_is_believed() {
    let ca = Authority::new("ca");
    let good = ca.issue(&Subject::uri(EU).and_dns("eu.example.net")).credentials();
    let bundle = ca.bundle();
    for index in 0..good.certificate().len() {
        for bit in [0x01, 0x80] {
            let mut changed = good.certificate().to_vec();
            changed[index] ^= bit;
            let changed = CertificateDer::from(changed);
            let verified = bundle.verify(&changed, &[], at(YEAR_2000), Purpose::Statement);
            assert!(verified.is_err(), "byte {index}");
            // Reading alone must not fail harder than with an error either.
            drop(Leaf::parse(&changed));
        }
    }
}
