//! Texts that must not be printed, and that may change while we run.

use std::{fmt, path::PathBuf};

use super::AuthError;

/// The largest secret file that is read, in bytes; a token of an organisation has a few thousand.
const SECRET_BYTES_MAX: u64 = 256 * 1024;

/// A password, token, seed or credentials text. Prints as its file's name or `[redacted]`.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// The text itself.
    Text(String),
    /// A file with the text; read again at every attempt to connect, so that it may be renewed.
    File(PathBuf),
}

impl Secret {
    /// The text, without white space around it.
    ///
    /// # Errors
    /// An unreadable, oversized or empty file.
    pub(super) fn read(&self) -> Result<String, AuthError> {
        let path = match self {
            Self::Text(text) => return Ok(text.trim().to_owned()),
            Self::File(path) => path,
        };
        let unreadable = |source| AuthError::Unreadable { path: path.clone(), source };
        let size = std::fs::metadata(path).map_err(unreadable)?.len();
        if size > SECRET_BYTES_MAX {
            return Err(self.invalid("is larger than 256 KiB"));
        }
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        match text.trim() {
            "" => Err(self.invalid("is empty")),
            text => Ok(text.to_owned()),
        }
    }

    pub(super) fn invalid(&self, reason: &'static str) -> AuthError {
        let place = match self {
            Self::Text(_) => "the configured secret".to_owned(),
            Self::File(path) => path.display().to_string(),
        };
        AuthError::Invalid { place, reason }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("[redacted]"),
            Self::File(path) => write!(f, "file {}", path.display()),
        }
    }
}
