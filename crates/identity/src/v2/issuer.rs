//! Making tokens.

use std::time::Duration;

use data_encoding::HEXLOWER;
use rustls::pki_types::UnixTime;
use serde::Serialize;

use super::claims::{
    ClientClaims, ClientPermissions, ServerClaims, ServerPermissions, StandardClaims,
};
use super::keys::{PublicKey, Seed};
use super::token::{CLIENT_PURPOSE, SERVER_PURPOSE};
use super::{chain, ksuid, token};
use crate::statement::SignError;

/// The issuer that Choria's own tool names.
const ISSUER_NAME: &str = "Choria Tokens Package";

/// Who makes tokens: an organisation's issuer, or a chain issuer that it vouches for.
#[derive(Clone, Debug)]
pub struct Issuer {
    seed: Seed,
    chain: Option<Chain>,
}

/// What a chain issuer puts into the tokens that it makes.
#[derive(Clone, Debug)]
struct Chain {
    id: String,
    trust_chain_signature: String,
    expires_at: i64,
}

/// A user's token to be made.
#[derive(Clone, Debug)]
pub struct ClientToken<'a> {
    /// The caller id of the user's requests.
    pub caller_id: &'a str,
    /// What the user may do: `agent.action`, `agent.*` or `*`.
    pub agents: &'a [&'a str],
    /// Organisation; Choria's default is `choria`.
    pub organisation: &'a str,
    /// Rights beyond `agents`.
    pub permissions: ClientPermissions,
    /// The user's key.
    pub public_key: PublicKey,
    /// From now on.
    pub validity: Duration,
}

/// A node's token to be made.
#[derive(Clone, Debug)]
pub struct ServerToken<'a> {
    /// The node's identity.
    pub identity: &'a str,
    /// The collectives that it may be in.
    pub collectives: &'a [&'a str],
    /// Organisation; Choria's default is `choria`.
    pub organisation: &'a str,
    /// Rights.
    pub permissions: ServerPermissions,
    /// The node's key.
    pub public_key: PublicKey,
    /// From now on.
    pub validity: Duration,
}

/// Why no token was made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
    /// A chain issuer cannot appoint others.
    #[error("a chain issuer cannot make chain issuers")]
    Chained,
    /// The system gave no randomness.
    #[error(transparent)]
    Random(#[from] SignError),
}

impl Issuer {
    /// An organisation's issuer.
    #[must_use]
    pub fn new(seed: Seed) -> Self {
        Self { seed, chain: None }
    }

    /// The key by which this issuer's own signatures are verified.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        self.seed.public()
    }

    /// Makes a user's token.
    ///
    /// # Errors
    /// [`IssueError::Random`].
    pub fn client(&self, token: &ClientToken<'_>, now: UnixTime) -> Result<String, IssueError> {
        let standard = self.standard(CLIENT_PURPOSE, token.public_key, token.validity, now)?;
        Ok(self.sign(&client_claims(token, standard)))
    }

    /// Makes a node's token.
    ///
    /// # Errors
    /// [`IssueError::Random`].
    pub fn server(&self, token: &ServerToken<'_>, now: UnixTime) -> Result<String, IssueError> {
        let standard = self.standard(SERVER_PURPOSE, token.public_key, token.validity, now)?;
        Ok(self.sign(&ServerClaims {
            identity: token.identity.to_owned(),
            collectives: owned(token.collectives),
            permissions: Some(token.permissions.clone()),
            organisation: token.organisation.to_owned(),
            pub_subjects: Vec::new(),
            standard,
        }))
    }

    /// Appoints the holder of `seed` to make tokens in the organisation's name; gives its own
    /// token, and the issuer that it is. `token.public_key` is replaced by that of `seed`.
    ///
    /// # Errors
    /// [`IssueError`].
    pub fn chain_issuer(
        &self,
        token: &ClientToken<'_>,
        seed: Seed,
        now: UnixTime,
    ) -> Result<(String, Self), IssueError> {
        if self.chain.is_some() {
            return Err(IssueError::Chained);
        }
        let mut standard = self.standard(CLIENT_PURPOSE, seed.public(), token.validity, now)?;
        let vouched = chain::chain_issuer_data(&standard.id, &standard.public_key);
        standard.trust_chain_signature = HEXLOWER.encode(&self.seed.sign(vouched.as_bytes()));
        standard.issuer = format!("{}{}", chain::ORGANISATION_PREFIX, self.public());
        let chain = Chain {
            id: standard.id.clone(),
            trust_chain_signature: standard.trust_chain_signature.clone(),
            expires_at: standard.expires_at.unwrap_or_default(),
        };
        let text = self.sign(&client_claims(token, standard));
        Ok((text, Self { seed, chain: Some(chain) }))
    }

    fn standard(
        &self,
        purpose: &str,
        public_key: PublicKey,
        validity: Duration,
        now: UnixTime,
    ) -> Result<StandardClaims, SignError> {
        let seconds = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX);
        let issued_at = seconds(now.as_secs());
        let mut claims = StandardClaims {
            purpose: purpose.to_owned(),
            public_key: public_key.to_string(),
            issuer: ISSUER_NAME.to_owned(),
            expires_at: Some(issued_at.saturating_add(seconds(validity.as_secs()))),
            not_before: Some(issued_at),
            issued_at: Some(issued_at),
            id: ksuid::generate(now.as_secs())?,
            ..StandardClaims::default()
        };
        if let Some(chain) = &self.chain {
            self.add_chain(chain, &mut claims);
        }
        Ok(claims)
    }

    fn add_chain(&self, chain: &Chain, claims: &mut StandardClaims) {
        let vouched = &chain.trust_chain_signature;
        let own = self.seed.sign(chain::chain_issuer_data(&claims.id, vouched).as_bytes());
        claims.trust_chain_signature = format!("{vouched}.{}", HEXLOWER.encode(&own));
        claims.issuer = format!("{}{}.{}", chain::CHAIN_PREFIX, chain.id, self.public());
        claims.issuer_expires_at = Some(chain.expires_at);
        claims.expires_at = claims.expires_at.map(|own| own.min(chain.expires_at));
    }

    fn sign(&self, claims: &impl Serialize) -> String {
        let json = serde_json::to_vec(claims).expect("claims have text keys only");
        token::sign(&json, &self.seed)
    }
}

fn client_claims(token: &ClientToken<'_>, standard: StandardClaims) -> ClientClaims {
    ClientClaims {
        callerid: token.caller_id.to_owned(),
        agents: owned(token.agents),
        organisation: token.organisation.to_owned(),
        permissions: Some(token.permissions.clone()),
        standard,
        ..ClientClaims::default()
    }
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
