//! The subscriptions of a shell, across connections.

use std::collections::BTreeMap;

use crate::{port::SubscriptionId, protocol::Pattern};

/// What is subscribed, and what is on its way out. As many as the shell orders.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions(BTreeMap<SubscriptionId, Subscription>);

#[derive(Debug)]
struct Subscription {
    pattern: Pattern,
    state: State,
}

/// ```text
///   add ──▶ Live ──leave──▶ Leaving ──end──▶ (gone)
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Live,
    /// UNSUB was written, its PONG has not come: what arrives is still for the shell.
    Leaving,
}

impl Subscriptions {
    /// Adds a subscription; the number on the wire is its id's. A taken id stays what it is.
    pub(crate) fn add(&mut self, id: SubscriptionId, pattern: Pattern) -> Option<&Pattern> {
        if self.0.contains_key(&id) {
            debug_assert!(false, "{id:?} is used twice");
            tracing::error!(id = id.0, "a subscription's number was used twice");
            return None;
        }
        let subscription = Subscription { pattern, state: State::Live };
        Some(&self.0.entry(id).or_insert(subscription).pattern)
    }

    /// Begins a leave; false if this subscription is not live.
    pub(crate) fn leave(&mut self, id: SubscriptionId) -> bool {
        match self.0.get_mut(&id) {
            Some(subscription) if subscription.state == State::Live => {
                subscription.state = State::Leaving;
                true
            }
            Some(_) | None => false,
        }
    }

    /// Whether a leave of this subscription is under way.
    pub(crate) fn is_leaving(&self, id: SubscriptionId) -> bool {
        self.0.get(&id).is_some_and(|subscription| subscription.state == State::Leaving)
    }

    /// Forgets a subscription.
    pub(crate) fn end(&mut self, id: SubscriptionId) {
        self.0.remove(&id);
    }

    /// Forgets those that are leaving, when the connection is gone, and tells which they were.
    pub(crate) fn end_leaving(&mut self) -> Vec<SubscriptionId> {
        let is_leaving = |(_, one): &(_, &Subscription)| one.state == State::Leaving;
        let ended: Vec<_> = self.0.iter().filter(is_leaving).map(|(id, _)| *id).collect();
        self.0.retain(|_, one| one.state == State::Live);
        ended
    }

    /// Whether messages with this number are for the shell.
    pub(crate) fn is_known(&self, id: SubscriptionId) -> bool {
        self.0.contains_key(&id)
    }

    /// What is to be subscribed on a new connection.
    pub(crate) fn live(&self) -> impl Iterator<Item = (SubscriptionId, &Pattern)> {
        let live = self.0.iter().filter(|(_, one)| one.state == State::Live);
        live.map(|(id, one)| (*id, &one.pattern))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leaves_is_known_but_not_subscribed_again() {
        let mut subscriptions = Subscriptions::default();
        let (stays, leaves) = (SubscriptionId(1), SubscriptionId(2));
        for id in [stays, leaves] {
            subscriptions.add(id, Pattern::new("a".to_owned(), None).unwrap());
        }
        assert!(subscriptions.leave(leaves));
        assert!(!subscriptions.leave(leaves), "once is enough");
        assert!(subscriptions.is_known(leaves) && subscriptions.is_leaving(leaves));
        assert_eq!(subscriptions.live().map(|(id, _)| id).collect::<Vec<_>>(), [stays]);
        assert_eq!(subscriptions.end_leaving(), [leaves]);
        assert!(!subscriptions.is_known(leaves) && subscriptions.is_known(stays));
    }
}
