//! Statements signed with a certificate's key: adverts, gossip records, beacons.

use std::fmt;
use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::sign::SigningKey;

use crate::error::IdentityError;
use crate::names::Names;
use crate::peer::PeerIdentity;
use crate::trust::{Purpose, TrustBundle};
use crate::validity::Validity;
pub use verifier::StatementVerifier;

mod cache;
mod verifier;

/// One scheme per kind of key, so that a key always signs in the same way.
const SCHEMES: [SignatureScheme; 4] = [
    SignatureScheme::ED25519,
    SignatureScheme::ECDSA_NISTP256_SHA256,
    SignatureScheme::ECDSA_NISTP384_SHA384,
    SignatureScheme::RSA_PSS_SHA256,
];

/// What a statement is about, mixed into what is signed, so that a statement of one kind never
/// passes for one of another.
///
/// Printable ASCII, at most 64 characters, for example `antiphon.advert.v1`. Checked when the
/// program is compiled if made in a `const`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context(&'static str);

impl Context {
    /// A context.
    ///
    /// # Panics
    /// If the text is empty, longer than 64 characters, or not printable ASCII.
    #[must_use]
    pub const fn new(text: &'static str) -> Self {
        let bytes = text.as_bytes();
        assert!(!bytes.is_empty() && bytes.len() <= 64, "a context has 1 to 64 characters");
        let mut rest = bytes;
        while let [first, tail @ ..] = rest {
            assert!(first.is_ascii_graphic(), "a context is printable ASCII");
            rest = tail;
        }
        Self(text)
    }

    /// The bytes that are signed for a statement: a fixed mark, the context, a zero byte, the
    /// statement. No TLS handshake and no Choria request begins with the mark.
    fn signed_bytes(self, statement: &[u8]) -> Vec<u8> {
        const MARK: &[u8] = b"antiphon signed statement\0";
        let mut bytes = Vec::with_capacity(MARK.len() + self.0.len() + 1 + statement.len());
        bytes.extend_from_slice(MARK);
        bytes.extend_from_slice(self.0.as_bytes());
        bytes.push(0);
        bytes.extend_from_slice(statement);
        bytes
    }
}

/// A signature over a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The scheme by its TLS code point (RFC 8446, 4.2.3): 0x0807 Ed25519, 0x0403 ECDSA P-256 with
    /// SHA-256, 0x0503 ECDSA P-384 with SHA-384, 0x0804 RSA-PSS with SHA-256.
    pub algorithm: u16,
    /// The signature, 64 to 1024 bytes.
    pub bytes: Vec<u8>,
}

/// Signs statements with a certificate's key. Cheap to clone.
#[derive(Clone)]
pub struct Signer {
    key: Arc<dyn SigningKey>,
}

/// Why nothing was signed: the system gave no randomness, or the key failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot sign: {detail}")]
pub struct SignError {
    /// What the crypto library said.
    pub detail: String,
}

impl Signer {
    pub(crate) fn new(key: Arc<dyn SigningKey>) -> Self {
        Self { key }
    }

    /// Signs a statement. RSA and ECDSA signatures differ from call to call.
    ///
    /// # Errors
    /// [`SignError`].
    pub fn sign(&self, context: Context, statement: &[u8]) -> Result<Signature, SignError> {
        let failed = |detail: &dyn fmt::Display| SignError { detail: detail.to_string() };
        let signer = self
            .key
            .choose_scheme(&SCHEMES)
            .ok_or_else(|| failed(&"the key fits none of our signature schemes"))?;
        let bytes =
            signer.sign(&context.signed_bytes(statement)).map_err(|error| failed(&error))?;
        Ok(Signature { algorithm: signer.scheme().into(), bytes })
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("key", &"[redacted]").finish()
    }
}

/// A statement as it arrived.
#[derive(Clone, Copy, Debug)]
pub struct Statement<'a> {
    /// What the receiver takes it to be about.
    pub context: Context,
    /// The statement, byte for byte as signed.
    pub bytes: &'a [u8],
    /// The signature over it.
    pub signature: &'a Signature,
    /// The signer's certificate, then intermediates that are not in the verifier's bundle.
    pub chain: &'a [CertificateDer<'a>],
}

/// Why a statement is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The signer is nobody.
    #[error("the signer is not accepted")]
    Signer(#[from] IdentityError),
    /// The scheme is none of ours.
    #[error("unknown signature scheme {algorithm:#06x}")]
    UnknownAlgorithm {
        /// Its TLS code point.
        algorithm: u16,
    },
    /// The signature was not made over this statement, in this context, by this certificate's key.
    #[error("the signature does not fit")]
    BadSignature,
}

impl VerifyError {
    /// A stable label: lower-case words joined by `-`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Signer(error) => error.kind(),
            Self::UnknownAlgorithm { .. } => "unknown-algorithm",
            Self::BadSignature => "bad-signature",
        }
    }
}

fn verify_chain(
    trust: &TrustBundle,
    names: &Names,
    chain: &[CertificateDer<'_>],
    now: UnixTime,
) -> Result<(PeerIdentity, Validity), IdentityError> {
    let (leaf, intermediates) = chain.split_first().ok_or(IdentityError::NoCertificate)?;
    let validity = trust.verify(leaf, intermediates, now, Purpose::Statement)?;
    Ok((names.identify(leaf)?, validity))
}
