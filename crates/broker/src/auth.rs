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

#[cfg(test)]
mod tests {
    use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

    use super::*;

    fn text(text: &str) -> Secret {
        Secret::Text(text.to_owned())
    }

    #[test]
    fn a_choria_login_gives_the_token_twice_and_signs_the_nonce() {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[0xab; 32]).unwrap();
        let auth = Auth::Choria { token: text("a.b.c\n"), seed: text(&"ab".repeat(32)) };
        let login = auth.load().unwrap();
        assert_eq!(
            (login.jwt.as_deref(), login.auth_token.as_deref()),
            (Some("a.b.c"), Some("a.b.c"))
        );
        let signature =
            BASE64URL_NOPAD.decode(login.sign(Some("nonce")).unwrap().as_bytes()).unwrap();
        let public = UnparsedPublicKey::new(&ED25519, pair.public_key().as_ref().to_vec());
        public.verify(b"nonce", &signature).unwrap();
        assert_eq!(login.sign(None), None, "a server without nonce asks for no proof");
    }

    #[test]
    fn an_error_names_the_file_and_not_what_it_holds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seed");
        let auth = Auth::Nkey { seed: Secret::File(path.clone()) };
        let error = auth.check().unwrap_err().to_string();
        assert_eq!(error, format!("cannot read {}", path.display()));
        std::fs::write(&path, "topsecret").unwrap();
        let error = auth.check().unwrap_err().to_string();
        assert_eq!(error, format!("{} holds a seed that is not base32", path.display()));
        std::fs::write(&path, "\n").unwrap();
        assert_eq!(auth.check().unwrap_err().to_string(), format!("{} is empty", path.display()));
    }

    #[test]
    fn secrets_are_not_printed() {
        let auth = Auth::Password { user: "gw".to_owned(), password: text("topsecret") };
        let printed = format!("{auth:?} {:?}", auth.load().unwrap());
        assert!(printed.contains("gw") && !printed.contains("topsecret"), "{printed}");
    }
}
