//! Keeping a certificate from Vault fresh for as long as a process runs.

use std::fmt;
use std::time::Duration;

use rustls::pki_types::UnixTime;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::config::{Subject, VaultConfig};
use super::enroller::Enroller;
use super::error::VaultError;
use super::schedule::{backoff, renewal_due, renewal_due_of};
use super::state::{Attempt, Enrolment};
use crate::certificate::Leaf;
use crate::credentials::{CredentialFiles, Credentials};
use crate::error::IdentityError;

/// What a new certificate must fulfil beyond being valid.
type Check = Box<dyn Fn(&Credentials) -> Result<(), IdentityError> + Send + Sync>;

/// Has certificates made and the log-in kept alive. Whatever fails, the files stay as they were, and
/// it is tried again after a pause that grows to a minute.
pub struct Keeper {
    enroller: Enroller,
    subject: Subject,
    files: CredentialFiles,
    check: Check,
    state: watch::Sender<Enrolment>,
    enrol_at: Instant,
    /// Not before this is the log-in kept alive: the pause after a failure.
    keep_at: Instant,
}

impl Keeper {
    /// Reads whom to trust; asks nobody yet.
    ///
    /// # Errors
    /// [`VaultError::Trust`].
    pub fn new(
        config: VaultConfig,
        files: CredentialFiles,
        check: impl Fn(&Credentials) -> Result<(), IdentityError> + Send + Sync + 'static,
    ) -> Result<Self, VaultError> {
        let now = Instant::now();
        Ok(Self {
            subject: config.subject.clone(),
            enroller: Enroller::new(config)?,
            files,
            check: Box::new(check),
            state: watch::Sender::new(Enrolment::default()),
            enrol_at: now,
            keep_at: now,
        })
    }

    /// How it stands; a new value after each attempt.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Enrolment> {
        self.state.subscribe()
    }

    /// Waits until the files hold what can be used: at once if they do, else as long as it takes to
    /// have it made. Safe to cancel.
    ///
    /// Where the secret id is wrapped, [`run`](Self::run) asks for a new certificate at once all the
    /// same: what wraps it ends long before a certificate does, and that it is spent must not show
    /// only then.
    pub async fn first(&mut self) {
        if let Some(wait) = wait(&self.files, &self.subject, &self.check) {
            let wait = if self.enroller.unwraps() { Duration::ZERO } else { wait };
            self.enrol_at = Instant::now() + wait;
            self.state.send_modify(|state| state.next_in(wait));
            return;
        }
        while !self.enrol().await {
            sleep_until(self.enrol_at).await;
        }
    }

    /// Goes on for ever. Safe to cancel.
    pub async fn run(mut self) {
        loop {
            let keep_at = self.enroller.keep_due().map(|due| due.max(self.keep_at));
            match keep_at {
                Some(keep_at) if keep_at < self.enrol_at => {
                    sleep_until(keep_at).await;
                    self.keep().await;
                }
                Some(_) | None => {
                    sleep_until(self.enrol_at).await;
                    self.enrol().await;
                }
            }
        }
    }

    async fn enrol(&mut self) -> bool {
        let outcome = self.enroller.enrol(&self.files, &self.check).await;
        let good = outcome.is_ok();
        let wait = match outcome {
            Ok(credentials) => {
                let lasts = left(&credentials);
                tracing::info!(?lasts, "Vault signed a certificate");
                self.state.send_modify(Enrolment::enrolled);
                renewal_due(lasts)
            }
            Err(error) => self.failed(Attempt::Enrol, &error),
        };
        self.enrol_at = Instant::now() + wait;
        self.state.send_modify(|state| state.next_in(wait));
        good
    }

    async fn keep(&mut self) {
        match self.enroller.keep().await {
            Ok(()) => self.state.send_modify(Enrolment::kept),
            Err(error) => self.keep_at = Instant::now() + self.failed(Attempt::Keep, &error),
        }
    }

    /// Tells it, loudly when it is news; returns how long to wait.
    fn failed(&self, attempt: Attempt, error: &VaultError) -> Duration {
        let mut news = false;
        self.state.send_modify(|state| news = state.failed(attempt, error));
        let (kind, reason) = (error.kind(), error.told());
        if news {
            tracing::warn!(kind, reason, "no certificate from Vault, the old one stays in use");
        } else {
            tracing::debug!(kind, reason, "still no certificate from Vault");
        }
        backoff(self.state.borrow().failures)
    }
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper").field("subject", &self.subject).finish_non_exhaustive()
    }
}

/// Whether a certificate should be asked for now: what the files hold cannot be used, does not say
/// what it should, or has less than a third of its life left.
#[must_use]
pub fn is_due(files: &CredentialFiles, subject: &Subject) -> bool {
    wait(files, subject, &|_| Ok(())).is_none_or(|wait| wait.is_zero())
}

/// How long what the files hold need not be renewed; `None`: it cannot be used.
fn wait(
    files: &CredentialFiles,
    subject: &Subject,
    check: &dyn Fn(&Credentials) -> Result<(), IdentityError>,
) -> Option<Duration> {
    let credentials = files.load().ok()?;
    check(&credentials).ok()?;
    let leaf = credentials.leaf();
    let life = between(leaf.validity.not_before, leaf.validity.not_after);
    let wait = renewal_due_of(left(&credentials), life);
    Some(if names(leaf, subject) { wait } else { Duration::ZERO })
}

/// Whether a certificate says all that it should.
fn names(leaf: &Leaf, subject: &Subject) -> bool {
    let has = |found: &[String], wanted: &[String]| wanted.iter().all(|name| found.contains(name));
    has(&leaf.uris, &subject.uris)
        && has(&leaf.dns_names, &subject.dns_names)
        && subject.common_name.as_ref().is_none_or(|name| leaf.common_names.contains(name))
}

fn left(credentials: &Credentials) -> Duration {
    between(UnixTime::now(), credentials.not_after())
}

fn between(from: UnixTime, to: UnixTime) -> Duration {
    Duration::from_secs(to.as_secs().saturating_sub(from.as_secs()))
}
