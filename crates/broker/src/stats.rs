//! What a connection has done since it started, for metrics.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of one adapter; they only grow and outlive reconnects.
#[derive(Debug, Default)]
pub struct Stats {
    pub(crate) received: Counter,
    pub(crate) received_bytes: Counter,
    pub(crate) published: Counter,
    pub(crate) published_bytes: Counter,
    pub(crate) connects: Counter,
    pub(crate) holds: Counter,
    pub(crate) lagged: Counter,
    pub(crate) handovers: Counter,
}

impl Stats {
    /// Messages handed to the shell.
    pub fn received(&self) -> u64 {
        self.received.value()
    }

    /// Their headers and payloads, in bytes.
    pub fn received_bytes(&self) -> u64 {
        self.received_bytes.value()
    }

    /// Messages written towards a server.
    pub fn published(&self) -> u64 {
        self.published.value()
    }

    /// Their headers and payloads, in bytes.
    pub fn published_bytes(&self) -> u64 {
        self.published_bytes.value()
    }

    /// Connections that stood.
    pub fn connects(&self) -> u64 {
        self.connects.value()
    }

    /// How often reading stopped because the shell held too much or took too little.
    pub fn holds(&self) -> u64 {
        self.holds.value()
    }

    /// How often [`crate::BrokerEvent::Lagged`] was told.
    pub fn lagged(&self) -> u64 {
        self.lagged.value()
    }

    /// Connections that were replaced by another without loss, for renewed certificates.
    #[must_use]
    pub fn handovers(&self) -> u64 {
        self.handovers.value()
    }
}

#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
