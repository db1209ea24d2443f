//! Protocol v2: an organisation's issuer, and the tokens that it makes.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use antiphon_identity::UnixTime;
use antiphon_identity::v2::{
    ClientPermissions, ClientToken, IssueError, Issuer, PublicKey, Seed, ServerPermissions,
    ServerToken,
};

use super::{PkiError, VALIDITY, write, write_secret};

/// The organisation that tokens name; Choria's default.
pub const ORGANISATION: &str = "choria";

/// An organisation's issuer of tokens, in a folder.
pub struct Tokens {
    folder: PathBuf,
    issuer: Issuer,
}

/// A user's token and seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserCredentials {
    /// The token, a JWT.
    pub token: PathBuf,
    /// The seed of the user's key: 64 hex digits.
    pub seed: PathBuf,
}

/// A node's token and seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerCredentials {
    /// The token, a JWT.
    pub token: PathBuf,
    /// The seed of the node's key: 64 hex digits.
    pub seed: PathBuf,
}

impl Tokens {
    /// Makes an issuer: `issuer.seed` and `issuer.public` in `folder`, 64 hex digits each.
    ///
    /// # Errors
    /// A file cannot be written, or the system gives no randomness.
    pub fn create(folder: &Path) -> Result<Self, PkiError> {
        let seed = Seed::generate()?;
        write_secret(&folder.join("issuer.seed"), &seed.reveal_hex())?;
        write(&folder.join("issuer.public"), &seed.public().to_string())?;
        Ok(Self { folder: folder.to_owned(), issuer: Issuer::new(seed) })
    }

    /// The file with the issuer's seed.
    #[must_use]
    pub fn seed(&self) -> PathBuf {
        self.folder.join("issuer.seed")
    }

    /// The file with the issuer's public key.
    #[must_use]
    pub fn public(&self) -> PathBuf {
        self.folder.join("issuer.public")
    }

    /// The issuer's public key.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.issuer.public()
    }

    /// Makes `NAME.jwt` and `NAME.seed` for a user who may call every agent with requests that he
    /// signs himself. The caller id is `up=NAME`.
    ///
    /// # Errors
    /// A file cannot be written, or the system gives no randomness.
    pub fn user(&self, name: &str) -> Result<UserCredentials, PkiError> {
        let caller_id = format!("up={name}");
        let permissions = ClientPermissions { fleet_management: true, ..Default::default() };
        let (token, seed) = self.make(name, |public_key, now| {
            let token = ClientToken {
                caller_id: &caller_id,
                agents: &["*"],
                organisation: ORGANISATION,
                permissions: permissions.clone(),
                public_key,
                validity: VALIDITY,
            };
            self.issuer.client(&token, now)
        })?;
        Ok(UserCredentials { token, seed })
    }

    /// Makes `IDENTITY.jwt` and `IDENTITY.seed` for a node of these collectives.
    ///
    /// # Errors
    /// A file cannot be written, or the system gives no randomness.
    pub fn server(
        &self,
        identity: &str,
        collectives: &[&str],
    ) -> Result<ServerCredentials, PkiError> {
        let (token, seed) = self.make(identity, |public_key, now| {
            let token = ServerToken {
                identity,
                collectives,
                organisation: ORGANISATION,
                permissions: ServerPermissions::default(),
                public_key,
                validity: VALIDITY,
            };
            self.issuer.server(&token, now)
        })?;
        Ok(ServerCredentials { token, seed })
    }

    fn make(
        &self,
        name: &str,
        issue: impl Fn(PublicKey, UnixTime) -> Result<String, IssueError>,
    ) -> Result<(PathBuf, PathBuf), PkiError> {
        let own = Seed::generate()?;
        let text = issue(own.public(), now())
            .map_err(|source| PkiError::Token { name: name.to_owned(), source })?;
        let token = self.folder.join(format!("{name}.jwt"));
        let seed = self.folder.join(format!("{name}.seed"));
        write_secret(&seed, &own.reveal_hex())?;
        write(&token, &text)?;
        Ok((token, seed))
    }
}

fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    UnixTime::since_unix_epoch(since.unwrap_or(Duration::ZERO))
}
