//! Deciding whether a v2 request comes from whom it says.

use std::collections::BTreeMap;

use rustls::pki_types::UnixTime;

use super::claims::{ClientClaims, ClientPermissions};
use super::keys::PublicKey;
use super::token::{Claims, Token, TokenError};

/// Whose tokens are believed.
#[derive(Clone, Debug, Default)]
pub struct Issuers {
    organisations: BTreeMap<String, PublicKey>,
    trusted_signers: Vec<PublicKey>,
}

/// A secure request as decoded, and the caller that its request names.
#[derive(Clone, Copy)]
pub struct SecureRequest<'a> {
    /// The request's JSON, byte for byte as signed.
    pub request: &'a [u8],
    /// The raw signature over it, 64 bytes.
    pub signature: &'a [u8],
    /// The caller's token.
    pub caller_token: &'a str,
    /// The token of a delegator who signed for the caller.
    pub signer_token: Option<&'a str>,
    /// `caller` of the request inside `request`, for example `up=alice`.
    pub caller_id: &'a str,
}

/// Who made a request that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The caller id of the request: what authorisation goes by. A delegator answers for it.
    pub caller_id: String,
    /// What the caller's token says.
    pub claims: ClientClaims,
    /// The caller id of the delegator who signed, if the caller did not.
    pub signed_by: Option<String>,
}

/// Why a v2 request is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The caller's token is not believed.
    #[error("the caller's token is not accepted")]
    CallerToken(#[source] TokenError),
    /// The delegator's token is not believed.
    #[error("the signer's token is not accepted")]
    SignerToken(#[source] TokenError),
    /// The caller's token is not a user's.
    #[error("the caller's token has purpose {purpose:?}, not choria_client_id")]
    NotAClient {
        /// Its purpose.
        purpose: String,
    },
    /// The delegator's token is not a user's.
    #[error("the signer's token has purpose {purpose:?}, not choria_client_id")]
    SignerNotAClient {
        /// Its purpose.
        purpose: String,
    },
    /// The caller may not call nodes.
    #[error("{caller_id:?} has no fleet management permission")]
    NoFleetManagement {
        /// The token's caller id.
        caller_id: String,
    },
    /// The caller may call only with a delegator's signature.
    #[error("{caller_id:?} needs its requests signed by a delegator")]
    SignatureNotDelegated {
        /// The token's caller id.
        caller_id: String,
    },
    /// The signer may not sign for others.
    #[error("{caller_id:?} has no authentication delegator permission")]
    NotADelegator {
        /// The signer token's caller id.
        caller_id: String,
    },
    /// The request names another caller than the token.
    #[error("the request is of {presented:?}, the token of {expected:?}")]
    CallerMismatch {
        /// The request's caller.
        presented: String,
        /// The token's.
        expected: String,
    },
    /// The signature was not made over this request by the signer's key.
    #[error("the signature does not fit the request")]
    BadSignature,
}

impl Refusal {
    /// A stable label: lower-case words joined by `-`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::CallerToken(error) | Self::SignerToken(error) => error.kind(),
            Self::NotAClient { .. } => "not-a-client",
            Self::SignerNotAClient { .. } => "signer-not-a-client",
            Self::NoFleetManagement { .. } => "no-fleet-management",
            Self::SignatureNotDelegated { .. } => "signature-not-delegated",
            Self::NotADelegator { .. } => "not-a-delegator",
            Self::CallerMismatch { .. } => "caller-mismatch",
            Self::BadSignature => "bad-signature",
        }
    }
}

impl SecureRequest<'_> {
    fn require_signed_by(&self, key: &PublicKey) -> Result<(), Refusal> {
        if key.verify(self.request, self.signature) { Ok(()) } else { Err(Refusal::BadSignature) }
    }
}

impl Issuers {
    /// The organisations' issuers (`plugin.security.issuer.<ou>.public`) and, for any organisation,
    /// trusted signers (`plugin.security.choria.trusted_signers`).
    #[must_use]
    pub fn new(
        organisations: BTreeMap<String, PublicKey>,
        trusted_signers: Vec<PublicKey>,
    ) -> Self {
        Self { organisations, trusted_signers }
    }

