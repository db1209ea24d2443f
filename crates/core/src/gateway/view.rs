//! The machine as a [`Snapshot`].

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{
    AdvertKey, AdvertKind, AlarmView, BrokerView, DropExample, DropView, Gateway, GatewayId,
    LinkView, Member, MemberView, Now, QueueView, RegionId, RegionView, RegionWays, Snapshot,
    Stamp, TallyView,
    gateway::{
        members::leaves,
        peer::{Peer, Phase},
    },
};

impl Gateway {
    /// What this gateway knows, at this moment.
    #[must_use]
    pub fn snapshot(&self, now: Now) -> Snapshot {
        let drops = self.drops.counts.iter();
        let tallies = self.account.tallies().iter();
        Snapshot {
            fabric: self.config.fabric.clone(),
            region: self.me.region.clone(),
            gateway: self.me.gateway.clone(),
            incarnation: self.me.incarnation,
            state: self.state,
            joined: self.membership.is_joined(),
            broker: self.broker_view(now),
            links: self.link_views(now),
            gateways: self.member_views(now),
            regions: self.region_views(),
            queues: self
                .queues
                .weights()
                .map(|(region, bytes)| QueueView { region: region.clone(), bytes })
                .collect(),
            hints: self.hint_views(),
            interest: self.interest_view(),
            tallies: tallies
                .map(|(key, tally)| TallyView {
                    key: key.clone(),
                    tally: tally.clone(),
                    pending: tally.pending(),
                })
                .collect(),
            drops: drops
                .map(|(key, count)| DropView {
                    reason: key.0,
                    to: key.1.clone(),
                    count: *count,
                    recent: self.drops.recent(key, now.mono),
                })
                .collect(),
            examples: self
                .drops
                .examples
                .iter()
                .map(|(at, dropped)| DropExample { at: at.unix, dropped: dropped.clone() })
                .collect(),
            marked: self.drops.marked,
            foreign: self.drops.foreign,
            siblings: self
                .beacons
                .siblings(&self.me.region)
                .map(|beacon| beacon.gateway.clone())
                .collect(),
            alarms: self.alarms.iter().map(|one| AlarmView { alarm: one.clone() }).collect(),
            table_version: self.routes.version(),
            policy: self.policy_view(now),
            orders: self.orders(),
        }
    }

    /// Every way to every other region, used or not. As much work as the routing table was, so ask
    /// again only when [`Snapshot::table_version`] has changed.
    #[must_use]
    pub fn ways(&self) -> Vec<RegionWays> {
        self.routes.ways(&self.me.gateway, &self.me.region)
    }

    /// The version of the routing table.
    #[must_use]
    pub fn table_version(&self) -> u64 {
        self.routes.version()
    }

    /// Which of a gateway's adverts we hold; `None` without one.
    #[must_use]
    pub fn held(&self, key: &AdvertKey) -> Option<Stamp> {
        self.database.stamp(&key.gateway, key.kind)
    }

    fn broker_view(&self, now: Now) -> BrokerView {
        let info = self.broker.info.clone().unwrap_or_default();
        BrokerView {
            up: self.broker.is_up(),
            since: now.mono.saturating_sub(self.broker.since),
            url: info.url,
            name: info.name,
            version: info.version,
            max_payload: info.max_payload,
            unconfirmed: self.broker.unconfirmed() as u64,
        }
    }

    /// One for each peer, and one for each gateway that should be one.
    fn link_views(&self, now: Now) -> Vec<LinkView> {
        let links = self.peers.iter().map(|(name, peer)| self.link_view(name, peer, now));
        let mut views: Vec<_> =
            links.chain(self.absent().map(|one| self.absent_view(one, now))).collect();
        views.sort_by(|one, other| one.gateway.cmp(&other.gateway));
        views
    }

    fn absent_view(&self, member: &Member, now: Now) -> LinkView {
        let gone = self.gone.get(&member.gateway);
        LinkView {
            gateway: member.gateway.clone(),
            region: member.region.clone(),
            version: member.version.clone(),
            endpoint: member.endpoint.to_string(),
            state: "down".to_owned(),
            since: gone.map_or(Duration::ZERO, |(since, _)| now.mono.saturating_sub(*since)),
            dialed: String::new(),
            rtt: None,
            cost: 0,
            credit: 0,
            queued: self.queues.lane_weight(&member.gateway),
            unacknowledged: 0,
            retransmissions: 0,
            frames_in: 0,
            frames_out: 0,
            reason: gone.map(|(_, reason)| reason.clone()).unwrap_or_default(),
            draining: false,
            penalty: self.damping.penalty(&member.gateway, now.mono),
            suppressed: self.damping.is_suppressed(&member.gateway),
            held_down: self.ordered.bars(&member.region),
        }
    }

