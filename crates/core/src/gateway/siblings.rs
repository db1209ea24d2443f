//! Siblings that we are linked with and do not hear on our broker, although both of us have one: then
//! the brokers of the region are not one cluster, or not at the moment. Each of the two clusters gets
//! some of the requests for the region, and nobody gets all of its nodes.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{Action, Alarm, Gateway, GatewayId, Now, gateway::duty::Duty};

/// What is known of our siblings' beacons, whatever they say.
///
/// Bound: one entry for each of [`crate::Limits::gateways_max`] peers.
#[derive(Debug)]
pub(super) struct Siblings {
    /// When each was last heard, however old what it said was, or from when on it should have been.
    heard: BTreeMap<GatewayId, Duration>,
    /// Since when each has been missed.
    missed: BTreeMap<GatewayId, Duration>,
    /// Depends on links, adverts, our broker and beacons.
    pub(super) duty: Duty,
}

impl Siblings {
    pub(super) fn new() -> Self {
        Self { heard: BTreeMap::new(), missed: BTreeMap::new(), duty: Duty::new() }
    }

    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.duty.due
    }
}

impl Gateway {
    /// A sibling's beacon has reached us.
    pub(super) fn note_sibling(&mut self, gateway: &GatewayId, now: Now) {
        if self.peers.contains_key(gateway) {
            let siblings = &mut self.siblings;
            siblings.heard.insert(gateway.clone(), now.mono);
            if siblings.missed.contains_key(gateway) {
                siblings.duty.call();
            }
        }
    }

    /// Raises the alarm for siblings that have been missed for long, and clears it for the others.
    ///
    /// One is missed from the moment that we see that nothing of it has come for a beacon's lifetime,
    /// counted from when it was first expected, and for long when as much time has passed again: a
    /// gateway that was stopped for a while, or whose broker was, has had time to listen by then.
    pub(super) fn tend_siblings(&mut self, now: Now, out: &mut Vec<Action>) {
        if !self.siblings.duty.take(now.mono) {
            return;
        }
        let expected = self.expected_siblings();
        let expiry = self.config.periods.beacon_expiry;
        let Siblings { heard, missed, duty } = &mut self.siblings;
        heard.retain(|gateway, _| expected.contains(gateway));
        for gateway in &expected {
            heard.entry(gateway.clone()).or_insert(now.mono);
        }
        let silent = |at: &Duration| *at + expiry <= now.mono;
        missed.retain(|gateway, _| heard.get(gateway).is_some_and(silent));
        for (gateway, _) in heard.iter().filter(|(_, at)| silent(at)) {
            missed.entry(gateway.clone()).or_insert(now.mono);
        }
        let dues = missed.values().chain(heard.values()).map(|at| *at + expiry);
        duty.due = dues.filter(|due| *due > now.mono).min();
        let apart: BTreeSet<GatewayId> = missed
            .iter()
            .filter(|(_, since)| **since + expiry <= now.mono)
            .map(|(gateway, _)| gateway.clone())
            .collect();
        self.tell_apart(apart, out);
    }

    /// Siblings whose beacons should reach us: linked with us, and both have a broker.
    fn expected_siblings(&self) -> BTreeSet<GatewayId> {
        if !self.broker.is_up() {
            return BTreeSet::new();
        }
        let ours = self.peers.iter().filter(|(_, peer)| peer.hello.region == self.me.region);
        let linked = ours.filter(|(_, peer)| peer.is_adjacent());
        let speaks = |gateway: &GatewayId| {
            let topology = self.database.topology(gateway);
            topology.is_some_and(|(_, one)| one.broker && one.state.takes_frames())
        };
        linked.map(|(gateway, _)| gateway).filter(|one| speaks(one)).cloned().collect()
    }

    fn tell_apart(&mut self, apart: BTreeSet<GatewayId>, out: &mut Vec<Action>) {
        let is_over = |alarm: &Alarm| match alarm {
            Alarm::TwoClusters { gateway } => !apart.contains(gateway),
            Alarm::NativelyJoined { .. }
            | Alarm::DuplicateGateway { .. }
            | Alarm::IdentityInTwoRegions { .. }
            | Alarm::PeerMisbehaves { .. }
            | Alarm::Halted { .. }
            | Alarm::LinkOrderedDown { .. }
            | Alarm::PermissionDenied { .. } => false,
        };
        self.clear_all(is_over, out);
        for gateway in apart {
            self.raise(Alarm::TwoClusters { gateway }, out);
        }
    }
}
