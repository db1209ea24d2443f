//! Renewed certificates: the files are watched, and what they hold is in use from the next
//! handshake on.

mod watch;

use std::{fmt, sync::Arc, time::Duration};

use antiphon_identity::{Credentials, CredentialsError, IdentityError, Names};
use tokio::{
    sync::{mpsc, watch as latest},
    time::{Instant, Interval, MissedTickBehavior, interval, sleep},
};

use self::watch::Watch;
use crate::{
    certificates::{OwnCertificates, Use},
    config::{Tls, with_sources},
    enrolment::names_us,
    link::LinkTls,
};

/// How often the files are read whatever the system tells of them: some file systems notify nobody.
/// They are a few KiB, so that this costs microseconds.
pub(crate) const PERIOD: Duration = Duration::from_secs(10);
/// Between word of a change and reading: certificate and key are two files, and written one after
/// the other.
const SETTLE: Duration = Duration::from_millis(50);
/// Between looks at files that are new and cannot be used.
const RETRY: Duration = Duration::from_secs(1);
/// How long new files may be unusable before that is told: whoever writes them may be slow.
const PATIENCE: Duration = Duration::from_secs(2);

/// Digests of certificate, key, CA and lists of revoked certificates; `None` for a file that cannot
/// be read.
type Contents = Vec<Option<[u8; 32]>>;

/// Credentials that files gave, and what the files held then.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) credentials: Credentials,
    contents: Contents,
}

/// What renewed credentials must fulfil beyond being valid.
type Check = Box<dyn Fn(&Credentials) -> Result<(), IdentityError> + Send + Sync>;

/// The files of one identity, watched.
pub(crate) struct Files {
    of: Use,
    tls: Tls,
    check: Check,
    own: OwnCertificates,
    watch: Watch,
    /// What they held when last used.
    used: Contents,
    /// Since when the files are new and cannot be used.
    unusable: Option<Instant>,
    /// Why what the files hold is not in use, as told; `None`: it is.
    refused: Option<String>,
    round: Interval,
}

/// Brings renewed credentials of the links where they are used.
pub(crate) struct Renewal {
    pub(crate) files: Files,
    pub(crate) names: Arc<Names>,
    pub(crate) links: latest::Sender<LinkTls>,
    pub(crate) shell: mpsc::Sender<Credentials>,
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Files")
            .field("of", &self.of)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

impl Found {
    /// Reads the files.
    ///
    /// # Errors
    /// Why they cannot be used.
    pub(crate) fn load(tls: &Tls) -> Result<Self, CredentialsError> {
        // First: of files that are replaced meanwhile, what is new is found later.
        let contents = contents(tls);
        Ok(Self { credentials: tls.load()?, contents })
    }
}

impl Files {
    /// Watches from now on. `found` is what the files gave, and is in use. Must be called in a runtime.
    pub(crate) fn new(
        (of, tls): (Use, Tls),
        found: &Found,
        own: OwnCertificates,
        check: Check,
    ) -> Self {
        let mut round = interval(PERIOD);
        round.set_missed_tick_behavior(MissedTickBehavior::Delay);
        own.used(of, &tls, &found.credentials);
        let watch = Watch::new(tls.paths().map(Into::into).collect());
        let used = found.contents.clone();
        Self { of, tls, check, own, watch, used, unusable: None, refused: None, round }
    }

    /// Waits for renewed credentials that can be used; others are told of and passed over. Safe to
    /// cancel: what is missed is found at the next look.
    pub(crate) async fn renewed(&mut self) -> Credentials {
        loop {
            self.next_look().await;
            let contents = contents(&self.tls);
            if contents == self.used {
                self.accept();
                continue;
            }
            match self.load() {
                Ok(credentials) => {
                    self.used = contents;
                    self.accept();
                    self.own.used(self.of, &self.tls, &credentials);
                    return credentials;
                }
                Err(reason) => self.refuse(reason),
            }
        }
    }

    async fn next_look(&mut self) {
        tokio::select! {
            () = self.watch.stirred() => sleep(SETTLE).await,
            _ = self.round.tick() => {}
            () = sleep(RETRY), if self.unusable.is_some() => {}
        }
    }

    /// What the files hold is in use, new or as before.
    fn accept(&mut self) {
        self.unusable = None;
        if self.refused.take().is_some() {
            tracing::info!(file = %self.tls.certificate.display(), "the certificate is usable again");
            self.own.refused(self.of, None);
        }
    }

    /// What the files hold cannot be used: what is in use stays.
    fn refuse(&mut self, reason: String) {
        let since = *self.unusable.get_or_insert_with(Instant::now);
        if since.elapsed() < PATIENCE || self.refused.as_ref() == Some(&reason) {
            return;
        }
        let of = self.of.as_str();
        tracing::error!(of, reason, "a renewed certificate is not used; the old one stays");
        self.own.refused(self.of, Some(reason.clone()));
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
        Box::new(move |credentials| names_us(credentials, &names, &region, &gateway))
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
