//! Whether this gateway is in its region's queue groups: it takes messages only while it can do
//! something with them.

use std::{collections::BTreeSet, time::Duration};

use crate::id::SubscriptionId;

/// A subscription that the queue-group membership consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) subject: String,
    pub(crate) group: String,
}

/// ```text
///            can work                  cannot / drains
///  Apart ───────────────▶ Joined ───────────────────▶ Leaving
///    ▲                      │ broker lost                │ last UNSUB confirmed,
///    └──────────────────────┴────────────────────────────┘ or broker lost
/// ```
#[derive(Debug, Default)]
pub(crate) enum Membership {
    /// In no group.
    #[default]
    Apart,
    /// In all of them.
    Joined { subscriptions: Vec<SubscriptionId> },
    /// UNSUB is sent; messages still arrive until the broker has confirmed all of them.
    Leaving { pending: BTreeSet<SubscriptionId> },
}

/// What the decision depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    /// Whether the broker connection stands.
    pub(crate) broker: bool,
    /// Whether we are on our way out.
    pub(crate) draining: bool,
    /// Whether adverts have been exchanged with another gateway.
    pub(crate) synchronised: bool,
    /// Time since the broker connection stood.
    pub(crate) waited: Duration,
    /// How long a lone gateway waits.
    pub(crate) join_alone: Duration,
    /// There is a route to no other region.
    pub(crate) cut_off: bool,
    /// A sibling has a route to another region.
    pub(crate) sibling_connected: bool,
}

impl Facts {
    /// Whether this gateway should be in the queue groups.
    pub(crate) fn wants_in(&self, joined: bool) -> bool {
        let ready = joined || self.synchronised || self.waited >= self.join_alone;
        self.broker && !self.draining && ready && !(self.cut_off && self.sibling_connected)
    }
}

impl Membership {
    pub(crate) fn is_joined(&self) -> bool {
        matches!(self, Self::Joined { .. })
    }

    pub(crate) fn is_apart(&self) -> bool {
        matches!(self, Self::Apart)
    }

    /// Begins to leave; the subscriptions to end.
    pub(crate) fn leave(&mut self) -> Vec<SubscriptionId> {
        let Self::Joined { subscriptions } = std::mem::take(self) else { return Vec::new() };
        let pending = subscriptions.iter().copied().collect();
        *self = Self::Leaving { pending };
        subscriptions
    }

    /// A subscription has ended.
    pub(crate) fn on_unsubscribed(&mut self, subscription: SubscriptionId) {
        if let Self::Leaving { pending } = self {
            pending.remove(&subscription);
            if pending.is_empty() {
                *self = Self::Apart;
            }
        }
    }

    /// The broker is gone and all subscriptions with it; those that must not come back.
    pub(crate) fn on_broker_lost(&mut self) -> Vec<SubscriptionId> {
        match std::mem::take(self) {
            Self::Joined { subscriptions } => subscriptions,
            Self::Apart | Self::Leaving { .. } => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Facts = Facts {
        broker: true,
        draining: false,
        synchronised: true,
        waited: Duration::ZERO,
        join_alone: Duration::from_secs(10),
        cut_off: false,
        sibling_connected: false,
    };

    #[test]
    fn a_gateway_joins_when_it_can_work() {
        assert!(GOOD.wants_in(false));
        assert!(!Facts { broker: false, ..GOOD }.wants_in(false));
        assert!(!Facts { draining: true, ..GOOD }.wants_in(true));
    }

    #[test]
    fn a_lone_gateway_joins_after_its_wait() {
        let alone = Facts { synchronised: false, ..GOOD };
        assert!(!alone.wants_in(false));
        assert!(Facts { waited: Duration::from_secs(10), ..alone }.wants_in(false));
        assert!(alone.wants_in(true), "one that is in stays in");
    }

    #[test]
    fn a_gateway_that_is_cut_off_leaves_to_a_sibling_that_is_not() {
        let cut_off = Facts { cut_off: true, ..GOOD };
        assert!(cut_off.wants_in(true));
        assert!(!Facts { sibling_connected: true, ..cut_off }.wants_in(true));
    }

    #[test]
    fn it_is_out_when_the_last_subscription_has_ended() {
        let ids = vec![SubscriptionId(1), SubscriptionId(2)];
        let mut membership = Membership::Joined { subscriptions: ids.clone() };
        assert_eq!(membership.leave(), ids);
        membership.on_unsubscribed(SubscriptionId(1));
        assert!(!membership.is_apart());
        membership.on_unsubscribed(SubscriptionId(2));
        assert!(membership.is_apart());
    }
}
