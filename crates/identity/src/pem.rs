//! Reading certificates and keys out of PEM text.
//!
//! Text before, between and after the sections is skipped, as Go and OpenSSL do: certificate files
//! often carry a readable dump of themselves.

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The most certificates that are read out of one text.
pub(crate) const CERTIFICATES_MAX: usize = 256;

/// Why PEM text gave nothing usable.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PemError {
    /// The text has no section of the kind asked for.
    #[error("no {0} inside")]
    Nothing(&'static str),
    /// A section is damaged.
    #[error("damaged PEM: {0}")]
    Damaged(String),
    /// More certificates than anyone needs.
    #[error("more than {CERTIFICATES_MAX} certificates")]
    TooMany,
}

/// All certificates of a text, in order; at least one.
pub(crate) fn certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let mut found = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(text) {
        if found.len() == CERTIFICATES_MAX {
            return Err(PemError::TooMany);
        }
        found.push(certificate.map_err(|error| pem_error(&error, "certificate"))?);
    }
    if found.is_empty() { Err(PemError::Nothing("certificate")) } else { Ok(found) }
}

/// The first private key of a text: PKCS#1, PKCS#8 or SEC1, not encrypted.
pub(crate) fn private_key(text: &[u8]) -> Result<PrivateKeyDer<'static>, PemError> {
    PrivateKeyDer::from_pem_slice(text)
        .map_err(|error| pem_error(&error, "unencrypted private key"))
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library may add errors; none may repeat the text"
)]
/// Says what is wrong without repeating any of the text, which may be a secret.
fn pem_error(error: &pem::Error, wanted: &'static str) -> PemError {
    match error {
        pem::Error::NoItemsFound => PemError::Nothing(wanted),
        pem::Error::MissingSectionEnd { .. } => {
            PemError::Damaged("a section has no end".to_owned())
        }
        pem::Error::IllegalSectionStart { .. } => {
            PemError::Damaged("a section begins with a bad line".to_owned())
        }
        pem::Error::Base64Decode(_) => PemError::Damaged("a section is not base64".to_owned()),
        _ => PemError::Damaged("a section cannot be read".to_owned()),
    }
}
