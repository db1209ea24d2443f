//! Certificates of broker connections that are renewed on disk: the next connection uses the new ones.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use antiphon_broker::TlsOptions;
use antiphon_identity::{Credentials, TrustBundle, tls};
use rustls::ClientConfig;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::config::TlsFiles;
use crate::connection::Ended;
use crate::security::causes;

/// How often the files are looked at. Certificates are renewed weeks before they end.
const PERIOD: Duration = Duration::from_secs(60);

/// Watches the files of one connection.
pub(super) struct Renewal {
    files: TlsFiles,
    seen: Vec<Option<SystemTime>>,
    config: watch::Sender<Arc<ClientConfig>>,
}

impl Renewal {
    /// Reads the files for the first time.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(super) fn new(files: &TlsFiles) -> Result<(Self, TlsOptions), String> {
        let seen = times(files);
        let (config, latest) = watch::channel(load(files)?);
        Ok((Self { files: files.clone(), seen, config }, TlsOptions::renewed(latest)))
    }

    /// Looks again and again, until `stop`. Files that cannot be used are logged, and the old ones kept.
    pub(super) async fn run(mut self, stop: CancellationToken) -> Ended {
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ended::Asked,
                _ = ticks.tick() => {}
            }
            self = tokio::task::spawn_blocking(move || self.look())
                .await
                .expect("reading certificates does not panic, and is not cancelled");
        }
    }

    fn look(mut self) -> Self {
        let now = times(&self.files);
        if now == self.seen {
            return self;
        }
        let ca = self.files.ca.display();
        match load(&self.files) {
            Ok(config) => {
                info!(%ca, "certificates were renewed");
                self.config.send_replace(config);
                self.seen = now;
            }
            // Certificate and key are seldom written at one moment: the next look may find them in order.
            Err(error) => warn!(%ca, error, "renewed certificates cannot be used yet"),
        }
        self
    }
}

fn times(files: &TlsFiles) -> Vec<Option<SystemTime>> {
    let all = [files.certificate.as_deref(), files.key.as_deref(), Some(files.ca.as_path())];
    let time = |path: &Path| std::fs::metadata(path).and_then(|about| about.modified()).ok();
    all.into_iter().flatten().map(time).collect()
}

fn load(files: &TlsFiles) -> Result<Arc<ClientConfig>, String> {
    let own = match (&files.certificate, &files.key) {
        (Some(certificate), Some(key)) => Some(
            Credentials::from_files(certificate, key, &files.ca).map_err(|error| causes(&error))?,
        ),
        _ => None,
    };
    let trust = TrustBundle::from_file(&files.ca).map_err(|error| causes(&error))?;
    Ok(Arc::new(tls::broker_client_config(&trust, own.as_ref())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair};

    fn issue(folder: &Path) -> TlsFiles {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap().pem();
        let file = |name: &str, text: String| {
            std::fs::write(folder.join(name), text).unwrap();
            folder.join(name)
        };
        TlsFiles {
            certificate: Some(file("own.pem", certificate.clone())),
            key: Some(file("key.pem", key.serialize_pem())),
            ca: file("ca.pem", certificate),
        }
    }

    #[test]
    fn renewed_files_are_used_and_broken_ones_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let files = issue(folder.path());
        let (mut renewal, _options) = Renewal::new(&files).unwrap();
        let latest = renewal.config.subscribe();
        let first = latest.borrow().clone();
        let later = |seconds| SystemTime::now() + Duration::from_secs(seconds);
        let touch = |path: &Path, seconds| {
            let file = std::fs::File::options().write(true).open(path).unwrap();
            file.set_modified(later(seconds)).unwrap();
        };

        std::fs::write(&files.ca, "nothing").unwrap();
        touch(&files.ca, 10);
        renewal = renewal.look();
        assert!(Arc::ptr_eq(&first, &latest.borrow()), "broken files are left alone");

        issue(folder.path());
        touch(&files.ca, 20);
        renewal = renewal.look();
        let second = latest.borrow().clone();
        assert!(!Arc::ptr_eq(&first, &second));
        renewal.look();
        assert!(Arc::ptr_eq(&second, &latest.borrow()), "nothing changed since");
    }
}
