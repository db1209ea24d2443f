//! The certificate authorities we believe, and chains checked against them.

use std::fs;
use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, VerifiedPath, anchor_from_trusted_cert};

use crate::certificate::{Fingerprint, parse_x509, validity_of};
use crate::date::Date;
use crate::error::IdentityError;
use crate::pem;
use crate::validity::Validity;
pub use purpose::Purpose;
pub use revocation::Revocation;
use revocation::RevocationList;

mod purpose;
mod revocation;

/// The most certificates in a presented chain, the leaf included.
const CHAIN_MAX: usize = 8;

/// The CAs of a fabric or a collective: 1 to 256 certificates, two or more during a rollover.
///
/// Each is a trust anchor in its own right, self-signed or not, so an intermediate CA that stands
/// in the bundle need not be presented. A CA out of its dates anchors nothing, yet does not spoil
/// the bundle.
#[derive(Clone, Debug)]
pub struct TrustBundle {
    anchors: Vec<TrustAnchor<'static>>,
    /// Of the anchor with the same index.
    validities: Vec<Validity>,
    /// Of the anchor with the same index: who it says it is.
    names: Vec<String>,
    /// Of these CAs, or of any below them.
    revoked: Vec<RevocationList>,
}

/// One CA of a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authority<'a> {
    /// Its subject, RFC 4514 in spirit; for people.
    pub name: &'a str,
    /// SHA-256 of subject and public key: what a chain leads to. A renewed certificate of the same
    /// key has the same.
    pub fingerprint: Fingerprint,
    /// Its life.
    pub validity: Validity,
}

/// Why a bundle of CAs cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The file is missing or unreadable.
    #[error("CA file {}: cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The text holds no usable PEM certificates.
    #[error("CA file {}: {detail}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// A certificate in it is no CA, or cannot be read.
    #[error("CA file {}: certificate {number}: {detail}", path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        number: usize,
        /// What is wrong with it.
        detail: String,
    },
    /// No CA in it is within its dates.
    #[error("CA file {}: no CA in it is valid at {now}", path.display())]
    OutOfDate {
        /// The file.
        path: PathBuf,
        /// The moment asked for.
        now: Date,
    },
    /// A list of revoked certificates cannot be used.
    #[error("CRL file {}: {detail}", path.display())]
    Revocation {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
}

impl TrustBundle {
    /// Reads a PEM file of CAs.
    ///
    /// # Errors
    /// [`TrustError`], naming the file.
    pub fn from_file(path: &Path) -> Result<Self, TrustError> {
        let text =
            fs::read(path).map_err(|source| TrustError::Read { path: path.to_owned(), source })?;
        Self::from_pem(&text, path)
    }

    /// Takes the CAs out of PEM text; `path` is only for error messages.
    ///
    /// # Errors
    /// [`TrustError`]; never [`TrustError::Read`].
    pub fn from_pem(text: &[u8], path: &Path) -> Result<Self, TrustError> {
        let certificates = pem::certificates(text).map_err(|error| TrustError::Pem {
            path: path.to_owned(),
            detail: error.to_string(),
        })?;
        let mut bundle = Self {
            anchors: Vec::new(),
            validities: Vec::new(),
            names: Vec::new(),
            revoked: Vec::new(),
        };
        for (index, certificate) in certificates.iter().enumerate() {
            bundle.add(certificate).map_err(|detail| TrustError::Authority {
                path: path.to_owned(),
                number: index + 1,
                detail,
            })?;
        }
        Ok(bundle)
    }

    /// Honours lists of revoked certificates (CRLs) from now on: PEM files, or one list in DER each.
    ///
    /// A list counts for the CA that signed it, whatever else is in its file; certificates of a CA
    /// without a list are not asked about. A list past its next update still counts: refusing
    /// everybody because nobody renewed a list would turn a forgotten job into an outage.
    ///
    /// # Errors
    /// [`TrustError::Revocation`], naming the file.
    pub fn with_revoked(mut self, files: &[PathBuf]) -> Result<Self, TrustError> {
        for path in files {
            let wrong = |detail| TrustError::Revocation { path: path.clone(), detail };
            let lists = fs::read(path).map_err(|error| error.to_string());
            self.revoked.extend(lists.and_then(|text| revocation::read(&text)).map_err(wrong)?);
        }
        Ok(self)
    }

    /// The lists of revoked certificates, in the order of the files.
    pub fn revocations(&self) -> impl Iterator<Item = &Revocation> {
        self.revoked.iter().map(|one| &one.facts)
    }

    /// Checks that a CA in it is valid at `now`.
    ///
    /// # Errors
    /// [`TrustError::OutOfDate`].
    pub fn require_valid(&self, path: &Path, now: UnixTime) -> Result<(), TrustError> {
        if self.validities.iter().any(|validity| validity.contains(now)) {
            return Ok(());
        }
        Err(TrustError::OutOfDate { path: path.to_owned(), now: Date(now) })
    }

