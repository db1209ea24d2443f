//! The seam at which a machine is put into the world.

use std::{fmt::Debug, time::Duration};

use antiphon_core::{Action, Config, Event, Gateway, LinkId, Now, Snapshot};

/// What the world drives: the gateway machine, or in a test something around it that misbehaves.
pub trait Machine: Debug {
    /// See [`Gateway::handle`].
    fn handle(&mut self, event: Event, now: Now) -> Vec<Action>;
    /// See [`Gateway::next_deadline`].
    fn next_deadline(&self) -> Option<Duration>;
    /// See [`Gateway::snapshot`].
    fn snapshot(&self, now: Now) -> Snapshot;
    /// The machine that can be asked what it would do and what it remembers, where it is one that
    /// runs in a daemon.
    fn gateway(&self) -> Option<&Gateway> {
        None
    }
    /// See [`Gateway::round_trip`]; without it no pings are folded.
    fn round_trip(&self, _link: LinkId) -> Option<Duration> {
        None
    }
}

/// Makes a machine out of its configuration and seed.
pub type Make = fn(Config, u64, Now) -> Box<dyn Machine>;

/// The machine that the daemon runs.
#[must_use]
pub fn gateway(config: Config, seed: u64, now: Now) -> Box<dyn Machine> {
    Box::new(Gateway::new(config, seed, now))
}

impl Machine for Gateway {
    fn handle(&mut self, event: Event, now: Now) -> Vec<Action> {
        Self::handle(self, event, now)
    }

    fn next_deadline(&self) -> Option<Duration> {
        Self::next_deadline(self)
    }

    fn snapshot(&self, now: Now) -> Snapshot {
        Self::snapshot(self, now)
    }

    fn gateway(&self) -> Option<&Gateway> {
        Some(self)
    }

    fn round_trip(&self, link: LinkId) -> Option<Duration> {
        Self::round_trip(self, link)
    }
}
