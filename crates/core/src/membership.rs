//! Whether this gateway is in its region's queue groups: it takes messages only while it can do
//! something with them.

use std::{collections::BTreeSet, time::Duration};

use crate::id::{BarrierId, SubscriptionId};

/// A subscription that the queue-group membership consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) subject: String,
    pub(crate) group: String,
}

/// ```text
///          can work             a barrier passed          cannot / drains
///  Apart ────────────▶ Joining ──────────────────▶ Joined ────────────────▶ Leaving
///    ▲                   │ cannot / drains: Leaving  │ broker lost             │ last UNSUB confirmed,
///    └───────────────────┴───────────────────────────┴─────────────────────────┘ or broker lost
/// ```
///
/// What is ordered is not done yet: a sibling that leaves when we say that we are in must not leave
/// before the broker has read our subscriptions.
#[derive(Debug, Default)]
pub(crate) enum Membership {
    /// In no group.
    #[default]
    Apart,
    /// On the way into all of them; what comes is taken.
    Joining {
        subscriptions: Vec<SubscriptionId>,
        /// Behind the subscriptions; `None` until it has been asked for.
        barrier: Option<BarrierId>,
    },
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
    /// Whether the broker has taken all subscriptions.
    pub(crate) fn is_joined(&self) -> bool {
        matches!(self, Self::Joined { .. })
    }

    /// Whether it is in, or on the way in.
    pub(crate) fn is_wanted(&self) -> bool {
        matches!(self, Self::Joining { .. } | Self::Joined { .. })
    }

    /// Begins to join with these.
    pub(crate) fn join(&mut self, subscriptions: Vec<SubscriptionId>) {
        *self = Self::Joining { subscriptions, barrier: None };
    }

    /// Whether the next barrier tells that it is in.
    pub(crate) fn wants_barrier(&self) -> bool {
        matches!(self, Self::Joining { barrier: None, .. })
    }

    pub(crate) fn on_barrier_asked(&mut self, asked: BarrierId) {
        if let Self::Joining { barrier, .. } = self {
            barrier.get_or_insert(asked);
        }
    }

    /// The broker has processed everything before a barrier; whether that makes it joined.
    pub(crate) fn on_barrier_passed(&mut self, passed: BarrierId) -> bool {
        let Self::Joining { subscriptions, barrier } = self else { return false };
        if *barrier != Some(passed) {
            return false;
        }
        let subscriptions = std::mem::take(subscriptions);
        *self = Self::Joined { subscriptions };
        true
    }

    pub(crate) fn is_apart(&self) -> bool {
        matches!(self, Self::Apart)
    }

    /// Begins to leave; the subscriptions to end.
    pub(crate) fn leave(&mut self) -> Vec<SubscriptionId> {
        let subscriptions = self.on_broker_lost();
        if subscriptions.is_empty() {
            return subscriptions;
        }
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
            Self::Joining { subscriptions, .. } | Self::Joined { subscriptions } => subscriptions,
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
    fn it_is_in_when_the_broker_has_passed_a_barrier_behind_its_subscriptions() {
        let mut membership = Membership::default();
        membership.on_barrier_asked(BarrierId(1));
        membership.join(vec![SubscriptionId(1)]);
        assert!(membership.wants_barrier() && membership.is_wanted() && !membership.is_joined());
        membership.on_barrier_asked(BarrierId(2));
        assert!(!membership.wants_barrier());
        assert!(!membership.on_barrier_passed(BarrierId(1)), "that one was asked before");
        assert!(membership.on_barrier_passed(BarrierId(2)));
        assert!(membership.is_joined());
        membership.join(vec![SubscriptionId(2)]);
        assert_eq!(membership.leave(), [SubscriptionId(2)]);
        assert!(!membership.is_apart());
    }

    #[test]
    fn it_is_out_when_the_last_subscription_has_ended() {
        let ids = vec![SubscriptionId(1), SubscriptionId(2)];
        let mut membership = Membership::Joined { subscriptions: ids.clone() };
        assert!(membership.is_wanted());
        assert_eq!(membership.leave(), ids);
        membership.on_unsubscribed(SubscriptionId(1));
        assert!(!membership.is_apart());
        membership.on_unsubscribed(SubscriptionId(2));
        assert!(membership.is_apart());
    }
}
