//! Our own certificates: what is in use where, shared between whoever watches files and whoever
//! reports.

mod lifetime;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use antiphon_identity::{Credentials, Date};
use serde::{Deserialize, Serialize};

use crate::config::Tls;

pub use lifetime::{Lifetime, Nearness};

/// What a certificate of ours is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Use {
    /// Links.
    Link,
    /// The broker connection.
    Broker,
    /// The broker's monitoring ports.
    Monitor,
    /// The admin port, where it is on TCP.
    Admin,
}

/// A certificate of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnCertificate {
    /// What it is for.
    pub of: Use,
    /// Its file.
    pub file: String,
    /// Its last second, since 1970-01-01 UTC.
    pub not_after: Duration,
    /// The same for people, RFC 3339.
    pub not_after_date: String,
    /// SHA-256 of its DER, hexadecimal.
    pub fingerprint: String,
    /// From its first second to its last.
    pub life: Duration,
    /// How often the files were replaced and what they then held was taken, since the start.
    pub renewals: u64,
    /// Why what the files hold now is not used, naming the file; `None`: it is.
    pub refused: Option<String>,
}

/// All of them: at most one of each [`Use`]. Cheap to clone; clones share.
#[derive(Clone, Debug, Default)]
pub struct OwnCertificates(Arc<Mutex<BTreeMap<Use, OwnCertificate>>>);

impl Use {
    /// As a label: `link`, `broker`, `monitor`, `admin`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Broker => "broker",
            Self::Monitor => "monitor",
            Self::Admin => "admin",
        }
    }
}

impl OwnCertificate {
    /// How long it is good.
    #[must_use]
    pub fn lifetime(&self) -> Lifetime {
        Lifetime { end: self.not_after, life: Some(self.life) }
    }
}

impl OwnCertificates {
    /// All of them, in the order of their uses.
    #[must_use]
    pub fn all(&self) -> Vec<OwnCertificate> {
        self.lock().values().cloned().collect()
    }

    /// From now on this certificate is used.
    pub(crate) fn used(&self, of: Use, files: &Tls, credentials: &Credentials) {
        let mut all = self.lock();
        let renewals = all.get(&of).map_or(0, |known| known.renewals + 1);
        let Lifetime { end, life } = credentials.leaf().validity.into();
        let own = OwnCertificate {
            of,
            file: files.certificate.display().to_string(),
            not_after: end,
            not_after_date: Date(credentials.not_after()).to_string(),
            fingerprint: credentials.fingerprint().to_string(),
            life: life.unwrap_or_default(),
            renewals,
            refused: None,
        };
        all.insert(of, own);
    }

    /// What the files hold is not used; or it is again, for what was wrong with it is gone.
    pub(crate) fn refused(&self, of: Use, reason: Option<String>) {
        if let Some(own) = self.lock().get_mut(&of) {
            own.refused = reason;
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Use, OwnCertificate>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
