//! Routes out of a graph: what each peer would do with a frame decides who of them gets it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Backup, Route,
    graph::{Graph, Origin, UNREACHABLE},
};
use crate::id::{GatewayId, RegionId};

/// All routes from one gateway for frames of one origin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Table {
    gateways: BTreeMap<GatewayId, Route>,
    regions: BTreeMap<RegionId, Route>,
}

impl Table {
    /// The routes of `me`; empty if the graph does not know it.
    pub(super) fn new(graph: &Graph, me: &GatewayId, origin: Origin) -> Self {
        let Some(vantage) = Vantage::new(graph, me, origin) else { return Self::default() };
        let mut ends: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let mut gateways = BTreeMap::new();
        for (number, gateway, vertex) in
            graph.gateways().filter(|(number, ..)| *number != vantage.me)
        {
            gateways.extend(vantage.route(&[number]).map(|route| (gateway.clone(), route)));
            if vertex.usable {
                ends.entry(vertex.region).or_default().push(number);
            }
        }
        let regions = graph.regions().filter_map(|(number, region)| {
            Some((region.clone(), vantage.route(ends.get(&number)?)?))
        });
        Self { gateways, regions: regions.collect() }
    }

    pub(crate) fn region(&self, region: &RegionId) -> Option<&Route> {
        self.regions.get(region)
    }

    pub(crate) fn gateway(&self, gateway: &GatewayId) -> Option<&Route> {
        self.gateways.get(gateway)
    }

    pub(crate) fn regions(&self) -> &BTreeMap<RegionId, Route> {
        &self.regions
    }
}

/// The gateway whose routes are computed, with the distances from each of its peers.
pub(super) struct Vantage<'a> {
    graph: &'a Graph,
    pub(super) me: usize,
    /// Whether others may send through us.
    passable: bool,
    pub(super) peers: Vec<Peer>,
}

/// A peer that may get frames.
pub(super) struct Peer {
    pub(super) number: usize,
    /// What the link to it costs.
    pub(super) link: u64,
    /// What it costs the peer to reach each gateway, by its number, where it may do so without us.
    distances: Vec<u64>,
}

/// A way to a destination over one peer.
#[derive(Clone, Copy)]
struct Way<'a> {
    peer: &'a Peer,
    /// From the peer to the destination.
    rest: u64,
}

impl<'a> Vantage<'a> {
    pub(super) fn new(graph: &'a Graph, me: &GatewayId, origin: Origin) -> Option<Self> {
        let me = graph.number(me)?;
        let vertex = graph.vertex(me)?;
        let own = vertex.passable.then(|| graph.distances(me, origin, graph.no_bounds()));
        let peers = graph.ways_on(vertex, origin).map(|edge| Peer {
            number: edge.to,
            link: edge.cost,
            distances: onward(graph, edge.to, (me, own.as_deref()), origin),
        });
        Some(Self { graph, me, passable: vertex.passable, peers: peers.collect() })
    }

    /// The route to whichever of `ends` is nearest.
    pub(super) fn route(&self, ends: &[usize]) -> Option<Route> {
        let way = |peer| {
            let rest = ends.iter().map(|end| Peer::distance(peer, *end)).min()?;
            (rest != UNREACHABLE).then_some(Way { peer, rest })
        };
        let ways: Vec<Way<'_>> = self.peers.iter().filter_map(way).collect();
        let cost = ways.iter().map(Way::cost).min()?;
        let (best, others): (Vec<_>, Vec<_>) = ways.into_iter().partition(|way| way.cost() == cost);
        let nearest = |end: &&usize| best.iter().any(|way| way.peer.distance(**end) == way.rest);
        Some(Route {
            cost: narrow(cost),
            next_hops: self.names(best.iter().map(|way| way.peer.number)),
            ends: self.names(ends.iter().filter(nearest).copied()),
            backup: self.backup(&best, &others, cost),
        })
    }

    /// The best loop-free alternate: one that also avoids the next hops, then the cheapest.
    fn backup(&self, best: &[Way<'_>], others: &[Way<'_>], cost: u64) -> Option<Backup> {
        let loop_free = others.iter().filter(|way| !self.passable || way.avoids(self.me, cost));
        let rated = loop_free.map(|way| {
            let protects = best.iter().all(|next| way.avoids(next.peer.number, next.rest));
            (!protects, way.cost(), way.peer.number)
        });
        let (exposed, cost, number) = rated.min()?;
        let next_hop = self.graph.gateway(number)?.clone();
        Some(Backup { next_hop, cost: narrow(cost), node_protecting: !exposed })
    }

    fn names(&self, numbers: impl Iterator<Item = usize>) -> BTreeSet<GatewayId> {
        numbers.filter_map(|number| self.graph.gateway(number)).cloned().collect()
    }
}

impl Peer {
    pub(super) fn distance(&self, to: usize) -> u64 {
        self.distances.get(to).copied().unwrap_or(UNREACHABLE)
    }
}

impl Way<'_> {
    fn cost(&self) -> u64 {
        self.peer.link + self.rest
    }

    /// Whether every shortest path of the peer avoids a gateway from which the rest costs this much.
    fn avoids(&self, gateway: usize, rest: u64) -> bool {
        self.rest < self.peer.distance(gateway).saturating_add(rest)
    }
}

/// What it costs a peer to reach each gateway, given what it costs us if others may send through us.
///
/// Where the peer's way over its link with us is as short as any, it is no alternate, nor does any
/// shortest path of an alternate lead there: no need to look further. With many links this leaves
/// little of a search.
fn onward(
    graph: &Graph,
    peer: usize,
    (me, own): (usize, Option<&[u64]>),
    origin: Origin,
) -> Vec<u64> {
    let vertex = graph.vertex(peer).filter(|vertex| vertex.passable);
    let back = vertex.and_then(|one| graph.ways_on(one, origin).find(|edge| edge.to == me));
    let (Some(own), Some(back)) = (own, back) else {
        return graph.distances(peer, origin, graph.no_bounds());
    };
    // Whom we cannot reach, no peer can.
    let bound = |distance: &u64| distance.checked_add(back.cost).unwrap_or(0);
    let bounds = own.iter().map(bound).collect();
    let mut distances = graph.distances(peer, origin, bounds);
    if let Some(home) = distances.get_mut(me) {
        *home = back.cost.min(*home);
    }
    distances
}

/// A cost for people; what does not fit is the most that does.
fn narrow(cost: u64) -> u32 {
    u32::try_from(cost).unwrap_or(u32::MAX)
}