    fn link_view(&self, gateway: &GatewayId, peer: &Peer, now: Now) -> LinkView {
        let (state, since, dialed) = match &peer.link {
            Some(link) => {
                let state = match link.phase {
                    Phase::Opening => "opening",
                    // For an operator it never went away.
                    Phase::Open | Phase::Handover => "up",
                };
                (state, link.since, if link.dialed.is_some() { "us" } else { "them" })
            }
            None => ("down", peer.down_since.unwrap_or(now.mono), ""),
        };
        LinkView {
            gateway: gateway.clone(),
            region: peer.hello.region.clone(),
            version: peer.hello.version.clone(),
            endpoint: peer.hello.endpoint.to_string(),
            state: state.to_owned(),
            since: now.mono.saturating_sub(since),
            dialed: dialed.to_owned(),
            rtt: peer.rtt,
            cost: peer.cost,
            credit: peer.outbox.credit(),
            queued: self.queues.lane_weight(gateway),
            unacknowledged: peer.outbox.retained_weight(),
            retransmissions: peer.outbox.retransmissions(),
            frames_in: peer.frames_in,
            frames_out: peer.frames_out,
            reason: peer.down_reason.clone(),
            draining: peer.draining,
            penalty: self.damping.penalty(gateway, now.mono),
            suppressed: self.damping.is_suppressed(gateway),
            held_down: peer.barred,
        }
    }

    fn member_views(&self, now: Now) -> Vec<MemberView> {
        let known: BTreeSet<&GatewayId> = self
            .database
            .topologies()
            .map(|(gateway, ..)| gateway)
            .chain(self.members.keys())
            .collect();
        known.into_iter().filter_map(|gateway| self.member_view(gateway, now)).collect()
    }

    /// When a gateway was heard last: a live link says more than an advert.
    fn heard(&self, gateway: &GatewayId) -> Option<Duration> {
        let link = self.peers.get(gateway).and_then(|peer| peer.link.as_ref());
        let link = link.map(|link| link.heard.control.max(link.heard.data));
        link.or_else(|| self.database.refreshed(gateway, AdvertKind::Topology))
    }

    fn member_view(&self, gateway: &GatewayId, now: Now) -> Option<MemberView> {
        let said = self.database.topology(gateway);
        let member = self.members.get(gateway);
        let table = self.routes.peek(&self.me.region);
        Some(MemberView {
            gateway: gateway.clone(),
            region: said.map(|(region, _)| region).or(member.map(|one| &one.region))?.clone(),
            state: said.map(|(_, topology)| topology.state),
            broker: said.map(|(_, topology)| topology.broker),
            advert: self.database.stamp(gateway, AdvertKind::Topology),
            adjacencies: said.map(|(_, one)| one.adjacencies.clone()).unwrap_or_default(),
            version: member.map(|one| one.version.clone()).unwrap_or_default(),
            endpoint: member.map(|one| one.endpoint.to_string()).unwrap_or_default(),
            heard: self.heard(gateway).map(|at| now.mono.saturating_sub(at)),
            gossip: member.is_some() && !self.lost_members.contains_key(gateway),
            route: table.and_then(|table| table.gateway(gateway)).cloned(),
        })
    }

    fn region_views(&self) -> Vec<RegionView> {
        let mut views: BTreeMap<&RegionId, RegionView> = BTreeMap::new();
        for (_, region, topology) in self.database.topologies() {
            let view = views.entry(region).or_insert_with(|| self.empty_region(region));
            view.gateways += 1;
            view.usable += u64::from(topology.broker && topology.state.takes_frames());
        }
        // A gateway that went without a word is missed, also when its adverts have expired.
        let silent = |member: &&Member| self.database.topology(&member.gateway).is_none();
        for member in self.members.values().filter(silent).filter(|one| !leaves(one)) {
            let region = &member.region;
            views.entry(region).or_insert_with(|| self.empty_region(region)).gateways += 1;
        }
        for (region, offer) in self.database.offers() {
            let Some(view) = views.get_mut(region) else { continue };
            let names = offer.collectives.iter().map(ToString::to_string);
            let all: BTreeSet<String> = view.collectives.drain(..).chain(names).collect();
            view.collectives = all.into_iter().collect();
        }
        views.into_values().collect()
    }

    fn empty_region(&self, region: &RegionId) -> RegionView {
        let table = self.routes.peek(&self.me.region);
        RegionView {
            region: region.clone(),
            ours: *region == self.me.region,
            gateways: 0,
            usable: 0,
            collectives: Vec::new(),
            route: table.and_then(|table| table.region(region)).cloned(),
            native: *region != self.me.region && self.is_native(region),
            transit: self.routes.graph().allows_transit(region),
        }
    }
}
