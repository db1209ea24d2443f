//! Tokens issued by someone whom the organisation's issuer vouches for.
//!
//! The organisation's key signs a chain issuer's id and key; the chain issuer puts that signature
//! into each token that it makes and signs the two together. So the organisation's key alone
//! suffices to verify (`choria-io/tokens`, `standard.go`).

use data_encoding::HEXLOWER_PERMISSIVE;

use super::claims::StandardClaims;
use super::keys::PublicKey;
use super::ksuid;
use super::token::TokenError;

/// Begins the issuer of a chain issuer's own token; the organisation's key follows.
pub(super) const ORGANISATION_PREFIX: &str = "I-";
/// Begins the issuer of a token made by a chain issuer; its id, a dot and its key follow.
pub(super) const CHAIN_PREFIX: &str = "C-";

/// Whether a chain issuer made this token.
pub(super) fn is_chained(claims: &StandardClaims) -> bool {
    claims.issuer.starts_with(CHAIN_PREFIX)
}

/// Whose key must have signed the token: the organisation's, or that of the chain issuer, after
/// checking that the organisation vouches for it.
pub(super) fn signing_key(
    claims: &StandardClaims,
    organisation: &PublicKey,
) -> Result<PublicKey, TokenError> {
    let Some(issuer) = claims.issuer.strip_prefix(CHAIN_PREFIX) else {
        return Ok(*organisation);
    };
    require_chain_claims(claims)?;
    let broken = |detail| TokenError::BrokenChain { detail };
    let (id, key) = split_pair(issuer).ok_or(broken("issuer is not C-<id>.<key>"))?;
    let key = PublicKey::from_hex(key).map_err(|_| broken("issuer is not C-<id>.<key>"))?;
    let (vouched, own) =
        split_pair(&claims.trust_chain_signature).ok_or(broken("tcs is not two signatures"))?;
    if !verify_hex(organisation, &chain_issuer_data(id, &key.to_string()), vouched) {
        // Another organisation's chain, as likely as a forged one.
        return Err(TokenError::UntrustedIssuer);
    }
    if !verify_hex(&key, &chain_issuer_data(&claims.id, vouched), own) {
        return Err(broken("the chain issuer did not sign the token's id"));
    }
    Ok(key)
}

/// What is signed: an id, a dot, and a key or signature in hex.
pub(super) fn chain_issuer_data(id: &str, hex: &str) -> String {
    format!("{id}.{hex}")
}

fn require_chain_claims(claims: &StandardClaims) -> Result<(), TokenError> {
    let missing = |detail| Err(TokenError::BrokenChain { detail });
    if claims.public_key.is_empty() {
        return missing("public_key is missing");
    }
    if claims.expires_at.is_none() || claims.issuer_expires_at.is_none() {
        return missing("exp or issexp is missing");
    }
    let Some(issued_at) = claims.issued_at else {
        return missing("iat is missing");
    };
    let id_time = ksuid::unix_seconds(&claims.id).and_then(|time| i64::try_from(time).ok());
    if id_time != Some(issued_at) {
        return missing("jti is not an id made at iat");
    }
    Ok(())
}

fn split_pair(text: &str) -> Option<(&str, &str)> {
    let (first, second) = text.split_once('.')?;
    (!first.is_empty() && !second.is_empty() && !second.contains('.')).then_some((first, second))
}

fn verify_hex(key: &PublicKey, data: &str, signature: &str) -> bool {
    let signature = HEXLOWER_PERMISSIVE.decode(signature.as_bytes());
    signature.is_ok_and(|signature| key.verify(data.as_bytes(), &signature))
}
