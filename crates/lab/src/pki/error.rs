//! Why the lab's keys and certificates could not be made.

use std::io;
use std::path::{Path, PathBuf};

/// Why a key, certificate or token could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PkiError {
    /// A file or folder cannot be written.
    #[error("{} cannot be written", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// No RSA key came out.
    #[error("an RSA key could not be made: {0}")]
    Key(String),
    /// A certificate could not be made.
    #[error("the certificate {name} could not be made")]
    Certificate {
        /// The profile's name.
        name: String,
        /// What was wrong with it.
        #[source]
        source: rcgen::Error,
    },
    /// A token could not be made.
    #[error("the token {name} could not be made")]
    Token {
        /// Whose.
        name: String,
        /// What went wrong.
        #[source]
        source: antiphon_identity::v2::IssueError,
    },
    /// A seed could not be made.
    #[error("an Ed25519 seed could not be made")]
    Seed(#[from] antiphon_identity::SignError),
}

impl PkiError {
    pub(super) fn write(path: &Path, source: io::Error) -> Self {
        Self::Write { path: path.to_owned(), source }
    }
}
