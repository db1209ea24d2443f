//! Why Vault gave no certificate.

use std::error::Error as _;
use std::path::PathBuf;

use crate::credentials::CredentialsError;
use crate::error::IdentityError;
use crate::trust::TrustError;

/// Why there is no new certificate. The old one stays in use.
///
/// [`kind`](Self::kind) is stable and meant for metric labels; the message is for people.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// Nobody answers, or it is not the one we trust; worth trying again.
    #[error(
        "Vault at {address} cannot be reached ({detail}): see that it runs, and check address and ca"
    )]
    Unreachable {
        /// Its address.
        address: String,
        /// What happened.
        detail: String,
    },
    /// It is sealed, or was never set up; somebody has to unseal it.
    #[error("Vault at {address} is sealed or not set up: unseal it (vault operator unseal)")]
    Sealed {
        /// Its address.
        address: String,
    },
    /// The log-in was refused: the role id or the secret id is wrong, used up or revoked.
    #[error(
        "Vault at {address} refuses the log-in ({detail}): role id or secret id is wrong, used up or \
         revoked; check role_id and auth_mount, or make a new secret id"
    )]
    LoginRefused {
        /// Its address.
        address: String,
        /// What Vault said.
        detail: String,
    },
    /// The wrapping token was used before, perhaps by somebody else, or is too old.
    #[error(
        "the wrapping token in {} was used before, perhaps by somebody else, or has expired ({detail}): \
         find out by whom, and put a new one there",
        path.display()
    )]
    WrappingSpent {
        /// The file.
        path: PathBuf,
        /// What Vault said.
        detail: String,
    },
    /// We are logged in, and our policy does not permit it.
    #[error(
        "Vault at {address} denies {path}: the AppRole's policy has to permit update on it; check mount \
         and role too"
    )]
    Denied {
        /// Its address.
        address: String,
        /// What was asked for.
        path: String,
    },
    /// There is no such PKI or no such role in it.
    #[error("Vault at {address} has no {path} ({detail}): check mount and role")]
    WrongRole {
        /// Its address.
        address: String,
        /// What was asked for.
        path: String,
        /// What Vault said.
        detail: String,
    },
    /// The role does not sign what we ask for.
    #[error(
        "Vault at {address} does not sign this ({detail}): names, ttl and key type must fit the role"
    )]
    Refused {
        /// Its address.
        address: String,
        /// What Vault said.
        detail: String,
    },
    /// It answered something that we do not understand.
    #[error("Vault at {address} answered in a way that makes no sense: {detail}")]
    Odd {
        /// Its address.
        address: String,
        /// What is odd.
        detail: String,
    },
    /// The secret id cannot be read.
    #[error("secret id file {}: {detail}", path.display())]
    SecretFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// Vault's own CA cannot be read.
    #[error("the CAs that Vault is believed by")]
    Trust(#[from] TrustError),
    /// No key came out.
    #[error("a key could not be made: {detail}")]
    Key {
        /// What happened.
        detail: String,
    },
    /// What was signed is not usable.
    #[error("the certificate that Vault signed is not usable")]
    Unusable(#[from] CredentialsError),
    /// What was signed names somebody else.
    #[error("the certificate that Vault signed does not name us")]
    Misnamed(#[from] IdentityError),
    /// The files cannot be written.
    #[error("{} cannot be written: {detail}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// What the system said.
        detail: String,
    },
}

impl VaultError {
    /// The message and what lies behind it, in one line.
    #[must_use]
    pub fn told(&self) -> String {
        let mut text = self.to_string();
        let mut source = self.source();
        while let Some(error) = source {
            text.push_str(": ");
            text.push_str(&error.to_string());
            source = error.source();
        }
        text
    }

    /// A stable label: lower-case words joined by `-`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "unreachable",
            Self::Sealed { .. } => "sealed",
            Self::LoginRefused { .. } => "login-refused",
            Self::WrappingSpent { .. } => "wrapping-spent",
            Self::Denied { .. } => "denied",
            Self::WrongRole { .. } => "wrong-role",
            Self::Refused { .. } => "refused",
            Self::Odd { .. } => "odd-answer",
            Self::SecretFile { .. } => "secret-file",
            Self::Trust(_) => "trust",
            Self::Key { .. } => "key",
            Self::Unusable(_) => "unusable",
            Self::Misnamed(_) => "misnamed",
            Self::Write { .. } => "write",
        }
    }
}
