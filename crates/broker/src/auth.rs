//! How we log in to a broker: what CONNECT carries, and the signature over the server's nonce.

mod credentials;
mod keys;
mod secret;

use std::{fmt, path::PathBuf};

use data_encoding::BASE64URL_NOPAD;

use self::keys::SigningKey;

pub use secret::Secret;

/// How we log in. A TLS client certificate is apart from it and may come in addition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    /// Not at all; or the TLS certificate says who we are.
    Anonymous,
    /// A user and a password.
    Password {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
    /// A token.
    Token {
        /// The token.
        token: Secret,
    },
    /// An nkey: the server knows the public key, we sign its nonce.
    Nkey {
        /// The seed, `SU…`.
        seed: Secret,
    },
    /// A NATS `.creds` text: a user JWT and the nkey seed that belongs to it.
    Credentials {
        /// The whole text.
        credentials: Secret,
    },
    /// A Choria v2 token with its ed25519 seed (go-choria `broker/network/choria_auth.go`).
    Choria {
        /// The JWT.
        token: Secret,
        /// The seed, 64 hex digits.
        seed: Secret,
    },
}

/// Why we cannot log in with what is configured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A file or text is not what it should be.
    #[error("{place} {reason}")]
    Invalid {
        /// The file, or "the configured secret".
        place: String,
        /// What is wrong, without the text itself.
        reason: &'static str,
    },
}

impl Auth {
    /// Reads what is configured and checks its form, as each attempt to connect does.
    ///
    /// # Errors
    /// A file that cannot be read, or a secret that is not of its kind.
    pub fn check(&self) -> Result<(), AuthError> {
        self.load().map(drop)
    }

    pub(crate) fn load(&self) -> Result<Login, AuthError> {
        Ok(match self {
            Self::Anonymous => Login::default(),
            Self::Password { user, password } => {
                let (user, pass) = (Some(user.clone()), Some(password.read()?));
                Login { user, pass, ..Login::default() }
            }
            Self::Token { token } => Login { auth_token: Some(token.read()?), ..Login::default() },
            Self::Nkey { seed } => {
                let key = SigningKey::from_nkey(&seed.read()?).map_err(|why| seed.invalid(why))?;
                Login { nkey: Some(key.public_nkey()), key: Some(key), ..Login::default() }
            }
            Self::Credentials { credentials } => load_credentials(credentials)?,
            Self::Choria { token, seed } => {
                let key = SigningKey::from_hex(&seed.read()?).map_err(|why| seed.invalid(why))?;
                let token = token.read()?;
                let (jwt, auth_token) = (Some(token.clone()), Some(token));
                Login { jwt, auth_token, key: Some(key), ..Login::default() }
            }
        })
    }
}

fn load_credentials(credentials: &Secret) -> Result<Login, AuthError> {
    let invalid = |why| credentials.invalid(why);
    let text = credentials.read()?;
    let (jwt, seed) = credentials::split(&text).map_err(invalid)?;
    let key = SigningKey::from_nkey(seed).map_err(invalid)?;
    Ok(Login { jwt: Some(jwt.to_owned()), key: Some(key), ..Login::default() })
}

/// The fields of CONNECT that say who we are, and the key that proves it.
#[derive(Default)]
pub(crate) struct Login {
    pub(crate) user: Option<String>,
    pub(crate) pass: Option<String>,
    pub(crate) auth_token: Option<String>,
    pub(crate) jwt: Option<String>,
    pub(crate) nkey: Option<String>,
    key: Option<SigningKey>,
}

impl Login {
    /// The signature over the server's nonce, unpadded base64url. None if we have no key, or if the server
    /// sent no nonce: it then asks for no proof.
    pub(crate) fn sign(&self, nonce: Option<&str>) -> Option<String> {
        let (key, nonce) = (self.key.as_ref()?, nonce?);
        Some(BASE64URL_NOPAD.encode(&key.sign(nonce.as_bytes())))
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login([redacted])")
    }
}
