//! How it stands with certificates from Vault.

use std::time::Duration;

use rustls::pki_types::UnixTime;

use super::error::VaultError;

/// How it stands with certificates from Vault. Times are since 1970-01-01 UTC.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Enrolment {
    /// Certificates that came in this life of the process.
    pub renewals: u64,
    /// When the last of them came.
    pub last: Option<Duration>,
    /// When the next is asked for.
    pub next: Option<Duration>,
    /// Attempts that failed since one succeeded.
    pub failures: u32,
    /// What the latest of them met; `None`: nothing is wrong.
    pub trouble: Option<Trouble>,
}

/// Why there is no new certificate, or why the log-in could not be kept alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// [`VaultError::kind`].
    pub kind: &'static str,
    /// What happened, and what to do.
    pub text: String,
    /// When this kind of trouble began.
    pub since: Duration,
    /// What was tried.
    attempt: Attempt,
}

/// What is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    /// To get a certificate.
    Enrol,
    /// To keep the log-in alive.
    Keep,
}

impl Enrolment {
    pub(super) fn enrolled(&mut self) {
        self.renewals += 1;
        self.last = Some(now());
        self.failures = 0;
        self.trouble = None;
    }

    /// That the log-in lives says nothing of certificates that are refused.
    pub(super) fn kept(&mut self) {
        if self.trouble.as_ref().is_some_and(|trouble| trouble.attempt == Attempt::Keep) {
            self.failures = 0;
            self.trouble = None;
        }
    }

    /// Whether it is another kind of failure than the last.
    pub(super) fn failed(&mut self, attempt: Attempt, error: &VaultError) -> bool {
        self.failures = self.failures.saturating_add(1);
        let before = self.trouble.as_ref().filter(|trouble| trouble.kind == error.kind());
        let since = before.map(|trouble| trouble.since);
        // A certificate that is refused outweighs a log-in that ends.
        let refused = self.trouble.as_ref().is_some_and(|one| one.attempt == Attempt::Enrol);
        if attempt == Attempt::Enrol || !refused {
            let (kind, text) = (error.kind(), error.told());
            self.trouble = Some(Trouble { kind, text, since: since.unwrap_or_else(now), attempt });
        }
        since.is_none()
    }

    pub(super) fn next_in(&mut self, wait: Duration) {
        self.next = Some(now() + wait);
    }
}

fn now() -> Duration {
    Duration::from_secs(UnixTime::now().as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed() -> VaultError {
        VaultError::Sealed { address: "https://vault:8200".to_owned() }
    }

    fn denied() -> VaultError {
        let (address, path) = ("https://vault:8200".to_owned(), "pki/sign/gw".to_owned());
        VaultError::Denied { address, path }
    }

    #[test]
    fn a_kind_of_failure_is_news_once() {
        let mut state = Enrolment::default();
        let mut news = |error| state.failed(Attempt::Enrol, &error);
        assert_eq!([sealed(), sealed(), denied()].map(&mut news), [true, false, true]);
        assert_eq!(state.failures, 3);
        state.enrolled();
        assert_eq!((state.failures, state.trouble), (0, None));
    }

    #[test]
    fn a_log_in_that_lives_does_not_hide_a_certificate_that_is_refused() {
        let mut state = Enrolment::default();
        state.failed(Attempt::Enrol, &denied());
        state.failed(Attempt::Keep, &sealed());
        state.kept();
        assert_eq!(state.trouble.as_ref().map(|one| one.kind), Some("denied"));
        let mut state = Enrolment::default();
        state.failed(Attempt::Keep, &sealed());
        state.kept();
        assert_eq!(state.trouble, None);
    }
}
