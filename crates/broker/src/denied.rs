//! Subscriptions that the server denies.

use std::collections::BTreeSet;

use crate::port::SubscriptionId;

/// Ticks between two attempts. A server says when it denies, not when it would not any more.
const TICKS: u32 = 15;

/// Those that are denied, which are asked for again and again. Bound: what the shell has subscribed.
#[derive(Debug, Default)]
pub(crate) struct Denied {
    now: BTreeSet<SubscriptionId>,
    /// Asked for again; the answer has not come.
    asked: BTreeSet<SubscriptionId>,
    ticks: u32,
}

impl Denied {
    /// Notes one; false if that was known.
    pub(crate) fn insert(&mut self, id: SubscriptionId) -> bool {
        let known = self.asked.remove(&id);
        self.now.insert(id) && !known
    }

    /// Another connection took over, with the same subscriptions: what was not answered is asked for there.
    pub(crate) fn on_move(&mut self) {
        self.now.append(&mut self.asked);
    }

    /// What to ask for again, when it is time.
    pub(crate) fn on_tick(&mut self) -> BTreeSet<SubscriptionId> {
        if self.now.is_empty() || !self.asked.is_empty() {
            return BTreeSet::new();
        }
        self.ticks += 1;
        if self.ticks < TICKS {
            return BTreeSet::new();
        }
        self.ticks = 0;
        self.asked = std::mem::take(&mut self.now);
        self.asked.clone()
    }

    /// The server has answered: those that it did not deny again.
    pub(crate) fn on_answer(&mut self) -> BTreeSet<SubscriptionId> {
        std::mem::take(&mut self.asked)
    }
}
