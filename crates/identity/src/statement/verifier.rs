//! Believing what gateways say about themselves.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::SignatureScheme;
use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use webpki::EndEntityCert;

use super::cache::ChainCache;
use super::{Signature, Statement, VerifyError, verify_chain};
use crate::certificate::Fingerprint;
use crate::error::IdentityError;
use crate::names::Names;
use crate::peer::PeerIdentity;
use crate::trust::TrustBundle;

/// Verifies statements against one bundle and one set of names; shared between threads.
///
/// Certificates already verified (at most 1024) are remembered until their chain ends, so a renewed
/// bundle or changed names need a new verifier.
#[derive(Debug)]
pub struct StatementVerifier {
    trust: Arc<TrustBundle>,
    names: Arc<Names>,
    verified: Mutex<ChainCache>,
}

impl StatementVerifier {
    /// A verifier that has seen nothing yet.
    #[must_use]
    pub fn new(trust: Arc<TrustBundle>, names: Arc<Names>) -> Self {
        Self { trust, names, verified: Mutex::default() }
    }

    /// Who made a statement.
    ///
    /// The first certificate must chain to the bundle at `now` (through the given intermediates, or
    /// through CAs that are in the bundle themselves), be for client or server authentication or
    /// unrestricted, and stand for a region; its key must have signed the statement.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify(
        &self,
        statement: &Statement<'_>,
        now: UnixTime,
    ) -> Result<PeerIdentity, VerifyError> {
        let leaf = statement.chain.first().ok_or(IdentityError::NoCertificate)?;
        let identity = self.identify(leaf, statement.chain, now)?;
        let signed = statement.context.signed_bytes(statement.bytes);
        verify_signature(leaf, &signed, statement.signature)?;
        Ok(identity)
    }

    fn identify(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<PeerIdentity, IdentityError> {
        let fingerprint = Fingerprint::of(leaf);
        let cache = || self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(identity) = cache().get(&fingerprint, now) {
            return Ok(identity);
        }
        let (identity, validity) = verify_chain(&self.trust, &self.names, chain, now)?;
        cache().insert(fingerprint, identity.clone(), validity);
        Ok(identity)
    }
}

fn verify_signature(
    leaf: &CertificateDer<'_>,
    signed: &[u8],
    signature: &Signature,
) -> Result<(), VerifyError> {
    let algorithm = algorithm(signature.algorithm)?;
    let key = EndEntityCert::try_from(leaf)
        .map_err(|error| IdentityError::Malformed { detail: error.to_string() })?;
    key.verify_signature(algorithm, signed, &signature.bytes).map_err(|_| VerifyError::BadSignature)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the registry has many schemes; we take four")]
fn algorithm(code: u16) -> Result<&'static dyn SignatureVerificationAlgorithm, VerifyError> {
    match SignatureScheme::from(code) {
        SignatureScheme::ED25519 => Ok(webpki::ring::ED25519),
        SignatureScheme::ECDSA_NISTP256_SHA256 => Ok(webpki::ring::ECDSA_P256_SHA256),
        SignatureScheme::ECDSA_NISTP384_SHA384 => Ok(webpki::ring::ECDSA_P384_SHA384),
        SignatureScheme::RSA_PSS_SHA256 => Ok(webpki::ring::RSA_PSS_2048_8192_SHA256_LEGACY_KEY),
        _ => Err(VerifyError::UnknownAlgorithm { algorithm: code }),
    }
}
