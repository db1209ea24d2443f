//! Lists of revoked certificates.

use std::path::PathBuf;

use antiphon_identity::{
    CredentialFiles, Credentials, IdentityError, KeyAccess, Purpose, TrustBundle,
};

use crate::pki::{Authority, SERIAL_OF_INTERMEDIATES, Subject, YEAR_2000, at};

struct Revoking {
    authority: Authority,
    folder: tempfile::TempDir,
}

impl Revoking {
    fn new() -> Self {
        Self { authority: Authority::new("CA"), folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The CA's bundle with these lists.
    fn bundle(&self, crl: &[PathBuf]) -> TrustBundle {
        self.authority.bundle().with_revoked(crl).unwrap()
    }
}

fn verify(bundle: &TrustBundle, own: &Credentials) -> Result<(), IdentityError> {
    let now = at(YEAR_2000);
    let chain = own.chain().get(1..).unwrap_or_default();
    bundle.verify(own.certificate(), chain, now, Purpose::Statement).map(|_| ())
}

#[test]
fn a_revoked_certificate_is_refused_and_its_neighbour_is_not() {
    let world = Revoking::new();
    let (seven, eight) =
        (Subject::uri("antiphon://acme/eu/eu-1"), Subject::uri("antiphon://acme/eu/eu-2"));
    let seven = world.authority.issue(&seven.with_serial(7)).credentials();
    let eight = world.authority.issue(&eight.with_serial(8)).credentials();
    let crl = world.file("crl.pem", &world.authority.crl(&[7], false));
    let bundle = world.bundle(&[crl]);
    assert_eq!(verify(&bundle, &seven), Err(IdentityError::Revoked));
    assert_eq!(verify(&bundle, &eight), Ok(()));
    assert_eq!(verify(&world.authority.bundle(), &seven), Ok(()), "without the list");
    assert_eq!(bundle.revocations().map(|one| one.revoked).collect::<Vec<_>>(), [1]);
}

#[test]
fn a_list_past_its_next_update_still_counts() {
    let world = Revoking::new();
    let seven = world.authority.issue(&Subject::dns("a").with_serial(7)).credentials();
    let crl = world.file("crl.pem", &world.authority.crl(&[7], true));
    let long_after = at(4_000_000_000);
    let refused =
        world.bundle(&[crl]).verify(seven.certificate(), &[], long_after, Purpose::Statement);
    assert_eq!(refused, Err(IdentityError::Revoked));
}

#[test]
fn a_list_of_another_ca_revokes_nothing() {
    let world = Revoking::new();
    let seven = world.authority.issue(&Subject::dns("a").with_serial(7)).credentials();
    let other = Authority::new("another CA");
    let crl = world.file("crl.pem", &other.crl(&[7], false));
    assert_eq!(verify(&world.bundle(&[crl]), &seven), Ok(()));
    let namesake = Authority::new("CA");
    let forged = world.file("forged.pem", &namesake.crl(&[7], false));
    assert!(verify(&world.bundle(&[forged]), &seven).is_err(), "a list that nobody of ours signed");
}

#[test]
fn an_intermediate_that_was_revoked_takes_its_certificates_with_it() {
    let world = Revoking::new();
    let below = world.authority.intermediate("intermediate");
    let issued = below.issue_with(&Subject::dns("a"), &[&below], &[&world.authority]);
    let own = issued.credentials();
    let crl = world.file("crl.pem", &world.authority.crl(&[SERIAL_OF_INTERMEDIATES], false));
    assert_eq!(verify(&world.authority.bundle(), &own), Ok(()));
    assert_eq!(verify(&world.bundle(&[crl]), &own), Err(IdentityError::Revoked));
}

#[test]
fn files_hold_several_lists_in_pem_or_one_in_der() {
    let world = Revoking::new();
    let other = Authority::new("another CA");
    let both = world.authority.crl(&[7], false) + &other.crl(&[8, 9], false);
    let pem = world.file("both.pem", &both);
    let bundle = world.bundle(&[pem]);
    let issuers: Vec<_> = bundle.revocations().map(|one| one.issuer.clone()).collect();
    assert_eq!(issuers, ["CN=CA", "CN=another CA"]);
    let damaged = world.file("damaged.pem", &both.replace('A', "?"));
    let error = world.authority.bundle().with_revoked(&[damaged]).unwrap_err().to_string();
    assert!(error.contains("damaged.pem"), "{error}");
}

#[test]
fn credentials_are_read_with_their_lists() {
    let world = Revoking::new();
    let issued = world.authority.issue(&Subject::dns("a").with_serial(7));
    let [certificate, key, ca] =
        ["certificate.pem", "key.pem", "ca.pem"].map(|file| issued.path(file));
    let mut files = CredentialFiles::new(certificate, key, ca);
    files.key_access = KeyAccess::Anyone;
    files.crl = vec![world.file("crl.pem", &world.authority.crl(&[7], false))];
    let own = files.load().unwrap();
    assert_eq!(verify(own.trust(), &own), Err(IdentityError::Revoked));
    files.crl = vec![world.folder.path().join("missing.pem")];
    assert!(files.load().unwrap_err().to_string().contains("missing.pem"));
}
