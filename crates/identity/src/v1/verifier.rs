//! Deciding whether a v1 request comes from whom it says.

use std::sync::Arc;

use rustls::pki_types::{CertificateDer, UnixTime};
use webpki::EndEntityCert;
use webpki::ring::RSA_PKCS1_2048_8192_SHA256;
use x509_parser::public_key::PublicKey;

use super::CallerLists;
use crate::certificate::{Fingerprint, Leaf, parse_x509};
use crate::error::IdentityError;
use crate::pem;
use crate::trust::{Purpose, TrustBundle};

/// The smallest RSA modulus that is verified.
const RSA_BITS_MIN: usize = 2048;

/// A secure request as decoded, and the caller that its request names.
#[derive(Clone, Copy, Debug)]
pub struct SecureRequest<'a> {
    /// The request's JSON, byte for byte as signed.
    pub message: &'a [u8],
    /// The raw signature over it.
    pub signature: &'a [u8],
    /// The caller's certificate in PEM, then intermediates; text around the sections is skipped.
    pub pubcert: &'a str,
    /// `callerid` of the request inside `message`, for example `choria=alice.mcollective`.
    pub caller_id: &'a str,
}

/// Who made a request that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The name in the caller id: what authorisation goes by.
    pub name: String,
    /// Whether the signer speaks for the caller (then `name` is not in its certificate).
    pub privileged: bool,
    /// Of the signer's certificate.
    pub fingerprint: Fingerprint,
}

/// Why a v1 request is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The caller id is not `kind=name`.
    #[error("caller id {caller_id:?} is not of the form kind=name")]
    MalformedCallerId {
        /// As received.
        caller_id: String,
    },
    /// There is no certificate in `pubcert`, or a damaged one.
    #[error("no usable certificate: {detail}")]
    NoCertificate {
        /// What is wrong.
        detail: String,
    },
    /// The certificate is not acceptable, whoever holds it.
    #[error("the certificate is not accepted")]
    Certificate(#[from] IdentityError),
    /// The certificate's key is not RSA.
    #[error("the certificate's key is not RSA")]
    NotRsa,
    /// The certificate's key is too small.
    #[error("the certificate's RSA key has {bits} bits, fewer than 2048")]
    WeakKey {
        /// Its size.
        bits: usize,
    },
    /// The certificate has another name than the caller.
    #[error("the certificate is of {presented:?}, not of {name:?}")]
    NameMismatch {
        /// The name in the caller id.
        name: String,
        /// The certificate's Common Name, or empty.
        presented: String,
    },
    /// The caller's name is on no list.
    #[error("{name:?} is not on the list of allowed callers")]
    NotAllowed {
        /// The name in the caller id.
        name: String,
    },
    /// The signature was not made over this message by this certificate's key.
    #[error("the signature does not fit the message")]
    BadSignature,
}

impl Refusal {
    /// A stable label: lower-case words joined by `-`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::MalformedCallerId { .. } => "malformed-caller-id",
            Self::NoCertificate { .. } => "no-certificate",
            Self::Certificate(error) => error.kind(),
            Self::NotRsa => "not-rsa",
            Self::WeakKey { .. } => "weak-key",
            Self::NameMismatch { .. } => "name-mismatch",
            Self::NotAllowed { .. } => "not-allowed",
            Self::BadSignature => "bad-signature",
        }
    }
}

/// Verifies v1 requests against one bundle of CAs and lists of callers.
#[derive(Clone, Debug)]
pub struct Verifier {
    trust: Arc<TrustBundle>,
    lists: CallerLists,
}

impl Verifier {
    /// A verifier; every CA of the bundle is a root.
    #[must_use]
    pub fn new(trust: Arc<TrustBundle>, lists: CallerLists) -> Self {
        Self { trust, lists }
    }

