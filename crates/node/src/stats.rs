//! What a node counts: Choria's own numbers, and one number per refusal.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use crate::refusal::Refusal;

/// Counters of one node; they only grow.
#[derive(Debug, Default)]
pub struct Stats {
    total: AtomicU64,
    valid: AtomicU64,
    passed: AtomicU64,
    replies: AtomicU64,
    events: AtomicU64,
    last_message: AtomicU64,
    refused: [AtomicU64; Refusal::ALL.len()],
}

/// The counters as Choria's status file writes them (spec: go-choria `statistics/instance.go`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Messages received.
    pub total: u64,
    /// Requests that passed every check.
    pub valid: u64,
    /// Requests that failed a check other than the filter and the time.
    pub invalid: u64,
    /// Requests whose filter matched.
    pub passed: u64,
    /// Requests whose filter did not match.
    pub filtered: u64,
    /// Replies published.
    pub replies: u64,
    /// Requests too old or too far in the future.
    pub ttlexpired: u64,
    /// Lifecycle events published.
    pub events: u64,
}

impl Stats {
    /// A message came in at `unix_seconds`.
    pub fn received(&self, unix_seconds: u64) {
        add(&self.total);
        self.last_message.store(unix_seconds, Ordering::Relaxed);
    }

    /// A request passed every check.
    pub fn accepted(&self) {
        add(&self.passed);
        add(&self.valid);
    }

    /// A request will not be answered.
    pub fn refused(&self, refusal: Refusal) {
        if matches!(refusal, Refusal::Collective | Refusal::Expired) {
            add(&self.passed);
        }
        if let Some(counter) = self.refused.get(refusal.index()) {
            add(counter);
        }
    }

    /// A reply was handed to the broker connection.
    pub fn replied(&self) {
        add(&self.replies);
    }

    /// A lifecycle event was handed to the broker connection.
    pub fn event_published(&self) {
        add(&self.events);
    }

    /// When the last message came in, in seconds since 1970; 0 if none did.
    pub fn last_message(&self) -> u64 {
        self.last_message.load(Ordering::Relaxed)
    }

    /// How often this refusal happened.
    pub fn refusals(&self, refusal: Refusal) -> u64 {
        self.refused.get(refusal.index()).map_or(0, |counter| counter.load(Ordering::Relaxed))
    }

    /// All numbers at about one moment.
    pub fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            total: read(&self.total),
            valid: read(&self.valid),
            invalid: INVALID.into_iter().map(|refusal| self.refusals(refusal)).sum(),
            passed: read(&self.passed),
            filtered: self.refusals(Refusal::Filtered),
            replies: read(&self.replies),
            ttlexpired: self.refusals(Refusal::Expired),
            events: read(&self.events),
        }
    }
}

/// The refusals that Choria counts as `invalid` (`unvalidated` in `daemon_stats`).
const INVALID: [Refusal; 9] = [
    Refusal::Transport,
    Refusal::Version,
    Refusal::ReplyTo,
    Refusal::Request,
    Refusal::Schema,
    Refusal::Caller,
    Refusal::Credentials,
    Refusal::Signature,
    Refusal::Collective,
];

fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_for_another_collective_passed_the_filter_and_is_invalid() {
        let stats = Stats::default();
        stats.received(7);
        stats.refused(Refusal::Collective);
        let counts = stats.counts();
        assert_eq!((counts.total, counts.passed, counts.invalid, counts.valid), (1, 1, 1, 0));
        assert_eq!(stats.last_message(), 7);
    }

    #[test]
    fn an_expired_request_is_counted_apart() {
        let stats = Stats::default();
        stats.refused(Refusal::Expired);
        assert_eq!((stats.counts().ttlexpired, stats.counts().invalid), (1, 0));
    }
}
