//! What this gateway listens to on its broker, and when.

use std::{collections::BTreeSet, time::Duration};

use antiphon_wire::Collective;

use crate::{
    Action, Config, Gateway, GatewayState, Now, SubscriptionId,
    membership::{Facts, Wanted},
};

impl Gateway {
    /// Joins or leaves the queue groups where that is due, and says whether we are ready.
    pub(super) fn review_membership(&mut self, now: Now, out: &mut Vec<Action>) {
        if !self.joining.take(now.mono) {
            return;
        }
        let inside = self.membership.is_wanted();
        let wanted = self.facts(now).wants_in(inside);
        if wanted && self.membership.is_apart() {
            self.join(out);
        } else if !wanted && inside {
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
        self.joining.due = self.join_deadline();
    }

    pub(super) fn on_unsubscribed(&mut self, subscription: SubscriptionId) {
        self.joining.call();
        self.membership.on_unsubscribed(subscription);
    }

    /// When a lone gateway may join by itself.
    fn join_deadline(&self) -> Option<Duration> {
        let waits = self.broker.is_up() && self.membership.is_apart() && self.drain.is_none();
        if !waits || self.is_synchronised() {
            return None;
        }
        let due = self.broker.since + self.config.periods.join_alone;
        // One that stays away for a sibling is not woken for nothing.
        self.facts(Now { mono: due, ..Now::default() }).wants_in(false).then_some(due)
    }

    fn join(&mut self, out: &mut Vec<Action>) {
        let mut subscriptions = Vec::new();
        for Wanted { subject, group } in self.wanted() {
            let subscription = self.broker.new_subscription();
            subscriptions.push(subscription);
            out.push(Action::Subscribe { subscription, subject, group: Some(group) });
        }
        self.membership.join(subscriptions);
    }

    fn facts(&self, now: Now) -> Facts {
        let cut_off = self.reachable_regions() == 0;
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

    /// Whether adverts have been exchanged with another region, or with a sibling that knows of none.
    /// What we took on the strength of a sibling's links would go nowhere if that one left next, as it
    /// does where gateways are restarted one after the other.
    fn is_synchronised(&self) -> bool {
        let mut peers = self.peers.values().filter(|peer| peer.synchronised).peekable();
        let ours = self.region();
        let alone = || !self.database.topologies().any(|(_, region, _)| region != ours);
        peers.peek().is_some() && (peers.any(|peer| peer.hello.region != *ours) || alone())
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use crate::{
        Action, Advert, AdvertContent, AdvertDraft, Beacon, BrokerInfo, Event, Gateway,
        GatewayState, Incarnation, LinkId, Offer, Stamp, Topology,
        testing::{at, config, hello},
    };

    /// `eu-1`, which heard of `us` from a sibling and has lost all links since.
    fn cut_off() -> Gateway {
        let mut gateway = Gateway::new(config("eu", "eu-1"), 1, at(0));
        gateway.handle(Event::BrokerUp(BrokerInfo::default()), at(0));
        let link = LinkId(1);
        let peer = hello("eu", "eu-2", 1);
        gateway.handle(Event::LinkUp { link, peer, dialed: None }, at(0));
        let contents = [
            AdvertContent::Topology(Topology::default().into()),
            AdvertContent::Offer(Offer { collectives: ["mcollective".parse().unwrap()].into() }),
        ];
        let adverts = contents.into_iter().map(theirs).collect();
        let message = crate::Control::Adverts { adverts, answered: true };
        gateway.handle(Event::FromPeer { link, message }, at(0));
        gateway.handle(Event::LinkDown { link, reason: String::new() }, at(0));
        gateway
    }

    fn theirs(content: AdvertContent) -> Advert {
        let draft = AdvertDraft {
            gateway: "us-1".parse().unwrap(),
            region: "us".parse().unwrap(),
            stamp: Stamp { incarnation: Incarnation(1), version: 1 },
            content,
        };
        Advert { draft, sealed: Bytes::new() }
    }

    fn connected_sibling(second: u64) -> Event {
        Event::BeaconHeard(Beacon {
            region: "eu".parse().unwrap(),
            gateway: "eu-2".parse().unwrap(),
            incarnation: Incarnation(1),
            state: GatewayState::Active,
            joined: true,
            regions: 1,
            made: at(second).unix,
        })
    }

    #[test]
    fn one_that_stays_away_for_a_sibling_comes_to_rest() {
        let mut gateway = cut_off();
        for second in 1..30 {
            gateway.handle(connected_sibling(second), at(second));
            gateway.handle(Event::Tick, at(second));
            assert!(!gateway.is_ready(), "{second}");
            let next = gateway.next_deadline();
            assert!(next.is_some_and(|next| next > at(second).mono), "{second}: {next:?}");
        }
    }

    /// `eu-2`, linked with `eu-1`, in this state and with a link to `us-1`.
    fn linked_sibling(gateway: &mut Gateway, state: GatewayState, second: u64) {
        let link = LinkId(second);
        let peer = hello("eu", "eu-2", 1);
        let out = gateway.handle(Event::LinkUp { link, peer, dialed: None }, at(second));
        let epoch = out.iter().find_map(|action| {
            let Action::Control { message: crate::Control::Open(open), .. } = action else {
                return None;
            };
            Some(open.epoch)
        });
        let accept = crate::Accept { epoch: epoch.unwrap(), next: Some(0), granted: 1 << 20 };
        let adjacencies = [("us-1".parse().unwrap(), 10)].into();
        let topology = Topology { state, broker: true, adjacencies, ..Topology::default() };
        let draft = AdvertDraft {
            gateway: "eu-2".parse().unwrap(),
            region: "eu".parse().unwrap(),
            stamp: Stamp { incarnation: Incarnation(1), version: second },
            content: AdvertContent::Topology(topology.into()),
        };
        let adverts = vec![Advert { draft, sealed: Bytes::new() }];
        for message in
            [crate::Control::Accept(accept), crate::Control::Adverts { adverts, answered: true }]
        {
            gateway.handle(Event::FromPeer { link, message }, at(second));
        }
    }

    #[test]
    fn a_sibling_that_drains_or_has_left_takes_nothing_for_us() {
        let mut gateway = cut_off();
        gateway.handle(connected_sibling(1), at(1));
        assert!(gateway.sibling_is_connected(), "it says so");
        linked_sibling(&mut gateway, GatewayState::Active, 2);
        assert!(gateway.sibling_is_connected(), "it advertises that");
        linked_sibling(&mut gateway, GatewayState::Draining, 3);
        assert!(!gateway.sibling_is_connected(), "its last beacon is older than that");
        let goodbye = crate::Control::Goodbye;
        gateway.handle(Event::FromPeer { link: LinkId(3), message: goodbye }, at(4));
        assert!(!gateway.sibling_is_connected(), "it is not there any more");
    }

    #[test]
    fn one_that_never_had_a_link_stays_away_for_a_sibling_that_has_one() {
        let joins = |hears: bool| {
            let mut gateway = Gateway::new(config("eu", "eu-1"), 1, at(0));
            gateway.handle(Event::BrokerUp(BrokerInfo::default()), at(0));
            for second in 1..20 {
                if hears {
                    gateway.handle(connected_sibling(second), at(second));
                }
                for action in gateway.handle(Event::Tick, at(second)) {
                    if let Action::Barrier { barrier } = action {
                        gateway.handle(Event::BarrierPassed { barrier }, at(second));
                    }
                }
            }
            gateway.is_ready()
        };
        assert!(joins(false), "alone it does what it can");
        assert!(!joins(true), "what it took would go nowhere");
    }
}
