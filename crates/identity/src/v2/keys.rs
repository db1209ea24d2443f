//! Ed25519 keys as Choria stores them: 32 bytes in hex.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use crate::statement::SignError;

/// The seed of an Ed25519 key: the secret part. Prints as `[redacted]`.
#[derive(Clone)]
pub struct Seed([u8; 32]);

/// An Ed25519 public key; prints as 64 lower-case hex characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 32]);

/// Why a text is no seed or public key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The file is missing or unreadable.
    #[error("{what} file {}: cannot be read", path.display())]
    Read {
        /// `seed` or `public key`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The file does not hold 64 hex characters.
    #[error("{what} file {}: not 64 hex characters", path.display())]
    File {
        /// `seed` or `public key`.
        what: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// The text is not 64 hex characters.
    #[error("{what}: not 64 hex characters")]
    Hex {
        /// `seed` or `public key`.
        what: &'static str,
    },
}

impl Seed {
    /// Makes a new key.
    ///
    /// # Errors
    /// [`SignError`] if the system gives no randomness.
    pub fn generate() -> Result<Self, SignError> {
        let mut bytes = [0; 32];
        let filled = SystemRandom::new().fill(&mut bytes);
        filled.map_err(|error| SignError { detail: error.to_string() })?;
        Ok(Self(bytes))
    }

    /// The seed with these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads 64 hex characters of either case.
    ///
    /// # Errors
    /// [`KeyError::Hex`].
    pub fn from_hex(text: &str) -> Result<Self, KeyError> {
        decode(text).map(Self).ok_or(KeyError::Hex { what: "seed" })
    }

    /// Reads a file of 64 hex characters; white space around them is skipped.
    ///
    /// # Errors
    /// [`KeyError`], naming the file.
    pub fn from_file(path: &Path) -> Result<Self, KeyError> {
        read("seed", path).map(Self)
    }

    /// The secret itself as 64 lower-case hex characters, to write it to a seed file.
    #[must_use]
    pub fn reveal_hex(&self) -> String {
        HEXLOWER.encode(&self.0)
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.pair().public_key().as_ref());
        PublicKey(bytes)
    }

    /// Signs bytes: a request's or reply's JSON, a broker's nonce. The same bytes always give the
    /// same signature.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut signature = [0; 64];
        signature.copy_from_slice(self.pair().sign(message).as_ref());
        signature
    }

    fn pair(&self) -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&self.0).expect("32 bytes are a seed")
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed([redacted])")
    }
}

impl PublicKey {
    /// The key with these bytes. Whether they are a point of the curve shows when verifying.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads 64 hex characters of either case.
    ///
    /// # Errors
    /// [`KeyError::Hex`].
    pub fn from_hex(text: &str) -> Result<Self, KeyError> {
        decode(text).map(Self).ok_or(KeyError::Hex { what: "public key" })
    }

    /// Reads a file of 64 hex characters; white space around them is skipped.
    ///
    /// # Errors
    /// [`KeyError`], naming the file.
    pub fn from_file(path: &Path) -> Result<Self, KeyError> {
        read("public key", path).map(Self)
    }

    /// The key.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether the holder of this key signed these bytes. A signature of any length may be given.
    #[must_use]
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0).verify(message, signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn decode(text: &str) -> Option<[u8; 32]> {
    HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()?.try_into().ok()
}

fn read(what: &'static str, path: &Path) -> Result<[u8; 32], KeyError> {
    let path_buf = || path.to_owned();
    let text = fs::read_to_string(path).map_err(|source| KeyError::Read {
        what,
        path: path_buf(),
        source,
    })?;
    decode(text.trim()).ok_or_else(|| KeyError::File { what, path: path_buf() })
}
