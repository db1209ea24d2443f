//! Reading and verifying tokens (JWT, RFC 7519, as JWS compact serialisation, RFC 7515).

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use rustls::pki_types::UnixTime;
use serde::Deserialize;

use super::claims::{ClientClaims, ServerClaims, StandardClaims};
use super::keys::{PublicKey, Seed};
use super::{chain, keys};

/// The most bytes of a token that are read.
pub(super) const TOKEN_BYTES_MAX: usize = 64 * 1024;

/// The header of every token we sign, as golang-jwt writes it.
const HEADER: &str = r#"{"alg":"EdDSA","typ":"JWT"}"#;

/// A token as read: nothing is proved until [`verify`](Self::verify). Its debug form has the claims,
/// not the token.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    text: String,
    algorithm: String,
    claims: Claims,
    signature: Vec<u8>,
}

/// What a token says, by its purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claims {
    /// A user's.
    Client(Box<ClientClaims>),
    /// A node's.
    Server(Box<ServerClaims>),
    /// Any other purpose, provisioning for example.
    Other(Box<StandardClaims>),
}

/// Why a token is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// It is no token, or too large a one.
    #[error("not a token: {detail}")]
    Malformed {
        /// What is wrong with it.
        detail: String,
    },
    /// It is signed with something else than Ed25519. Choria's older set-ups use RSA (`RS256`).
    #[error("token is signed with {algorithm:?}; only EdDSA is supported")]
    UnsupportedAlgorithm {
        /// The `alg` of its header.
        algorithm: String,
    },
    /// No issuer that we trust signed it.
    #[error("token is signed by no trusted issuer")]
    UntrustedIssuer,
    /// It says that it comes from a chain issuer, and the chain does not hold.
    #[error("token's chain of trust does not hold: {detail}")]
    BrokenChain {
        /// Which part.
        detail: &'static str,
    },
    /// It, or its issuer, has ended.
    #[error("token expired at {at} (seconds since 1970)")]
    Expired {
        /// When.
        at: i64,
    },
    /// It has not begun.
    #[error("token is not valid before {from} (seconds since 1970)")]
    NotYetValid {
        /// From when.
        from: i64,
    },
    /// Its `public_key` is missing or no key.
    #[error("token holds no public key")]
    NoPublicKey,
}

impl TokenError {
    /// A stable label: lower-case words joined by `-`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "malformed-token",
            Self::UnsupportedAlgorithm { .. } => "unsupported-algorithm",
            Self::UntrustedIssuer => "untrusted-issuer",
            Self::BrokenChain { .. } => "broken-chain",
            Self::Expired { .. } => "token-expired",
            Self::NotYetValid { .. } => "token-not-yet-valid",
            Self::NoPublicKey => "no-public-key",
        }
    }
}

