//! From security settings to verifiers, shared by nodes with the same settings.

use std::sync::Arc;

use antiphon_identity::v1::{CallerLists, SigningKey};
use antiphon_identity::v2::{self, Claims, Issuers, KeyError, PublicKey, Seed, Token};

use super::StartError;
use crate::config::{NodeConfig, SecurityConfig, V1Config, V2Config};
use crate::registration::RequestSigner;
use crate::reply::ReplySigner;
use crate::security::{Callers, Security};

/// Verifiers made so far.
#[derive(Default)]
pub(super) struct Trust {
    v1: Vec<(V1Config, Arc<Callers>)>,
}

impl Trust {
    /// What the node verifies with, and, in v2, what it proves itself with.
    pub(super) fn security(
        &mut self,
        config: &NodeConfig,
    ) -> Result<(Security, Option<Arc<ReplySigner>>), StartError> {
        let identity = config.identity.as_str();
        match &config.security {
            SecurityConfig::V1(v1) => Ok((Security::V1(self.v1(v1, identity)?), None)),
            SecurityConfig::V2(v2) => {
                let verifier = v2_verifier(v2, identity)?;
                Ok((Security::V2(Arc::new(verifier)), Some(Arc::new(own_token(v2, identity)?))))
            }
        }
    }

    fn v1(&mut self, config: &V1Config, identity: &str) -> Result<Arc<Callers>, StartError> {
        if let Some((_, callers)) = self.v1.iter().find(|(known, _)| known == config) {
            return Ok(callers.clone());
        }
        let identity = || identity.to_owned();
        let lists = CallerLists::new(&config.allow, &config.privileged)
            .map_err(|source| StartError::Pattern { identity: identity(), source })?;
        let callers = Callers::load(&config.ca, lists)
            .map_err(|source| StartError::Trust { identity: identity(), source })?;
        let callers = Arc::new(callers);
        self.v1.push((config.clone(), callers.clone()));
        Ok(callers)
    }
}

/// Reads seed and token, and checks that the token is of this node.
fn own_token(config: &V2Config, identity: &str) -> Result<ReplySigner, StartError> {
    let seed = Seed::from_file(&config.seed).map_err(key_error(identity, "seed"))?;
    let wrong = |detail: String| StartError::Token { identity: identity.to_owned(), detail };
    let text = std::fs::read_to_string(&config.token)
        .map_err(|error| wrong(format!("{}: {error}", config.token.display())))?;
    let token = Token::parse(&text).map_err(|error| wrong(error.to_string()))?;
    let Claims::Server(claims) = token.unverified() else {
        return Err(wrong("is not a node's (choria_server)".to_owned()));
    };
    if claims.identity != identity {
        return Err(wrong(format!("is of {:?}", claims.identity)));
    }
    if token.unverified().public_key().ok() != Some(seed.public()) {
        return Err(wrong("has another public key than the seed".to_owned()));
    }
    Ok(ReplySigner { seed, token: token.as_str().to_owned() })
}

/// What a node that registers signs with.
pub(super) fn request_signer(
    config: &NodeConfig,
    own: Option<&Arc<ReplySigner>>,
) -> Result<Option<RequestSigner>, StartError> {
    if config.registration.is_none() {
        return Ok(None);
    }
    if let Some(own) = own {
        return Ok(Some(RequestSigner::Jwt(own.clone())));
    }
    let files = config.broker.tls.as_ref();
    let Some((certificate, key)) =
        files.and_then(|tls| tls.certificate.as_ref().zip(tls.key.as_ref()))
    else {
        return Ok(Some(RequestSigner::Unsigned));
    };
    let identity = || config.identity.to_string();
    let key = SigningKey::from_file(key)
        .map_err(|source| StartError::SigningKey { identity: identity(), source })?;
    let Ok(pubcert) = std::fs::read_to_string(certificate) else {
        return Ok(Some(RequestSigner::Unsigned));
    };
    Ok(Some(RequestSigner::X509 { key: Box::new(key), pubcert }))
}

fn v2_verifier(config: &V2Config, identity: &str) -> Result<v2::Verifier, StartError> {
    let mut organisations = std::collections::BTreeMap::new();
    for (name, key) in &config.issuers {
        let key =
            PublicKey::from_hex(key).map_err(key_error(identity, &format!("issuers.{name}")))?;
        organisations.insert(name.clone(), key);
    }
    let signers = config.trusted_signers.iter().map(|key| PublicKey::from_hex(key));
    let signers =
        signers.collect::<Result<Vec<_>, _>>().map_err(key_error(identity, "trusted_signers"))?;
    Ok(v2::Verifier::new(Issuers::new(organisations, signers)))
}

fn key_error(identity: &str, key: &str) -> impl Fn(KeyError) -> StartError {
    let (identity, key) = (identity.to_owned(), key.to_owned());
    move |source| StartError::Key { identity: identity.clone(), key: key.clone(), source }
}