    /// Believes a token that its organisation's issuer or a trusted signer made; gives the key by
    /// which it was believed.
    ///
    /// # Errors
    /// [`TokenError`]; of several keys, the most telling.
    pub fn verify<'t>(
        &self,
        token: &'t Token,
        now: UnixTime,
    ) -> Result<(&'t Claims, PublicKey), TokenError> {
        let organisation = self.organisations.get(token.unverified().organisation());
        let mut refusal = TokenError::UntrustedIssuer;
        for issuer in organisation.into_iter().chain(&self.trusted_signers) {
            match token.verify(issuer, now) {
                Ok(claims) => return Ok((claims, *issuer)),
                Err(TokenError::UntrustedIssuer) => {}
                Err(error) => refusal = error,
            }
        }
        Err(refusal)
    }
}

/// Verifies v2 requests, as a node does.
#[derive(Clone, Debug)]
pub struct Verifier {
    issuers: Issuers,
}

impl Verifier {
    /// A verifier that believes these issuers.
    #[must_use]
    pub fn new(issuers: Issuers) -> Self {
        Self { issuers }
    }

    /// Decides whether the request comes from its caller.
    ///
    /// Without a signer's token the caller must be a user with `fleet_management` and without
    /// `signed_fleet_management` who signed the request and is named in it. With one, the signer
    /// must be a user with `authentication_delegator` who signed the request, and the caller a user
    /// with either fleet permission whose token the same issuer made; the caller named in the
    /// request is then the delegator's word. Whether the request is fresh is not asked here.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn verify(&self, request: &SecureRequest<'_>, now: UnixTime) -> Result<Caller, Refusal> {
        match request.signer_token {
            None => self.verify_own(request, now),
            Some(signer) => self.verify_delegated(request, signer, now),
        }
    }

    fn verify_own(&self, request: &SecureRequest<'_>, now: UnixTime) -> Result<Caller, Refusal> {
        let token = Token::parse(request.caller_token).map_err(Refusal::CallerToken)?;
        let (claims, _) = self.issuers.verify(&token, now).map_err(Refusal::CallerToken)?;
        let client = client(claims).map_err(|purpose| Refusal::NotAClient { purpose })?;
        let caller_id = || client.callerid.clone();
        let permissions = permissions(client);
        if permissions.signed_fleet_management {
            return Err(Refusal::SignatureNotDelegated { caller_id: caller_id() });
        }
        if !permissions.fleet_management {
            return Err(Refusal::NoFleetManagement { caller_id: caller_id() });
        }
        if request.caller_id != client.callerid {
            let presented = request.caller_id.to_owned();
            return Err(Refusal::CallerMismatch { presented, expected: caller_id() });
        }
        let key = claims.public_key().map_err(Refusal::CallerToken)?;
        request.require_signed_by(&key)?;
        Ok(Caller { caller_id: caller_id(), claims: client.clone(), signed_by: None })
    }

    fn verify_delegated(
        &self,
        request: &SecureRequest<'_>,
        signer: &str,
        now: UnixTime,
    ) -> Result<Caller, Refusal> {
        let signer = Token::parse(signer).map_err(Refusal::SignerToken)?;
        let (signer, issuer) = self.issuers.verify(&signer, now).map_err(Refusal::SignerToken)?;
        let delegator = client(signer).map_err(|purpose| Refusal::SignerNotAClient { purpose })?;
        if !permissions(delegator).authentication_delegator {
            return Err(Refusal::NotADelegator { caller_id: delegator.callerid.clone() });
        }
        let token = Token::parse(request.caller_token).map_err(Refusal::CallerToken)?;
        let claims = token.verify(&issuer, now).map_err(Refusal::CallerToken)?;
        let client = client(claims).map_err(|purpose| Refusal::NotAClient { purpose })?;
        let permissions = permissions(client);
        if !permissions.fleet_management && !permissions.signed_fleet_management {
            return Err(Refusal::NoFleetManagement { caller_id: client.callerid.clone() });
        }
        let key = signer.public_key().map_err(Refusal::SignerToken)?;
        request.require_signed_by(&key)?;
        Ok(Caller {
            caller_id: request.caller_id.to_owned(),
            claims: client.clone(),
            signed_by: Some(delegator.callerid.clone()),
        })
    }
}

/// The claims of a user's token; else the purpose that it has.
fn client(claims: &Claims) -> Result<&ClientClaims, String> {
    match claims {
        Claims::Client(client) => Ok(client),
        Claims::Server(_) | Claims::Other(_) => Err(claims.standard().purpose.clone()),
    }
}

fn permissions(client: &ClientClaims) -> ClientPermissions {
    client.permissions.clone().unwrap_or_default()
}
