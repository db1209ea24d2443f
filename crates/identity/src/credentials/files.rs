//! The files that credentials are read from.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustls::pki_types::UnixTime;

use super::{Credentials, CredentialsError};

/// The permission bits by which others read or write a file.
const OTHERS: u32 = 0o006;

/// Files that make one end of TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialFiles {
    /// Our certificate, and what leads from it to a root; PEM.
    pub certificate: PathBuf,
    /// Its key; PEM. May be the same file.
    pub key: PathBuf,
    /// Whom we trust, one or more certificates; PEM.
    pub ca: PathBuf,
    /// Certificates that their CAs have taken back: CRLs, PEM or DER.
    pub crl: Vec<PathBuf>,
    /// Who may be able to read the key.
    pub key_access: KeyAccess,
}

/// Who may be able to read a key's file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyAccess {
    /// Its owner and group, as Kubernetes mounts secrets.
    #[default]
    OwnerAndGroup,
    /// Everybody on the machine.
    Anyone,
}

impl CredentialFiles {
    /// Without CRLs, the key for owner and group only.
    #[must_use]
    pub fn new(certificate: PathBuf, key: PathBuf, ca: PathBuf) -> Self {
        Self { certificate, key, ca, crl: Vec::new(), key_access: KeyAccess::default() }
    }

    /// Reads them; they must be valid by the system's clock.
    ///
    /// # Errors
    /// [`CredentialsError`], naming the file.
    pub fn load(&self) -> Result<Credentials, CredentialsError> {
        Credentials::load(self, UnixTime::now())
    }

    /// All of them.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        let crl = self.crl.iter().map(PathBuf::as_path);
        [&*self.certificate, &*self.key, &*self.ca].into_iter().chain(crl)
    }
}

impl KeyAccess {
    /// Checks the permissions of a key's file; one that is missing is another's to report.
    pub(super) fn check(self, key: &Path) -> Result<(), CredentialsError> {
        let Ok(metadata) = fs::metadata(key) else { return Ok(()) };
        let mode = metadata.permissions().mode() & 0o777;
        if self == Self::OwnerAndGroup && mode & OTHERS != 0 {
            return Err(CredentialsError::KeyExposed { path: key.to_owned(), mode });
        }
        Ok(())
    }
}
