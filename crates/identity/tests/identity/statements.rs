//! Statements that gateways sign: who is believed, and about what.

use std::sync::Arc;

use antiphon_identity::{
    CommonName, Context, Credentials, Signature, Statement, StatementVerifier, VerifyError,
};
use rcgen::ExtendedKeyUsagePurpose::{ClientAuth, CodeSigning, ServerAuth};
use rcgen::{KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};

use crate::golden;
use crate::pki::{Authority, Subject, YEAR_2000, at, names};

const ADVERT: Context = Context::new("test.advert.v1");
const BEACON: Context = Context::new("test.beacon.v1");
const EU_1: &str = "antiphon://acme/eu/eu-1";
const TODAY: u64 = 1_795_486_669;

fn verifier(ca: &Authority) -> StatementVerifier {
    StatementVerifier::new(Arc::new(ca.bundle()), names(CommonName::Ignored))
}

fn sign(signer: &Credentials) -> Signature {
    signer.signer().sign(ADVERT, b"adjacent to us-1").unwrap()
}

fn statement<'a>(signer: &'a Credentials, signature: &'a Signature) -> Statement<'a> {
    Statement { context: ADVERT, bytes: b"adjacent to us-1", signature, chain: signer.chain() }
}

fn refusal(ca: &Authority, statement: &Statement<'_>) -> &'static str {
    verifier(ca).verify(statement, at(TODAY)).unwrap_err().kind()
}

#[test]
fn every_kind_of_key_signs_and_is_believed() {
    let ca = Authority::new("ca");
    let keys = [
        (0x0403, KeyPair::generate().unwrap()),
        (0x0503, KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap()),
        (0x0807, KeyPair::generate_for(&PKCS_ED25519).unwrap()),
        (0x0804, KeyPair::from_pem(&golden::key("n1.example.net-key.pem")).unwrap()),
    ];
    let verifier = verifier(&ca);
    for (algorithm, key) in keys {
        let signer = ca.issue(&Subject::uri(EU_1).with_key(key)).credentials();
        let signature = sign(&signer);
        assert_eq!(signature.algorithm, algorithm);
        let identity = verifier.verify(&statement(&signer, &signature), at(TODAY)).unwrap();
        assert_eq!(identity.to_string(), "eu/eu-1");
    }
}

#[test]
fn a_changed_statement_is_not_believed() {
    let ca = Authority::new("ca");
    let signer = ca.issue(&Subject::uri(EU_1)).credentials();
    let signature = sign(&signer);
    let good = statement(&signer, &signature);
    assert_eq!(refusal(&ca, &Statement { bytes: b"adjacent to us-2", ..good }), "bad-signature");
    assert_eq!(refusal(&ca, &Statement { context: BEACON, ..good }), "bad-signature");
    let mut bent = signature.clone();
    bent.bytes[9] ^= 1;
    assert_eq!(refusal(&ca, &Statement { signature: &bent, ..good }), "bad-signature");
    let empty = Signature { bytes: Vec::new(), ..signature };
    assert_eq!(refusal(&ca, &Statement { signature: &empty, ..good }), "bad-signature");
}

#[test]
fn another_s_certificate_is_not_believed() {
    let ca = Authority::new("ca");
    let [signer, other] =
        [EU_1, "antiphon://acme/us/us-1"].map(|uri| ca.issue(&Subject::uri(uri)).credentials());
    let signature = sign(&signer);
    assert_eq!(refusal(&ca, &statement(&other, &signature)), "bad-signature");
}

#[test]
fn a_scheme_that_is_not_ours_or_not_the_key_s_is_refused() {
    let ca = Authority::new("ca");
    let signer = ca.issue(&Subject::uri(EU_1)).credentials();
    let refused = |algorithm| {
        let signature = Signature { algorithm, ..sign(&signer) };
        verifier(&ca).verify(&statement(&signer, &signature), at(TODAY)).unwrap_err()
    };
    assert_eq!(refused(0x0201), VerifyError::UnknownAlgorithm { algorithm: 0x0201 });
    assert_eq!(refused(0x0807), VerifyError::BadSignature);
}

#[test]
fn a_signer_is_refused_as_on_a_link() {
    let (ca, other) = (Authority::new("ca"), Authority::new("ca"));
    let kind = |subject: &Subject, authority: &Authority, now| {
        let signer = authority.issue(subject).load(at(now)).unwrap();
        let signature = sign(&signer);
        refusal(&ca, &statement(&signer, &signature))
    };
    assert_eq!(kind(&Subject::uri(EU_1), &other, TODAY), "untrusted");
    assert_eq!(kind(&Subject::uri("antiphon://other/eu"), &ca, TODAY), "wrong-fabric");
    assert_eq!(kind(&Subject::dns("gw.mars.example.net"), &ca, TODAY), "unknown-region");
    assert_eq!(kind(&Subject::uri(EU_1).long_expired(), &ca, YEAR_2000), "expired");
    let code_signing = Subject::uri(EU_1).for_usages(&[CodeSigning]);
    assert_eq!(kind(&code_signing, &ca, TODAY), "wrong-usage");
}

#[test]
fn a_certificate_for_either_side_of_a_link_may_sign() {
    let ca = Authority::new("ca");
    for usage in [ClientAuth, ServerAuth] {
        let signer = ca.issue(&Subject::uri(EU_1).for_usages(&[usage])).credentials();
        let signature = sign(&signer);
        verifier(&ca).verify(&statement(&signer, &signature), at(TODAY)).unwrap();
    }
}

#[test]
fn the_leaf_alone_suffices_when_its_issuer_is_in_the_bundle_or_was_seen() {
    let root = Authority::new("root");
    let issuing = root.intermediate("issuing");
    let signer = issuing.issue_with(&Subject::uri(EU_1), &[&issuing], &[&root]).credentials();
    let signature = sign(&signer);
    let full = statement(&signer, &signature);
    let alone = Statement { chain: &signer.chain()[..1], ..full };
    verifier(&issuing).verify(&alone, at(TODAY)).unwrap();
    let verifier = verifier(&root);
    assert_eq!(verifier.verify(&alone, at(TODAY)).unwrap_err().kind(), "untrusted");
    verifier.verify(&full, at(TODAY)).unwrap();
    verifier.verify(&alone, at(TODAY)).unwrap();
}

#[test]
fn a_remembered_certificate_still_expires_and_still_has_to_sign() {
    let ca = Authority::new("ca");
    let signer = ca.issue(&Subject::uri(EU_1).long_expired()).load(at(YEAR_2000)).unwrap();
    let signature = sign(&signer);
    let good = statement(&signer, &signature);
    let verifier = verifier(&ca);
    verifier.verify(&good, at(YEAR_2000)).unwrap();
    let forged = Statement { bytes: b"adjacent to nobody", ..good };
    assert_eq!(verifier.verify(&forged, at(YEAR_2000)), Err(VerifyError::BadSignature));
    assert_eq!(verifier.verify(&good, at(TODAY)).unwrap_err().kind(), "expired");
}

#[test]
fn a_statement_without_certificate_is_nobody_s() {
    let ca = Authority::new("ca");
    let signer = ca.issue(&Subject::uri(EU_1)).credentials();
    let signature = sign(&signer);
    let nobody = Statement { chain: &[], ..statement(&signer, &signature) };
    assert_eq!(refusal(&ca, &nobody), "no-client-certificate");
}