    /// The life of each CA, in the order of the file.
    #[must_use]
    pub fn validities(&self) -> &[Validity] {
        &self.validities
    }

    /// The CAs, in the order of the file.
    pub fn authorities(&self) -> impl Iterator<Item = Authority<'_>> {
        let known = self.validities.iter().zip(&self.names);
        self.anchors.iter().zip(known).map(|(anchor, (validity, name))| Authority {
            name,
            fingerprint: Fingerprint::of_parts(&[&anchor.subject, &anchor.subject_public_key_info]),
            validity: *validity,
        })
    }

    /// Checks that a chain leads from `leaf` to a CA of this bundle at the moment `now`, and that
    /// every certificate on it permits `purpose`. Names are not looked at.
    ///
    /// Certificates of X.509 version 1 and those signed with SHA-1 or with RSA keys under 2048 bits
    /// are refused, whoever signed them. Returns the time for which the answer holds.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub fn verify(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
        purpose: Purpose,
    ) -> Result<Validity, IdentityError> {
        if intermediates.len() >= CHAIN_MAX {
            let detail = format!("the chain has more than {CHAIN_MAX} certificates");
            return Err(IdentityError::Untrusted { detail });
        }
        let refused = |error| refusal(&error, purpose);
        let end_entity = EndEntityCert::try_from(leaf).map_err(refused)?;
        let revoked: Vec<_> = self.revoked.iter().map(|one| &*one.list).collect();
        let path = end_entity
            .verify_for_usage(
                webpki::ALL_VERIFICATION_ALGS,
                &self.anchors,
                intermediates,
                now,
                purpose,
                revocation::options(&revoked),
                Some(&|path| self.validity_of_anchor(path).check(now)),
            )
            .map_err(refused)?;
        let mut validity = validity_of(&parse_x509(leaf)?)?;
        for intermediate in path.intermediate_certificates() {
            let presented = validity_of(&parse_x509(&intermediate.der())?)?;
            validity = validity.intersection(presented);
        }
        Ok(validity.intersection(self.validity_of_anchor(&path)))
    }

    /// The CAs as rustls's own verifiers want them.
    pub(crate) fn root_store(&self) -> RootCertStore {
        RootCertStore { roots: self.anchors.clone() }
    }

    /// The lists of revoked certificates as rustls's own verifiers want them.
    pub(crate) fn crls(&self) -> Vec<CertificateRevocationListDer<'static>> {
        self.revoked.iter().map(|one| one.der.clone()).collect()
    }

    /// The CAs' subjects, for a server's list of acceptable issuers.
    pub(crate) fn subjects(&self) -> Vec<rustls::DistinguishedName> {
        self.root_store().subjects()
    }

    fn add(&mut self, certificate: &CertificateDer<'static>) -> Result<(), String> {
        let x509 = parse_x509(certificate).map_err(|error| error.to_string())?;
        let version_1 = x509.extensions().is_empty();
        if !version_1 && !x509.is_ca() {
            return Err(format!("{} is no CA (no basic constraint CA:TRUE)", x509.subject()));
        }
        let validity = validity_of(&x509).map_err(|error| error.to_string())?;
        let anchor = anchor_from_trusted_cert(certificate).map_err(|error| error.to_string())?;
        self.anchors.push(anchor.to_owned());
        self.validities.push(validity);
        self.names.push(x509.subject().to_string());
        Ok(())
    }

    fn validity_of_anchor(&self, path: &VerifiedPath<'_>) -> Validity {
        let index = self.anchors.iter().position(|anchor| std::ptr::eq(anchor, path.anchor()));
        let validity = index.and_then(|index| self.validities.get(index));
        *validity.expect("a path ends at an anchor of the bundle that it was built with")
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "webpki may add errors; each is a lack of trust"
)]
fn refusal(error: &webpki::Error, purpose: Purpose) -> IdentityError {
    match error {
        webpki::Error::CertExpired { not_after, .. } => {
            IdentityError::Expired { not_after: Date(*not_after) }
        }
        webpki::Error::CertNotValidYet { not_before, .. } => {
            IdentityError::NotYetValid { not_before: Date(*not_before) }
        }
        webpki::Error::RequiredEkuNotFoundContext(_) | webpki::Error::EmptyEkuExtension => {
            IdentityError::WrongUsage { wanted: purpose.as_str() }
        }
        webpki::Error::BadDer | webpki::Error::BadDerTime | webpki::Error::TrailingData(_) => {
            IdentityError::Malformed { detail: error.to_string() }
        }
        webpki::Error::CertRevoked => IdentityError::Revoked,
        webpki::Error::UnknownIssuer => {
            IdentityError::Untrusted { detail: "its issuer is unknown".to_owned() }
        }
        other => IdentityError::Untrusted { detail: other.to_string() },
    }
}
