//! Renewed certificates: the files are watched, and what they hold is in use from the next
//! handshake on.

use std::{sync::Arc, time::Duration};

use antiphon_identity::{Credentials, IdentityError, Names};
use tokio::{
    sync::{mpsc, watch},
    time::{MissedTickBehavior, interval},
};

use crate::{
    config::{Tls, with_sources},
    link::LinkTls,
};

/// How often the files are looked at. Kubernetes, Puppet and cert-manager replace them in different
/// ways (links, renames, in place); reading them finds every one.
const PERIOD: Duration = Duration::from_secs(10);

/// Digests of certificate, key and CA; `None` for a file that cannot be read.
type Contents = [Option<[u8; 32]>; 3];

/// Watches the files of one identity.
pub(crate) struct Renewal {
    pub(crate) files: Tls,
    pub(crate) names: Arc<Names>,
    /// Region and gateway, which no renewed certificate may change.
    pub(crate) region: String,
    pub(crate) gateway: String,
    pub(crate) links: watch::Sender<LinkTls>,
    pub(crate) shell: mpsc::Sender<Credentials>,
}

impl Renewal {
    /// Watches for ever.
    pub(crate) async fn run(self) {
        let mut seen = self.contents();
        let mut rejected = None;
        let mut round = interval(PERIOD);
        round.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            round.tick().await;
            let contents = self.contents();
            if contents == seen || Some(&contents) == rejected.as_ref() {
                continue;
            }
            match self.load() {
                Ok(credentials) => {
                    seen = contents;
                    self.links.send_replace(LinkTls::new(&credentials, &self.names));
                    if self.shell.send(credentials).await.is_err() {
                        return;
                    }
                }
                // Certificate and key are two files: the other may follow.
                Err(reason) => {
                    tracing::warn!(reason, "a renewed certificate is not used");
                    rejected = Some(contents);
                }
            }
        }
    }

    /// A digest of what each file holds. They are small, and read every few seconds.
    fn contents(&self) -> Contents {
        [&self.files.certificate, &self.files.key, &self.files.ca].map(|path| {
            let bytes = std::fs::read(path).ok()?;
            let digest = ring::digest::digest(&ring::digest::SHA256, &bytes);
            digest.as_ref().try_into().ok()
        })
    }

    fn load(&self) -> Result<Credentials, String> {
        let Tls { certificate, key, ca } = &self.files;
        let credentials =
            Credentials::from_files(certificate, key, ca).map_err(|error| with_sources(&error))?;
        self.check(&credentials)
            .map_err(|error| format!("{}: {}", certificate.display(), with_sources(&error)))?;
        Ok(credentials)
    }

    fn check(&self, credentials: &Credentials) -> Result<(), IdentityError> {
        let identity = self.names.identify_leaf(credentials.leaf())?;
        identity.require_region(&self.region)?;
        identity.require_gateway(&self.gateway)
    }
}

#[cfg(test)]
mod tests;
