//! A certificate with its key, and the CAs that its holder believes.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::sign::CertifiedKey;

use crate::certificate::{Fingerprint, Leaf};
use crate::date::Date;
use crate::error::IdentityError;
use crate::pem;
use crate::statement::Signer;
use crate::trust::{Purpose, TrustBundle, TrustError};
use crate::validity::Validity;
pub use files::{CredentialFiles, KeyAccess};

mod files;

/// What a process shows to others and judges them by: its certificate chain, the key of the first
/// certificate, and a bundle of CAs. Cheap to clone.
///
/// A value never changes; renewed files are read into a new one, from which new TLS configurations
/// and signers are made.
#[derive(Clone)]
pub struct Credentials {
    certified: Arc<CertifiedKey>,
    leaf: Leaf,
    trust: Arc<TrustBundle>,
}

/// Why credentials cannot be used. Every message names the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// A file is missing or unreadable.
    #[error("{what} file {}: cannot be read", path.display())]
    Read {
        /// `certificate` or `key`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A file holds nothing of its kind.
    #[error("{what} file {}: {detail}", path.display())]
    Pem {
        /// `certificate` or `key`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// The first certificate cannot be read.
    #[error("certificate file {}", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: IdentityError,
    },
    /// The key is of a kind or size that is not supported.
    #[error(
        "key file {}: neither RSA of 2048 to 4096 bits nor ECDSA P-256 or P-384 nor Ed25519",
        path.display()
    )]
    UnsupportedKey {
        /// The file.
        path: PathBuf,
    },
    /// The key is another certificate's.
    #[error("key file {} does not belong to certificate file {}", key.display(), certificate.display())]
    KeyMismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// Everybody on the machine may read the key.
    #[error("key file {}: others may read or write it (mode {mode:03o}); chmod o= it", path.display())]
    KeyExposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The certificate has ended.
    #[error("certificate file {}: expired at {not_after}", path.display())]
    Expired {
        /// The file.
        path: PathBuf,
        /// Its last second.
        not_after: Date,
    },
    /// The certificate has not begun.
    #[error("certificate file {}: not valid before {not_before}", path.display())]
    NotYetValid {
        /// The file.
        path: PathBuf,
        /// Its first second.
        not_before: Date,
    },
    /// The bundle of CAs cannot be used.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

impl Credentials {
    /// Reads PEM files: the chain (the holder's certificate first), its key (PKCS#1, PKCS#8 or
    /// SEC1) and the bundle of CAs. They must be valid by the system's clock.
    ///
    /// Whether the certificate chains to the bundle is not asked: during a rollover our own CA may
    /// be one that only others know.
    ///
    /// # Errors
    /// [`CredentialsError`], naming the file.
    pub fn from_files(certificate: &Path, key: &Path, ca: &Path) -> Result<Self, CredentialsError> {
        Self::from_files_at(certificate, key, ca, UnixTime::now())
    }

    /// As [`from_files`](Self::from_files), for a moment of the caller's choice.
    ///
    /// # Errors
    /// [`CredentialsError`], naming the file.
    pub fn from_files_at(
        certificate: &Path,
        key: &Path,
        ca: &Path,
        now: UnixTime,
    ) -> Result<Self, CredentialsError> {
        let files = CredentialFiles::new(certificate.into(), key.into(), ca.into());
        Self::load(&CredentialFiles { key_access: KeyAccess::Anyone, ..files }, now)
    }

    /// As [`from_files`](Self::from_files), with everything that such files may ask for, for a moment
    /// of the caller's choice.
    ///
    /// # Errors
    /// [`CredentialsError`], naming the file.
    pub fn load(files: &CredentialFiles, now: UnixTime) -> Result<Self, CredentialsError> {
        let CredentialFiles { certificate, key, ca, crl, key_access } = files;
        let chain = read_chain(certificate)?;
        let leaf = read_leaf(&chain, certificate, now)?;
        key_access.check(key)?;
        let certified = certified_key(chain, certificate, key)?;
        let trust = TrustBundle::from_file(ca)?.with_revoked(crl)?;
        trust.require_valid(ca, now)?;
        Ok(Self { certified: Arc::new(certified), leaf, trust: Arc::new(trust) })
    }

