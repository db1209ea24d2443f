//! Processes: what a machine runs in. They are started, killed, paused and given wrong clocks.

use std::{collections::VecDeque, time::Duration};

use antiphon_core::{Config, Event, Now, policy::Policy};

use crate::{broker::ConnectionId, machine::Machine, world::Quiet};

/// Wall clock when a world begins: 2026-11-24 00:00 UTC.
pub const BEGIN: Duration = Duration::from_secs(1_795_478_400);

/// One life of a process; events that are meant for an earlier one are lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Life(pub(crate) u64);

/// How far a clock is off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skew {
    /// It shows a later time.
    Ahead(Duration),
    /// It shows an earlier time.
    Behind(Duration),
}

/// A place where a gateway runs, now and then.
#[derive(Debug)]
pub(crate) struct Process {
    /// Its host name: where others dial it.
    pub(crate) name: String,
    pub(crate) config: Config,
    /// What its policy file says; without one nothing is applied.
    pub(crate) policy: Option<Policy>,
    pub(crate) machine: Option<Box<dyn Machine>>,
    pub(crate) life: Life,
    pub(crate) started: Duration,
    pub(crate) skew: Skew,
    /// Stopped by a signal: events wait in its sockets.
    pub(crate) paused: Option<VecDeque<Event>>,
    /// The earliest wake-up on the agenda.
    pub(crate) due: Option<Duration>,
    pub(crate) connection: Option<ConnectionId>,
    /// When what went last to its broker, and what comes from it, arrives: nothing overtakes that.
    pub(crate) to_broker: Duration,
    pub(crate) from_broker: Duration,
    /// When the latest messages of its broker arrive, and how many of them are still to come.
    pub(crate) expected: (Duration, u32),
    /// It accepts connections and never says hello.
    pub(crate) mute: bool,
    /// How long it waits for its processor at the most, where its machine is busy.
    pub(crate) busy: Option<Duration>,
    /// Its certificate has ended.
    pub(crate) expired: bool,
    /// It has no file descriptor left.
    pub(crate) full: bool,
    /// Wake-ups at one and the same moment, to notice one that never rests.
    pub(crate) ticks: (Duration, u32),
    /// Signs of life that it is told of when it next handles anything. Bound: those of one period of
    /// pings on each link.
    pub(crate) quiet: Vec<Quiet>,
}

impl Process {
    pub(crate) fn new(name: String, config: Config) -> Self {
        Self {
            name,
            config,
            policy: None,
            machine: None,
            life: Life(0),
            started: Duration::ZERO,
            skew: Skew::Ahead(Duration::ZERO),
            paused: None,
            due: None,
            connection: None,
            to_broker: Duration::ZERO,
            from_broker: Duration::ZERO,
            expected: (Duration::ZERO, 0),
            mute: false,
            busy: None,
            expired: false,
            full: false,
            ticks: (Duration::ZERO, 0),
            quiet: Vec::new(),
        }
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.machine.is_some()
    }

    /// A message of its broker will arrive then.
    pub(crate) fn expect_message(&mut self, at: Duration) {
        let (latest, count) = self.expected;
        self.expected = if latest == at { (at, count + 1) } else { (at, 1) };
    }

    /// A message has arrived; whether more arrive at the same moment.
    pub(crate) fn on_message(&mut self, now: Duration) -> bool {
        let (latest, count) = &mut self.expected;
        if *latest != now {
            return false;
        }
        *count = count.saturating_sub(1);
        *count > 0
    }

    /// Answers whoever connects: one that waits for its processor does so a little later.
    pub(crate) fn answers(&self) -> bool {
        self.is_alive() && (self.paused.is_none() || self.busy.is_some()) && !self.mute
    }

    /// Both clocks as this process reads them.
    pub(crate) fn clocks(&self, now: Duration) -> Now {
        let truth = BEGIN + now;
        let unix = match self.skew {
            Skew::Ahead(by) => truth + by,
            Skew::Behind(by) => truth.saturating_sub(by),
        };
        Now { mono: now.saturating_sub(self.started), unix }
    }
}
