//! Beacons on the broker: siblings know of each other by them, and regions whose brokers are joined
//! natively are found.

use std::{collections::BTreeMap, collections::BTreeSet, time::Duration};

use crate::{Action, Alarm, Beacon, Gateway, GatewayId, Now, Periods, RegionId};

/// How far a beacon's time may be from ours. An older one may have been played again.
const SKEW_MAX: Duration = Duration::from_secs(120);

/// What was heard, and when to speak next.
///
/// Bound: one entry a gateway, each forgotten after the beacon expiry.
#[derive(Debug)]
pub(super) struct Beacons {
    heard: BTreeMap<GatewayId, (Beacon, Duration)>,
    /// The newest beacon of each gateway, by its own time: one that is played again is older. Kept for
    /// as long as an old one would be believed. Bound: as `heard`.
    newest: BTreeMap<GatewayId, Duration>,
    /// Regions that hear our broker natively, as we or they found out; part of what is computed anew
    /// with the graph. Bound: regions of the database and of `heard`.
    joined: BTreeSet<RegionId>,
    next: Duration,
    /// When the next of `heard` is forgotten, if it stays silent.
    forget: Option<Duration>,
    period: Duration,
    expiry: Duration,
}

impl Beacons {
    pub(super) fn new(periods: &Periods, now: Duration) -> Self {
        Self {
            heard: BTreeMap::new(),
            newest: BTreeMap::new(),
            joined: BTreeSet::new(),
            next: now,
            forget: None,
            period: periods.beacon,
            expiry: periods.beacon_expiry,
        }
    }

    pub(super) fn next_deadline(&self, broker_up: bool) -> Option<Duration> {
        [broker_up.then_some(self.next), self.forget].into_iter().flatten().min()
    }

    /// A gateway has left: what it said last holds no longer.
    pub(super) fn forget_one(&mut self, gateway: &GatewayId) {
        self.heard.remove(gateway);
        self.review_forget();
    }

    fn review_forget(&mut self) {
        self.forget = self.heard.values().map(|(_, at)| *at + self.expiry).min();
    }

    /// Regions other than ours whose beacons reach our broker.
    pub(super) fn native(&self, ours: &RegionId) -> BTreeSet<RegionId> {
        let regions = self.heard.values().map(|(beacon, _)| &beacon.region);
        regions.filter(|region| *region != ours).cloned().collect()
    }

    pub(super) fn siblings(&self, ours: &RegionId) -> impl Iterator<Item = &Beacon> {
        self.heard.values().map(|(beacon, _)| beacon).filter(move |one| one.region == *ours)
    }
}

impl Gateway {
    pub(super) fn on_beacon(&mut self, beacon: Beacon, now: Now, out: &mut Vec<Action>) {
        let stale = beacon.made.abs_diff(now.unix) > SKEW_MAX;
        self.beacons.newest.retain(|_, made| made.abs_diff(now.unix) <= SKEW_MAX);
        let newest = self.beacons.newest.get(&beacon.gateway);
        let again = newest.is_some_and(|newest| beacon.made <= *newest);
        let full = newest.is_none() && self.beacons.newest.len() >= self.config.limits.gateways_max;
        if beacon.region == self.me.region {
            self.note_sibling(&beacon.gateway, now);
        }
        if beacon.gateway == self.me.gateway || stale || again || full {
            return;
        }
        self.beacons.newest.insert(beacon.gateway.clone(), beacon.made);
        if beacon.region != self.me.region {
            let region = beacon.region.clone();
            self.graph_stale |= !self.beacons.native(&self.me.region).contains(&region);
            self.raise(Alarm::NativelyJoined { region }, out);
        }
        self.joining.call();
        self.beacons.heard.insert(beacon.gateway.clone(), (beacon, now.mono));
        self.beacons.review_forget();
    }

    pub(super) fn expire_beacons(&mut self, now: Now, out: &mut Vec<Action>) {
        self.forget_the_silent(now, out);
        if self.broker.is_up() && self.beacons.next <= now.mono {
            self.beacons.next = now.mono + self.beacons.period;
            let subject = self.beacon_subject();
            let beacon = self.beacon(now);
            out.push(Action::PublishBeacon { subject, beacon });
        }
    }

    fn forget_the_silent(&mut self, now: Now, out: &mut Vec<Action>) {
        if self.beacons.forget.is_none_or(|at| at > now.mono) {
            return;
        }
        let expiry = self.beacons.expiry;
        let silent = |(_, at): &(Beacon, Duration)| *at + expiry <= now.mono;
        let before = self.beacons.native(&self.me.region);
        self.beacons.heard.retain(|_, heard| !silent(heard));
        self.beacons.review_forget();
        self.joining.call();
        let after = self.beacons.native(&self.me.region);
        for region in before.difference(&after) {
            self.graph_stale = true;
            self.clear(Alarm::NativelyJoined { region: region.clone() }, out);
        }
    }

    /// Whether a region hears our broker natively, as of the last change of beacons or adverts.
    pub(super) fn is_native(&self, region: &RegionId) -> bool {
        self.beacons.joined.contains(region)
    }

    /// Finds the regions that hear our broker natively: what we hear, what our siblings hear, and
    /// whoever says that it hears us.
    pub(super) fn review_native(&mut self) {
        let ours = &self.me.region;
        let mut joined = self.beacons.native(ours);
        let us = &self.me.gateway;
        for (_, region, topology) in self.database.topologies().filter(|(one, ..)| *one != us) {
            if region == ours {
                joined.extend(topology.native.iter().cloned());
            } else if topology.native.contains(ours) {
                joined.insert(region.clone());
            }
        }
        self.beacons.joined = joined;
    }

    /// Whether a sibling says that it reaches another region: by its adverts where we are linked, for
    /// they are newer than its last beacon, and two that are cut off at once would both leave on each
    /// other's word; else by its beacon. One that drains, or knows nobody abroad but gateways that do,
    /// is no better off than we are.
    pub(super) fn sibling_is_connected(&self) -> bool {
        let abroad = |gateway: &GatewayId| {
            self.database.topology(gateway).is_some_and(|(region, topology)| {
                *region != self.me.region && topology.state.takes_frames()
            })
        };
        let connected = |one: &Beacon, heard: Duration| {
            let peer = self.peers.get(&one.gateway);
            match self.database.topology(&one.gateway) {
                Some((_, topology)) if peer.is_some_and(|peer| peer.open_link().is_some()) => {
                    topology.state.takes_frames() && topology.adjacencies.keys().any(abroad)
                }
                Some(_) | None => {
                    // It may have ended with the link.
                    let lost = peer.and_then(|peer| peer.down_since);
                    one.regions > 0 && lost.is_none_or(|lost| lost < heard)
                }
            }
        };
        let mut siblings =
            self.beacons.heard.values().filter(|(one, _)| one.region == self.me.region);
        siblings.any(|(one, heard)| one.state.takes_frames() && connected(one, *heard))
    }

    /// What beacons of all regions are published on.
    pub(super) fn beacon_subjects(&self) -> String {
        format!("antiphon.beacon.{}.*.*", self.config.fabric)
    }

    fn beacon_subject(&self) -> String {
        let (fabric, me) = (&self.config.fabric, &self.me);
        format!("antiphon.beacon.{fabric}.{}.{}", me.region, me.gateway)
    }

    fn beacon(&self, now: Now) -> Beacon {
        Beacon {
            region: self.me.region.clone(),
            gateway: self.me.gateway.clone(),
            incarnation: self.me.incarnation,
            state: self.state,
            joined: self.membership.is_joined(),
            regions: self.reachable_regions(),
            made: now.unix,
        }
    }
}