    /// The holder's certificate, DER.
    #[must_use]
    pub fn certificate(&self) -> &CertificateDer<'static> {
        self.chain().first().expect("a chain is read with at least one certificate")
    }

    /// The holder's certificate and the intermediates presented with it, in order; never empty.
    #[must_use]
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.certified.cert
    }

    /// The names, life and fingerprint of the holder's certificate.
    #[must_use]
    pub fn leaf(&self) -> &Leaf {
        &self.leaf
    }

    /// The last second of the holder's certificate.
    #[must_use]
    pub fn not_after(&self) -> UnixTime {
        self.leaf.validity.not_after
    }

    /// SHA-256 of the holder's certificate.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.leaf.fingerprint
    }

    /// Whether whoever trusts what we trust would believe this certificate for `purpose` at `now`.
    ///
    /// # Errors
    /// [`IdentityError`]: as [`TrustBundle::verify`].
    pub fn verify(&self, now: UnixTime, purpose: Purpose) -> Result<Validity, IdentityError> {
        let intermediates = self.chain().get(1..).unwrap_or_default();
        self.trust.verify(self.certificate(), intermediates, now, purpose)
    }

    /// The CAs by which others are judged.
    #[must_use]
    pub fn trust(&self) -> &Arc<TrustBundle> {
        &self.trust
    }

    /// Signs statements with the certificate's key.
    #[must_use]
    pub fn signer(&self) -> Signer {
        Signer::new(Arc::clone(&self.certified.key))
    }

    pub(crate) fn certified(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.certified)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("leaf", &self.leaf)
            .field("key", &"[redacted]")
            .finish_non_exhaustive()
    }
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, CredentialsError> {
    pem::certificates(&read("certificate", path)?)
        .map_err(|error| pem_error("certificate", path, &error))
}

fn read_leaf(
    chain: &[CertificateDer<'_>],
    path: &Path,
    now: UnixTime,
) -> Result<Leaf, CredentialsError> {
    let path = || path.to_owned();
    let leaf = chain.first().ok_or(IdentityError::NoCertificate).and_then(Leaf::parse);
    let leaf = leaf.map_err(|source| CredentialsError::Certificate { path: path(), source })?;
    if now > leaf.validity.not_after {
        let not_after = Date(leaf.validity.not_after);
        return Err(CredentialsError::Expired { path: path(), not_after });
    }
    if now < leaf.validity.not_before {
        let not_before = Date(leaf.validity.not_before);
        return Err(CredentialsError::NotYetValid { path: path(), not_before });
    }
    Ok(leaf)
}

fn certified_key(
    chain: Vec<CertificateDer<'static>>,
    certificate: &Path,
    key: &Path,
) -> Result<CertifiedKey, CredentialsError> {
    let der =
        pem::private_key(&read("key", key)?).map_err(|error| pem_error("key", key, &error))?;
    let signing = rustls::crypto::ring::sign::any_supported_type(&der)
        .map_err(|_| CredentialsError::UnsupportedKey { path: key.to_owned() })?;
    let certified = CertifiedKey::new(chain, signing);
    certified.keys_match().map_err(|_| CredentialsError::KeyMismatch {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
    })?;
    Ok(certified)
}

fn read(what: &'static str, path: &Path) -> Result<Vec<u8>, CredentialsError> {
    fs::read(path).map_err(|source| CredentialsError::Read { what, path: path.to_owned(), source })
}

fn pem_error(what: &'static str, path: &Path, error: &pem::PemError) -> CredentialsError {
    CredentialsError::Pem { what, path: path.to_owned(), detail: error.to_string() }
}
