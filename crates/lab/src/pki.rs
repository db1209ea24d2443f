//! A certificate authority of its own, and certificates with RSA 2048 keys for everyone in the lab.
//!
//! Protocol v1 signs requests with the key of the caller's certificate, and Choria expects RSA
//! there. `ring` signs with RSA keys but cannot make them, so the `rsa` crate does: about a tenth of
//! a second each on one processor, hence [`Pki::issue`] takes a whole list and works on it in
//! parallel.

mod error;
mod key;
mod profile;
mod tokens;

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

pub use error::PkiError;
pub use profile::Profile;
pub use tokens::{ORGANISATION, ServerCredentials, Tokens, UserCredentials};

/// How long certificates and tokens are good: a year, far beyond the life of any lab, so that no
/// warning of an early expiry shows up unasked.
pub(crate) const VALIDITY: Duration = Duration::from_secs(365 * 24 * 3600);

/// How far certificates reach into the past, for clocks that differ.
const BACKDATE: Duration = Duration::from_secs(3600);

/// A certificate authority with its key, in a folder.
pub struct Pki {
    folder: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

/// The PEM files of one end of a TLS connection; absolute paths if the folder's is.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct TlsFiles {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its key: PKCS #8, readable by its owner only.
    pub key: PathBuf,
    /// The authority's certificate.
    pub ca: PathBuf,
}

impl Pki {
    /// Makes an authority: `ca.pem` and `ca-key.pem` in `folder`, which is created if it is missing.
    ///
    /// # Errors
    /// A file cannot be written, or the system gives no randomness.
    pub fn create(folder: &Path) -> Result<Self, PkiError> {
        fs::create_dir_all(folder).map_err(|source| PkiError::write(folder, source))?;
        let key = key::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Antiphon lab CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::CrlSign,
        ];
        set_validity(&mut params, BACKDATE, VALIDITY);
        let named = |source| PkiError::Certificate { name: "ca".to_owned(), source };
        let certificate = params.self_signed(&key).map_err(named)?;
        write_secret(&folder.join("ca-key.pem"), &key.serialize_pem())?;
        write(&folder.join("ca.pem"), &certificate.pem())?;
        Ok(Self { folder: folder.to_owned(), issuer: Issuer::new(params, key) })
    }

    /// The authority's certificate, PEM.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// The authority's key, PEM. Whoever holds it can name anybody.
    #[must_use]
    pub fn ca_key(&self) -> PathBuf {
        self.folder.join("ca-key.pem")
    }

    /// Where the files of the certificate `name` are, or would be.
    #[must_use]
    pub fn files(&self, name: &str) -> TlsFiles {
        TlsFiles {
            certificate: self.folder.join(format!("{name}.pem")),
            key: self.folder.join(format!("{name}-key.pem")),
            ca: self.ca(),
        }
    }

    /// Makes a certificate, each with a key of its own, for every profile: `NAME.pem` and
    /// `NAME-key.pem`. All processors take part; `done` is told after each how many are finished.
    ///
    /// # Errors
    /// The first failure; what was written until then stays.
    pub fn issue(
        &self,
        profiles: &[Profile],
        done: &(dyn Fn(usize) + Sync),
    ) -> Result<(), PkiError> {
        let workers = thread::available_parallelism().map_or(1, usize::from).min(profiles.len());
        let (next, finished) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let work = || {
            while let Some(profile) = profiles.get(next.fetch_add(1, Ordering::Relaxed)) {
                self.issue_one(profile)?;
                done(finished.fetch_add(1, Ordering::Relaxed) + 1);
            }
            Ok(())
        };
        thread::scope(|scope| {
            let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
            let results =
                workers.into_iter().map(|worker| worker.join().expect("no worker panics"));
            results.collect::<Vec<_>>().into_iter().collect()
        })
    }

    fn issue_one(&self, profile: &Profile) -> Result<(), PkiError> {
        let named = |source| PkiError::Certificate { name: profile.name().to_owned(), source };
        let key = key::generate()?;
        let mut params = profile.params().map_err(named)?;
        let (age, left) = (profile.age.unwrap_or(BACKDATE), profile.life.unwrap_or(VALIDITY));
        set_validity(&mut params, age, left);
        let certificate = params.signed_by(&key, &self.issuer).map_err(named)?;
        let files = self.files(profile.name());
        write_secret(&files.key, &key.serialize_pem())?;
        write(&files.certificate, &certificate.pem())
    }
}

fn set_validity(params: &mut CertificateParams, age: Duration, left: Duration) {
    let now =
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("the clock is past 1970");
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + now.saturating_sub(age);
    params.not_after = epoch + now + left;
}

fn write(path: &Path, text: &str) -> Result<(), PkiError> {
    fs::write(path, text).map_err(|source| PkiError::write(path, source))
}

/// Writes a file that nobody but its owner can read at any moment.
fn write_secret(path: &Path, text: &str) -> Result<(), PkiError> {
    let replace = || {
        if path.exists() {
            fs::remove_file(path)?;
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(text.as_bytes())
    };
    replace().map_err(|source| PkiError::write(path, source))
}

#[cfg(test)]
mod tests;
