//! The facts of a certificate that decisions rest on.

use std::fmt;
use std::time::Duration;

use data_encoding::HEXLOWER;
use rustls::pki_types::{CertificateDer, UnixTime};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;

use crate::error::IdentityError;
use crate::validity::Validity;

/// SHA-256 of a certificate's DER; prints as 64 lower-case hex characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of a certificate.
    #[must_use]
    pub fn of(certificate: &CertificateDer<'_>) -> Self {
        let digest = ring::digest::digest(&ring::digest::SHA256, certificate);
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest.as_ref());
        Self(bytes)
    }

    /// The fingerprint of several parts, one after the other.
    pub(crate) fn of_parts(parts: &[&[u8]]) -> Self {
        let mut context = ring::digest::Context::new(&ring::digest::SHA256);
        parts.iter().for_each(|part| context.update(part));
        let mut bytes = [0; 32];
        bytes.copy_from_slice(context.finish().as_ref());
        Self(bytes)
    }

    /// The digest.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The names, life and fingerprint of a certificate. Reading them proves nothing: whoever needs
/// proof verifies the chain first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The Common Names of the subject, in order; usually one.
    pub common_names: Vec<String>,
    /// The DNS names among the subject alternative names, in order.
    pub dns_names: Vec<String>,
    /// The URIs among the subject alternative names, in order.
    pub uris: Vec<String>,
    /// First and last second.
    pub validity: Validity,
    /// SHA-256 of the DER.
    pub fingerprint: Fingerprint,
}

impl Leaf {
    /// Reads a certificate.
    ///
    /// # Errors
    /// [`IdentityError::Malformed`] if it is no X.509 certificate, or holds two lists of
    /// alternative names.
    pub fn parse(certificate: &CertificateDer<'_>) -> Result<Self, IdentityError> {
        let x509 = parse_x509(certificate)?;
        let mut leaf = Self {
            common_names: common_names(&x509),
            dns_names: Vec::new(),
            uris: Vec::new(),
            validity: validity_of(&x509)?,
            fingerprint: Fingerprint::of(certificate),
        };
        let alternatives = x509.subject_alternative_name().map_err(malformed)?;
        for name in alternatives.iter().flat_map(|extension| &extension.value.general_names) {
            if let GeneralName::DNSName(name) = name {
                leaf.dns_names.push((*name).to_owned());
            } else if let GeneralName::URI(uri) = name {
                leaf.uris.push((*uri).to_owned());
            }
        }
        Ok(leaf)
    }
}

/// How long that of these certificates is good which ends first; what rests on all of them must be
/// renewed before.
///
/// # Errors
/// [`IdentityError::NoCertificate`] for an empty chain, [`IdentityError::Malformed`] for a
/// certificate that cannot be read.
pub fn first_to_end(chain: &[CertificateDer<'_>]) -> Result<Validity, IdentityError> {
    let mut first: Option<Validity> = None;
    for certificate in chain {
        let next = validity_of(&parse_x509(certificate)?)?;
        first = first.filter(|known| known.not_after <= next.not_after).or(Some(next));
    }
    first.ok_or(IdentityError::NoCertificate)
}

pub(crate) fn parse_x509<'a>(
    certificate: &'a CertificateDer<'_>,
) -> Result<X509Certificate<'a>, IdentityError> {
    let (rest, x509) = X509Certificate::from_der(certificate).map_err(malformed)?;
    if rest.is_empty() { Ok(x509) } else { Err(malformed("trailing bytes")) }
}

pub(crate) fn validity_of(x509: &X509Certificate<'_>) -> Result<Validity, IdentityError> {
    Ok(Validity {
        not_before: unix_time(x509.validity().not_before)?,
        not_after: unix_time(x509.validity().not_after)?,
    })
}

fn unix_time(time: ASN1Time) -> Result<UnixTime, IdentityError> {
    let seconds = u64::try_from(time.timestamp()).map_err(|_| malformed("a date before 1970"))?;
    Ok(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
}

fn common_names(x509: &X509Certificate<'_>) -> Vec<String> {
    let names = x509.subject().iter_common_name();
    names.filter_map(|name| name.as_str().ok()).map(str::to_owned).collect()
}

fn malformed(detail: impl fmt::Display) -> IdentityError {
    IdentityError::Malformed { detail: detail.to_string() }
}