impl Token {
    /// Reads a token of at most 64 KiB; white space around it is skipped.
    ///
    /// # Errors
    /// [`TokenError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let text = text.trim();
        if text.len() > TOKEN_BYTES_MAX {
            return Err(malformed("longer than 64 KiB"));
        }
        let mut parts = text.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(malformed("not three parts"));
        };
        let header: Header = from_json(&decode(header)?)?;
        Ok(Self {
            text: text.to_owned(),
            algorithm: header.alg,
            claims: read_claims(&decode(payload)?)?,
            signature: decode(signature)?,
        })
    }

    /// The token as sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What the token says, believed or not.
    #[must_use]
    pub fn unverified(&self) -> &Claims {
        &self.claims
    }

    /// Believes the token if `issuer` signed it, itself or through a chain issuer that it vouches
    /// for, and it is valid at `now`.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn verify(&self, issuer: &PublicKey, now: UnixTime) -> Result<&Claims, TokenError> {
        if self.algorithm != "EdDSA" {
            let algorithm = self.algorithm.clone();
            return Err(TokenError::UnsupportedAlgorithm { algorithm });
        }
        let signer = match &self.claims {
            Claims::Client(_) | Claims::Server(_) => {
                chain::signing_key(self.claims.standard(), issuer)?
            }
            Claims::Other(_) => *issuer,
        };
        let signed = self.text.rsplit_once('.').map_or("", |(signed, _)| signed);
        if !signer.verify(signed.as_bytes(), &self.signature) {
            return Err(TokenError::UntrustedIssuer);
        }
        self.check_dates(now)?;
        Ok(&self.claims)
    }

    fn check_dates(&self, now: UnixTime) -> Result<(), TokenError> {
        let claims = self.claims.standard();
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        if let Some(at) = claims.expires_at.filter(|at| now >= *at) {
            return Err(TokenError::Expired { at });
        }
        for from in [claims.not_before, claims.issued_at].into_iter().flatten() {
            if now < from {
                return Err(TokenError::NotYetValid { from });
            }
        }
        self.check_issuer_dates(now)
    }

    /// A token of a chain issuer ends with that issuer, and chain issuers are no nodes.
    fn check_issuer_dates(&self, now: i64) -> Result<(), TokenError> {
        let claims = self.claims.standard();
        let chained = chain::is_chained(claims);
        let is_server = matches!(self.claims, Claims::Server(_));
        if is_server && !chained && !claims.trust_chain_signature.is_empty() {
            return Err(TokenError::BrokenChain { detail: "a chain issuer is no server" });
        }
        match claims.issuer_expires_at {
            Some(at) if chained && now > at => Err(TokenError::Expired { at }),
            Some(_) | None => Ok(()),
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("claims", &self.claims).finish_non_exhaustive()
    }
}

impl Claims {
    /// The claims that every token has.
    #[must_use]
    pub fn standard(&self) -> &StandardClaims {
        match self {
            Self::Client(claims) => &claims.standard,
            Self::Server(claims) => &claims.standard,
            Self::Other(claims) => claims,
        }
    }

    /// The organisation, which chooses the issuer; empty if the token names none.
    #[must_use]
    pub fn organisation(&self) -> &str {
        match self {
            Self::Client(claims) => &claims.organisation,
            Self::Server(claims) => &claims.organisation,
            Self::Other(_) => "",
        }
    }

    /// The holder's key.
    ///
    /// # Errors
    /// [`TokenError::NoPublicKey`].
    pub fn public_key(&self) -> Result<PublicKey, TokenError> {
        let key: Result<PublicKey, keys::KeyError> =
            PublicKey::from_hex(&self.standard().public_key);
        key.map_err(|_| TokenError::NoPublicKey)
    }
}

/// Signs claims, given as JSON.
pub(super) fn sign(claims: &[u8], issuer: &Seed) -> String {
    let payload = BASE64URL_NOPAD.encode(claims);
    let signed = format!("{}.{payload}", BASE64URL_NOPAD.encode(HEADER.as_bytes()));
    let signature = BASE64URL_NOPAD.encode(&issuer.sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

#[derive(Deserialize)]
struct Header {
    alg: String,
}

fn read_claims(payload: &[u8]) -> Result<Claims, TokenError> {
    let standard: StandardClaims = from_json(payload)?;
    match standard.purpose.as_str() {
        CLIENT_PURPOSE => from_json(payload).map(|claims| Claims::Client(Box::new(claims))),
        SERVER_PURPOSE => from_json(payload).map(|claims| Claims::Server(Box::new(claims))),
        _ => Ok(Claims::Other(Box::new(standard))),
    }
}

/// The purpose of a user's token.
pub(super) const CLIENT_PURPOSE: &str = "choria_client_id";
/// The purpose of a node's token.
pub(super) const SERVER_PURPOSE: &str = "choria_server";

fn decode(part: &str) -> Result<Vec<u8>, TokenError> {
    BASE64URL_NOPAD.decode(part.as_bytes()).map_err(|_| malformed("a part is not base64url"))
}

fn from_json<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, TokenError> {
    serde_json::from_slice(json).map_err(malformed)
}

fn malformed(detail: impl ToString) -> TokenError {
    TokenError::Malformed { detail: detail.to_string() }
}
