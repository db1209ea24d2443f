//! Signing requests: with the caller's own key, or by an AAA service.

mod error;
mod remote;

use std::path::Path;

use antiphon_identity::Credentials;
use antiphon_identity::v1::SigningKey;
use antiphon_identity::v2::{Claims, Seed, Token};
use antiphon_wire::{CallerId, NewSecureRequest, Version};
use bytes::Bytes;

pub use error::{SignError, SignerError};
use remote::Remote;

use crate::config::{Config, Security};

/// Turns requests into secure requests of one caller.
pub struct Signer {
    caller: CallerId,
    key: Key,
    remote: Option<Remote>,
}

enum Key {
    /// Protocol v1. The key is absent where an AAA service signs.
    X509 { key: Option<Box<SigningKey>>, pubcert: String },
    /// Protocol v2.
    Jwt { seed: Seed, token: String },
}

impl Signer {
    /// Reads the caller's keys.
    ///
    /// # Errors
    /// A file that is missing or unusable, a key that is another certificate's, or a certificate or token that is
    /// another caller's.
    pub fn new(config: &Config) -> Result<Self, SignerError> {
        let (caller, key) = match &config.security {
            Security::V1 { certificate, key, ca, name } => match &config.remote_signer {
                Some(remote) => {
                    (read_token(&remote.token)?.0, Key::X509 { key: None, pubcert: String::new() })
                }
                None => own_x509(certificate, key, ca, name.as_deref())?,
            },
            Security::V2 { token, seed } => own_jwt(token, seed)?,
        };
        let remote = config.remote_signer.as_ref().map(|remote| Remote::new(remote, config));
        Ok(Self { caller, key, remote: remote.transpose()? })
    }

    /// Who calls.
    pub fn caller(&self) -> &CallerId {
        &self.caller
    }

    /// The protocol that the caller speaks.
    pub fn version(&self) -> Version {
        match self.key {
            Key::X509 { .. } => Version::V1,
            Key::Jwt { .. } => Version::V2,
        }
    }

    /// Signs the JSON of a request: the JSON of its secure request.
    ///
    /// # Errors
    /// A key that fails, or an AAA service that refuses or cannot be reached.
    pub async fn secure(&self, request: &[u8]) -> Result<Bytes, SignError> {
        if let Some(remote) = &self.remote {
            let own_token = match &self.key {
                Key::Jwt { token, .. } => Some(token.as_str()),
                Key::X509 { .. } => None,
            };
            return remote.sign(request, own_token).await;
        }
        let secure = match &self.key {
            Key::X509 { key, pubcert } => {
                let key = key.as_ref().expect("without an AAA service the key is read");
                let signature =
                    key.sign(request).map_err(|error| SignError::Key(error.to_string()))?;
                NewSecureRequest::X509 { request, signature: &signature, pubcert }.encode()
            }
            Key::Jwt { seed, token } => {
                let signature = seed.sign(request);
                NewSecureRequest::Jwt {
                    request,
                    signature: &signature,
                    caller: token,
                    signer: None,
                }
                .encode()
            }
        };
        secure.map_err(|error| SignError::Key(error.to_string()))
    }
}

fn own_x509(
    certificate: &Path,
    key: &Path,
    ca: &Path,
    name: Option<&str>,
) -> Result<(CallerId, Key), SignerError> {
    let credentials = Credentials::from_files(certificate, key, ca)?;
    let leaf = credentials.leaf();
    let mut names: Vec<_> = leaf.common_names.iter().chain(&leaf.dns_names).cloned().collect();
    names.dedup();
    let wanted = name.or(names.first().map(String::as_str)).unwrap_or_default();
    if !names.iter().any(|name| name == wanted) {
        return Err(SignerError::WrongName {
            path: certificate.to_owned(),
            wanted: wanted.to_owned(),
            presented: names.join(", "),
        });
    }
    let caller = caller_id(&format!("choria={wanted}"), certificate)?;
    let pubcert = read(certificate)?;
    let key = SigningKey::from_file(key)?;
    Ok((caller, Key::X509 { key: Some(Box::new(key)), pubcert }))
}

fn own_jwt(token: &Path, seed: &Path) -> Result<(CallerId, Key), SignerError> {
    let (caller, text, public_key) = read_token(token)?;
    let key = Seed::from_file(seed)?;
    if key.public().to_string() != public_key {
        let (token, seed) = (token.to_owned(), seed.to_owned());
        return Err(SignerError::SeedMismatch { token, seed });
    }
    Ok((caller, Key::Jwt { seed: key, token: text }))
}

/// A caller's token: who it is, the text, and the public key in hexadecimal.
fn read_token(path: &Path) -> Result<(CallerId, String, String), SignerError> {
    let text = read(path)?.trim().to_owned();
    let token = Token::parse(&text)
        .map_err(|source| SignerError::Token { path: path.to_owned(), source })?;
    let Claims::Client(claims) = token.unverified() else {
        return Err(SignerError::NotAClient { path: path.to_owned() });
    };
    let caller = caller_id(&claims.callerid, path)?;
    Ok((caller, text, claims.standard.public_key.to_lowercase()))
}

fn caller_id(text: &str, path: &Path) -> Result<CallerId, SignerError> {
    CallerId::try_from(text)
        .map_err(|source| SignerError::CallerId { path: path.to_owned(), source })
}

fn read(path: &Path) -> Result<String, SignerError> {
    std::fs::read_to_string(path)
        .map_err(|source| SignerError::Read { path: path.to_owned(), source })
}
