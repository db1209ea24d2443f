//! The security of Choria's protocol v1: requests signed with an RSA key and sent with the
//! certificate (`choria:secure:request:1`).
//!
//! What go-choria's `file` security provider does (`providers/security/filesec/`,
//! `protocol/v1/secure_request.go`).

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use ring::rand::SystemRandom;
use ring::rsa::KeyPair;
use ring::signature::RSA_PKCS1_SHA256;
use rustls::pki_types::PrivateKeyDer;

use crate::pem;
use crate::statement::SignError;
pub use lists::{CallerLists, PatternError};
pub use verifier::{Caller, Refusal, SecureRequest, Verifier};

mod lists;
mod verifier;

/// An RSA key of 2048 to 4096 bits that signs requests: smaller ones are refused by `ring`, larger
/// ones it does not sign with.
pub struct SigningKey(KeyPair);

/// Why a key cannot sign requests.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The file is missing or unreadable.
    #[error("key file {}: cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The text holds no private key.
    #[error("key file {}: {detail}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// Protocol v1 knows RSA only.
    #[error("key file {}: not an RSA key, which protocol v1 requires", path.display())]
    NotRsa {
        /// The file.
        path: PathBuf,
    },
    /// The key is damaged, or too small or large.
    #[error("key file {}: unusable RSA key ({detail})", path.display())]
    Rejected {
        /// The file.
        path: PathBuf,
        /// What the crypto library said.
        detail: String,
    },
}

impl SigningKey {
    /// Reads a PEM file with a key in PKCS#1 or PKCS#8.
    ///
    /// # Errors
    /// [`KeyError`], naming the file.
    pub fn from_file(path: &Path) -> Result<Self, KeyError> {
        let text =
            fs::read(path).map_err(|source| KeyError::Read { path: path.to_owned(), source })?;
        Self::from_pem(&text, path)
    }

    /// Takes the key out of PEM text; `path` is only for error messages.
    ///
    /// # Errors
    /// [`KeyError`]; never [`KeyError::Read`].
    pub fn from_pem(text: &[u8], path: &Path) -> Result<Self, KeyError> {
        let path = || path.to_owned();
        let key = pem::private_key(text)
            .map_err(|error| KeyError::Pem { path: path(), detail: error.to_string() })?;
        let pair = match &key {
            PrivateKeyDer::Pkcs1(der) => KeyPair::from_der(der.secret_pkcs1_der()),
            PrivateKeyDer::Pkcs8(der) => KeyPair::from_pkcs8(der.secret_pkcs8_der()),
            PrivateKeyDer::Sec1(_) | _ => return Err(KeyError::NotRsa { path: path() }),
        };
        pair.map(Self).map_err(|error| match error.to_string() {
            detail if detail == "WrongAlgorithm" => KeyError::NotRsa { path: path() },
            detail => KeyError::Rejected { path: path(), detail },
        })
    }

    /// Signs the bytes of a request's JSON: RSASSA-PKCS1-v1_5 with SHA-256. The same bytes always
    /// give the same signature, as long as the key's modulus.
    ///
    /// # Errors
    /// [`SignError`] if the key fails its own check while signing.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let mut signature = vec![0; self.0.public().modulus_len()];
        self.0
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .map_err(|error| SignError { detail: error.to_string() })?;
        Ok(signature)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey([redacted])")
    }
}
