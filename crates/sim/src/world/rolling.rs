//! Rolling restarts: gateways are drained and started again, each when the one before is ready.

use std::{collections::VecDeque, time::Duration};

use super::{Happening, Slot, World};

/// Between the end of a process and the beginning of the next one.
const STARTING: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(200));
/// Until whoever restarts them has seen that one is ready.
const SEEING: Duration = Duration::from_millis(50);

/// Where a rolling restart is.
#[derive(Debug, Default)]
pub(super) struct Rolling {
    /// Those that are still to be drained.
    waiting: VecDeque<Slot>,
    /// The one that is on its way out or back.
    current: Option<Slot>,
    grace: Duration,
}

impl World {
    /// Drains gateways and starts them again, one after the other, each when the one before is in its
    /// queue groups.
    pub fn roll(&mut self, slots: &[Slot], grace: Duration) {
        self.rolling.waiting.extend(slots);
        self.rolling.grace = grace;
        if self.rolling.current.is_none() {
            self.roll_on();
        }
    }

    pub(super) fn roll_on(&mut self) {
        self.rolling.current = self.rolling.waiting.pop_front();
        if let Some(slot) = self.rolling.current {
            self.drain(slot, self.rolling.grace);
        }
    }

    /// A gateway has left.
    pub(super) fn roll_back(&mut self, slot: Slot) {
        if self.rolling.current == Some(slot) {
            let after = self.chance.processes.between(STARTING.0, STARTING.1);
            self.after(after, Happening::RollBack { slot });
        }
    }

    /// A gateway says whether it is ready.
    pub(super) fn rolled(&mut self, slot: Slot, ready: bool) {
        if ready && self.rolling.current == Some(slot) {
            self.rolling.current = None;
            let after = self.chance.processes.between(Duration::ZERO, SEEING);
            self.after(after, Happening::RollOn);
        }
    }
}
