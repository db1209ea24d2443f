//! The CAs of callers, read again when their file changes, as Choria's nodes do.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use antiphon_identity::v1::{CallerLists, Verifier};
use antiphon_identity::{TrustBundle, TrustError};
use tracing::{info, warn};

use super::causes;
use crate::inventory::{Stamp, stamp};

/// Whose certificates are believed in protocol v1.
#[derive(Debug)]
pub struct Callers {
    ca: PathBuf,
    lists: CallerLists,
    current: Mutex<(Stamp, Arc<Verifier>)>,
}

impl Callers {
    /// Believes the certificates in the PEM file `ca`, for the names on `lists`.
    ///
    /// # Errors
    /// A file that cannot be read, or holds no CA.
    pub fn load(ca: &Path, lists: CallerLists) -> Result<Self, TrustError> {
        let seen = stamp(ca);
        let verifier = verifier(ca, &lists)?;
        Ok(Self { ca: ca.to_owned(), lists, current: Mutex::new((seen, verifier)) })
    }

    /// What the file says. Looks at its time, and reads it if that changed: this may block. A file that cannot be
    /// used is logged, and what it said before holds.
    pub(super) fn verifier(&self) -> Arc<Verifier> {
        let now = stamp(&self.ca);
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let (seen, known) = &mut *current;
        if *seen != now {
            *seen = now;
            let ca = self.ca.display();
            match verifier(&self.ca, &self.lists) {
                Ok(changed) => {
                    info!(%ca, "the CAs of callers changed");
                    *known = changed;
                }
                Err(error) => {
                    warn!(%ca, error = causes(&error), "the CAs of callers cannot be read")
                }
            }
        }
        known.clone()
    }
}

fn verifier(ca: &Path, lists: &CallerLists) -> Result<Arc<Verifier>, TrustError> {
    let trust = Arc::new(TrustBundle::from_file(ca)?);
    Ok(Arc::new(Verifier::new(trust, lists.clone())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};

    fn write_ca(path: &Path) {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        // Padding changes the length, in case the clock of the file system stands still.
        let padding = "\n".repeat(std::fs::metadata(path).map_or(0, |_| 100));
        std::fs::write(path, ca.pem() + &padding).unwrap();
    }

    #[test]
    fn a_changed_file_is_read_and_a_broken_one_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        write_ca(&path);
        let callers = Callers::load(&path, CallerLists::default()).unwrap();
        let first = callers.verifier();
        assert!(Arc::ptr_eq(&first, &callers.verifier()), "nothing changed");
        write_ca(&path);
        let second = callers.verifier();
        assert!(!Arc::ptr_eq(&first, &second));
        std::fs::write(&path, "nothing").unwrap();
        assert!(Arc::ptr_eq(&second, &callers.verifier()));
    }
}