    /// Decides whether the request comes from its caller.
    ///
    /// The certificate must chain to the bundle at `now` (through the other certificates of
    /// `pubcert`) and permit client authentication or be unrestricted. A certificate with a
    /// privileged name (Common Name or DNS name) may sign for anyone; any other must carry the
    /// caller's name, and that name must be allowed. Then the signature must fit. Whether the
    /// request is fresh is not asked here.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn verify(&self, request: &SecureRequest<'_>, now: UnixTime) -> Result<Caller, Refusal> {
        let name = certificate_name(request.caller_id)?;
        let chain = pem::certificates(request.pubcert.as_bytes())
            .map_err(|error| Refusal::NoCertificate { detail: error.to_string() })?;
        let (certificate, intermediates) =
            chain.split_first().ok_or(IdentityError::NoCertificate)?;
        self.trust.verify(certificate, intermediates, now, Purpose::ClientAuthentication)?;
        let leaf = Leaf::parse(certificate)?;
        let privileged = self.admit(&leaf, name)?;
        verify_signature(certificate, request)?;
        Ok(Caller { name: name.to_owned(), privileged, fingerprint: leaf.fingerprint })
    }

    /// Whether the certificate is privileged; refuses one that is neither that nor the caller's.
    fn admit(&self, leaf: &Leaf, name: &str) -> Result<bool, Refusal> {
        // Of several Common Names Go takes the last.
        let common_name = leaf.common_names.last().map_or("", String::as_str);
        let mut names = leaf.dns_names.iter().map(String::as_str).chain([common_name]);
        if names.clone().any(|name| self.lists.is_privileged(name)) {
            return Ok(true);
        }
        if !names.any(|presented| presented == name) {
            let (name, presented) = (name.to_owned(), common_name.to_owned());
            return Err(Refusal::NameMismatch { name, presented });
        }
        if !self.lists.allows(name) {
            return Err(Refusal::NotAllowed { name: name.to_owned() });
        }
        Ok(false)
    }
}

/// The certificate name in a caller id: what Go's `^[a-z]+=([\w\.\-]+)` captures, which leaves out
/// whatever follows a character that no name has.
fn certificate_name(caller_id: &str) -> Result<&str, Refusal> {
    let malformed = || Refusal::MalformedCallerId { caller_id: caller_id.to_owned() };
    let (kind, rest) = caller_id.split_once('=').ok_or_else(malformed)?;
    let in_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let end = rest.find(|c| !in_name(c)).unwrap_or(rest.len());
    let name = rest.get(..end).unwrap_or_default();
    let good_kind = !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_lowercase());
    if good_kind && !name.is_empty() { Ok(name) } else { Err(malformed()) }
}

fn verify_signature(
    certificate: &CertificateDer<'_>,
    request: &SecureRequest<'_>,
) -> Result<(), Refusal> {
    require_rsa(certificate)?;
    let key = EndEntityCert::try_from(certificate)
        .map_err(|error| IdentityError::Malformed { detail: error.to_string() })?;
    key.verify_signature(RSA_PKCS1_2048_8192_SHA256, request.message, request.signature)
        .map_err(|_| Refusal::BadSignature)
}

fn require_rsa(certificate: &CertificateDer<'_>) -> Result<(), Refusal> {
    let x509 = parse_x509(certificate)?;
    let Ok(PublicKey::RSA(key)) = x509.public_key().parsed() else {
        return Err(Refusal::NotRsa);
    };
    let bits = key.key_size();
    if bits < RSA_BITS_MIN { Err(Refusal::WeakKey { bits }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_certificate_name_is_what_go_captures() {
        let name = |caller_id| certificate_name(caller_id).ok();
        assert_eq!(name("choria=alice.mcollective"), Some("alice.mcollective"));
        assert_eq!(name("choria=a_b-c.choria/evil"), Some("a_b-c.choria"));
        assert_eq!(name("choria=a=b"), Some("a"));
        for bad in ["", "alice", "=alice", "choria=", "Choria=alice", "choria=/x", "choria=é"] {
            assert_eq!(name(bad), None, "{bad}");
        }
    }
}
