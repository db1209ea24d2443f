//! What this gateway listens to on its broker, and when.

use std::{collections::BTreeSet, time::Duration};

use antiphon_wire::Collective;

use crate::{
    Action, Config, Gateway, GatewayState, Now, SubscriptionId,
    membership::{Facts, Membership, Wanted},
};

impl Gateway {
    /// Joins or leaves the queue groups where that is due, and says whether we are ready.
    pub(super) fn review_membership(&mut self, now: Now, out: &mut Vec<Action>) {
        let joined = self.membership.is_joined();
        let wanted = self.facts(now).wants_in(joined);
        if wanted && self.membership.is_apart() {
            self.join(out);
        } else if !wanted && joined {
            let leaving = self.membership.leave();
            out.extend(leaving.into_iter().map(|id| Action::Unsubscribe { subscription: id }));
        }
        let ready = self.membership.is_joined();
        if ready && self.state == GatewayState::Starting {
            self.state = GatewayState::Active;
            self.graph_stale = true;
        }
        if ready != self.ready {
            self.ready = ready;
            out.push(Action::Ready { ready });
        }
    }

    pub(super) fn on_unsubscribed(&mut self, subscription: SubscriptionId) {
        self.membership.on_unsubscribed(subscription);
    }

    /// When a lone gateway may join by itself.
    pub(super) fn join_deadline(&self) -> Option<Duration> {
        let waits = self.broker.is_up() && self.membership.is_apart() && self.drain.is_none();
        let due = self.broker.since + self.config.periods.join_alone;
        (waits && !self.is_synchronised()).then_some(due)
    }

    fn join(&mut self, out: &mut Vec<Action>) {
        let mut subscriptions = Vec::new();
        for Wanted { subject, group } in self.wanted() {
            let subscription = self.broker.new_subscription();
            subscriptions.push(subscription);
            out.push(Action::Subscribe { subscription, subject, group: Some(group) });
        }
        self.membership = Membership::Joined { subscriptions };
    }

    fn facts(&self, now: Now) -> Facts {
        let cut_off = self.knows_other_regions() && self.reachable_regions() == 0;
        Facts {
            broker: self.broker.is_up(),
            draining: self.drain.is_some(),
            synchronised: self.is_synchronised(),
            waited: now.mono.saturating_sub(self.broker.since),
            join_alone: self.config.periods.join_alone,
            cut_off,
            sibling_connected: cut_off && self.sibling_is_connected(),
        }
    }

    fn is_synchronised(&self) -> bool {
        self.peers.values().any(|peer| peer.synchronised)
    }

    fn knows_other_regions(&self) -> bool {
        self.database.offers().any(|(region, _)| region != self.region())
    }

    /// Other regions that a request of ours could reach.
    pub(super) fn reachable_regions(&self) -> u32 {
        let table = self.routes.peek(&self.me.region);
        let count = table.map_or(0, |table| {
            table.regions().keys().filter(|region| *region != self.region()).count()
        });
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// The subscriptions that make up the membership.
    fn wanted(&self) -> Vec<Wanted> {
        let group = format!("antiphon_{}", self.config.fabric);
        let mut wanted = Vec::new();
        for collective in &self.config.export {
            for subject in ["broadcast.agent.*", "broadcast.service.*", "node.>"] {
                let subject = format!("{collective}.{subject}");
                wanted.push(Wanted { subject, group: group.clone() });
            }
        }
        for subject in self.reply_subjects.iter().cloned() {
            wanted.push(Wanted { subject, group: group.clone() });
        }
        for name in self.config.federation.keys() {
            let subject = format!("choria.federation.{name}.federation");
            // Choria's own group, so that its Federation Broker may run beside us for a while.
            wanted.push(Wanted { subject, group: format!("{name}_federation") });
        }
        wanted
    }

    /// Where the nodes of this collective answer requests from other regions.
    pub(super) fn reply_subject(&self, collective: &Collective) -> String {
        reply_subject(&self.config, collective)
    }
}

/// Where the nodes of a region answer: one subject, or one for each collective.
pub(super) fn reply_subjects(config: &Config) -> BTreeSet<String> {
    config.export.iter().map(|collective| reply_subject(config, collective)).collect()
}

fn reply_subject(config: &Config, collective: &Collective) -> String {
    let template = config.reply_template.replace("{region}", config.region.as_str());
    template.replace("{collective}", collective.as_str())
}
