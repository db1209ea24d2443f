//! Our place in the graph, others' places as they change, and the routes that follow from them.

use std::collections::BTreeSet;

use crate::{
    Action, AdvertDraft, AdvertKind, Gateway, GatewayId, GatewayState, Now, Topology,
    gateway::peer::Peer, routes::Graph,
};

/// What a flapping adjacency costs besides: any other way is better, and none is worse than this one.
const SUPPRESSED_COST: u32 = 1_000_000;

/// Other gateways whose place in the graph has changed since routes were last computed. Bound: those
/// in the database.
#[derive(Debug, Default)]
pub(super) struct Told {
    gateways: BTreeSet<GatewayId>,
    /// Some are gone: the graph is built anew.
    pub(super) whole: bool,
}

impl Told {
    pub(super) fn is_empty(&self) -> bool {
        self.gateways.is_empty() && !self.whole
    }
}

impl Gateway {
    /// Another gateway says something new: of its place in the graph, or of its region.
    pub(super) fn on_told(&mut self, draft: &AdvertDraft) {
        // Our own place is what we see, not what we last said.
        if draft.gateway != self.me.gateway && draft.content.kind() == AdvertKind::Topology {
            self.told.gateways.insert(draft.gateway.clone());
        }
        self.joining.call();
    }

    /// Brings routes up to date with what has changed of ours or of others' places.
    pub(super) fn refresh_routes(&mut self, now: Now, out: &mut Vec<Action>) {
        let ours = std::mem::take(&mut self.graph_stale);
        let told = std::mem::take(&mut self.told);
        if !ours && told.is_empty() {
            return;
        }
        if ours {
            self.adverts.duty.call();
        }
        self.joining.call();
        self.siblings.duty.call();
        self.review_native();
        if self.update_routes(ours, &told) {
            let _ = self.routes.table(&self.me.gateway, &self.me.region);
            self.reroute(now, out);
        }
    }

    /// Whether the graph has changed.
    fn update_routes(&mut self, ours: bool, told: &Told) -> bool {
        let (me, region) = (&self.me.gateway, &self.me.region);
        let topology = (ours || told.whole).then(|| self.topology());
        if !told.whole {
            let ours = topology.iter().map(|topology| (me, region, topology));
            let theirs = told.gateways.iter().filter_map(|gateway| {
                let (region, topology) = self.database.topology(gateway)?;
                Some((gateway, region, topology))
            });
            if let Some(changed) = self.routes.change(ours.chain(theirs)) {
                return changed;
            }
        }
        let topology = topology.unwrap_or_else(|| self.topology());
        let others = self.database.topologies().filter(|(gateway, ..)| *gateway != me);
        let places: Vec<_> = std::iter::once((me, region, &topology)).chain(others).collect();
        self.routes.update(Graph::new(&places))
    }

    pub(super) fn topology(&self) -> Topology {
        let used = |(_, peer): &(_, &Peer)| peer.is_adjacent() && !peer.barred;
        let open = self.peers.iter().filter(used);
        let cost = |gateway: &GatewayId, peer: &Peer| match self.damping.is_suppressed(gateway) {
            true => peer.cost.saturating_add(SUPPRESSED_COST),
            false => peer.cost,
        };
        Topology {
            state: self.state,
            broker: self.broker.is_up(),
            transit: self.carries_transit(),
            transit_ruled: self.rules_transit(),
            adjacencies: open.map(|(name, peer)| (name.clone(), cost(name, peer))).collect(),
            native: self.beacons.native(&self.me.region),
        }
    }

    pub(super) fn set_state(&mut self, state: GatewayState) {
        self.state = state;
        self.graph_stale = true;
    }
}
