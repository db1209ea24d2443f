//! Renewed certificates: the files are watched, and what they hold is in use from the next
//! handshake on.

use std::{sync::Arc, time::Duration};

use antiphon_identity::{Credentials, IdentityError, Names};
use tokio::{
    sync::{mpsc, watch},
    time::{Interval, MissedTickBehavior, interval},
};

use crate::{
    config::{Tls, with_sources},
    link::LinkTls,
};

/// How often the files are looked at. Kubernetes, Puppet and cert-manager replace them in different
/// ways (links, renames, in place), and some file systems notify nobody; reading them finds every one.
/// They are a few KiB, so that this costs microseconds.
pub(crate) const PERIOD: Duration = Duration::from_secs(2);
/// Looks for which new files may be unusable before that is told: certificate and key are two files,
/// and the other may follow.
const PATIENCE: u32 = 2;

/// Digests of certificate, key, CA and lists of revoked certificates; `None` for a file that cannot
/// be read.
type Contents = Vec<Option<[u8; 32]>>;

/// What renewed credentials must fulfil beyond being valid.
type Check = Box<dyn Fn(&Credentials) -> Result<(), IdentityError> + Send>;

/// The files of one identity, watched.
pub(crate) struct Files {
    tls: Tls,
    check: Check,
    /// What they held when last used.
    used: Contents,
    /// Looks in a row at files that are new and cannot be used.
    unusable: u32,
    /// Why what the files hold is not in use, as told; `None`: it is.
    refused: Option<String>,
    round: Interval,
}

/// Brings renewed credentials of the links where they are used.
pub(crate) struct Renewal {
    pub(crate) files: Files,
    pub(crate) names: Arc<Names>,
    pub(crate) links: watch::Sender<LinkTls>,
    pub(crate) shell: mpsc::Sender<Credentials>,
}

impl Files {
    /// Watches from now on; what the files hold now counts as known.
    pub(crate) fn new(tls: Tls, check: Check) -> Self {
        let mut round = interval(PERIOD);
        round.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { used: contents(&tls), tls, check, unusable: 0, refused: None, round }
    }

    /// Waits for renewed credentials that can be used; others are told of and passed over. Safe to
    /// cancel.
    pub(crate) async fn renewed(&mut self) -> Credentials {
        loop {
            self.round.tick().await;
            let contents = contents(&self.tls);
            if contents == self.used {
                self.accept();
                continue;
            }
            match self.load() {
                Ok(credentials) => {
                    self.used = contents;
                    self.accept();
                    return credentials;
                }
                Err(reason) => self.refuse(reason),
            }
        }
    }

    /// What the files hold is in use, new or as before.
    fn accept(&mut self) {
        self.unusable = 0;
        if self.refused.take().is_some() {
            tracing::info!(file = %self.tls.certificate.display(), "the certificate is usable again");
        }
    }

    /// What the files hold cannot be used: what is in use stays.
    fn refuse(&mut self, reason: String) {
        self.unusable = self.unusable.saturating_add(1);
        if self.unusable < PATIENCE || self.refused.as_ref() == Some(&reason) {
            return;
        }
        tracing::error!(reason, "a renewed certificate is not used; the old one stays");
        self.refused = Some(reason);
    }

    fn load(&self) -> Result<Credentials, String> {
        let certificate = &self.tls.certificate;
        let credentials = self.tls.load().map_err(|error| with_sources(&error))?;
        (self.check)(&credentials)
            .map_err(|error| format!("{}: {}", certificate.display(), with_sources(&error)))?;
        Ok(credentials)
    }
}

impl Renewal {
    /// A check that region and gateway stay the same.
    pub(crate) fn same_identity(names: &Arc<Names>, region: String, gateway: String) -> Check {
        let names = Arc::clone(names);
        Box::new(move |credentials| {
            let identity = names.identify_leaf(credentials.leaf())?;
            identity.require_region(&region)?;
            identity.require_gateway(&gateway)
        })
    }

    /// Goes on until the shell is gone.
    pub(crate) async fn run(mut self) {
        loop {
            let credentials = self.files.renewed().await;
            self.links.send_replace(LinkTls::new(&credentials, &self.names));
            if self.shell.send(credentials).await.is_err() {
                return;
            }
        }
    }
}

/// The files are small, and read every few seconds.
fn contents(tls: &Tls) -> Contents {
    let digest = |path| {
        let bytes = std::fs::read(path).ok()?;
        let digest = ring::digest::digest(&ring::digest::SHA256, &bytes);
        digest.as_ref().try_into().ok()
    };
    tls.paths().map(digest).collect()
}

#[cfg(test)]
mod tests;
