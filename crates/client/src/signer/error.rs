//! What can go wrong with keys and signatures.

use std::path::PathBuf;

use antiphon_identity::v2::TokenError;
use antiphon_identity::{CredentialsError, TrustError, v1, v2};
use antiphon_wire::IdError;

/// Why a caller's keys cannot be used. Every message names the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignerError {
    /// Certificate, key or CAs.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The CAs alone.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The RSA key.
    #[error(transparent)]
    Key(#[from] v1::KeyError),
    /// The seed.
    #[error(transparent)]
    Seed(#[from] v2::KeyError),
    /// A file is missing or unreadable.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The certificate is another caller's: nodes would refuse every request.
    #[error(
        "certificate {} is of {presented}, not of {wanted:?} (set MCOLLECTIVE_CERTNAME)",
        path.display()
    )]
    WrongName {
        /// The certificate.
        path: PathBuf,
        /// Who we say we are.
        wanted: String,
        /// The names in the certificate.
        presented: String,
    },
    /// No caller can have this name.
    #[error("the caller id of {}", path.display())]
    CallerId {
        /// The certificate or token.
        path: PathBuf,
        /// What is wrong with the name.
        source: IdError,
    },
    /// The token cannot be read.
    #[error("token {}", path.display())]
    Token {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: TokenError,
    },
    /// The token is a node's, or for something else.
    #[error("token {} is not a client's", path.display())]
    NotAClient {
        /// The file.
        path: PathBuf,
    },
    /// The seed is another token's.
    #[error("seed {} does not belong to token {}", seed.display(), token.display())]
    SeedMismatch {
        /// The seed's file.
        seed: PathBuf,
        /// The token's file.
        token: PathBuf,
    },
    /// The AAA service's address.
    #[error("request signer {url:?}: {detail}")]
    RemoteUrl {
        /// The address.
        url: String,
        /// What is wrong with it.
        detail: String,
    },
}

/// Why a request could not be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The key failed.
    #[error("cannot sign the request: {0}")]
    Key(String),
    /// The AAA service cannot be reached, or its answer makes no sense.
    #[error("request signer {url}: {detail}")]
    Unreachable {
        /// Where it should be.
        url: String,
        /// What happened.
        detail: String,
    },
    /// The AAA service will not sign this request.
    #[error("request signer {url} refused: {detail}")]
    Refused {
        /// Where it is.
        url: String,
        /// What it said.
        detail: String,
    },
}
