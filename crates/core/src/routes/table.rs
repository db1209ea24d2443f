//! Routes out of a graph: what each peer would do with a frame decides who of them gets it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Backup, Route,
    graph::{Edge, Graph, Origin, Shift, UNREACHABLE},
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
        Vantage::new(graph, me, origin).map_or_else(Self::default, |one| one.table(graph))
    }

    /// Finds anew the routes that may differ now that distances to these gateways have changed, or
    /// which gateways of these regions can end frames.
    ///
    /// A route depends on what it costs the peers to reach its ends, and whether their ways there
    /// avoid the next hops and ourselves: nothing else.
    pub(super) fn refresh(
        &mut self,
        graph: &Graph,
        vantage: &Vantage,
        (gateways, regions): (&BTreeSet<usize>, &BTreeSet<usize>),
    ) {
        let names: BTreeSet<&GatewayId> =
            gateways.iter().filter_map(|one| graph.gateway(*one)).collect();
        let leans = |route: Option<&Route>| {
            route.is_some_and(|route| route.next_hops.iter().any(|hop| names.contains(hop)))
        };
        let all = gateways.contains(&vantage.me);
        let others = graph.gateways().filter(|(number, ..)| *number != vantage.me);
        for (number, gateway, _) in others.filter(|_| !gateways.is_empty()) {
            if all || gateways.contains(&number) || leans(self.gateways.get(gateway)) {
                put(&mut self.gateways, gateway, vantage.route(graph, &[number]));
            }
        }
        let ends = vantage.ends(graph);
        for (number, region) in graph.regions() {
            let ends = ends.get(&number).map_or(&[][..], Vec::as_slice);
            let changed =
                regions.contains(&number) || ends.iter().any(|end| gateways.contains(end));
            if all || changed || leans(self.regions.get(region)) {
                put(&mut self.regions, region, vantage.route(graph, ends));
            }
        }
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
#[derive(Debug)]
pub(super) struct Vantage {
    pub(super) me: usize,
    /// What it costs ourselves to reach each gateway, by its number; `None` where others may not send
    /// through us.
    own: Option<Vec<u64>>,
    pub(super) peers: Vec<Peer>,
}

/// A peer that may get frames.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) number: usize,
    /// What the link to it costs.
    pub(super) link: u64,
    /// What the link with us costs it, where it may send over it.
    back: Option<u64>,
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

impl Vantage {
    pub(super) fn new(graph: &Graph, me: &GatewayId, origin: Origin) -> Option<Self> {
        let me = graph.number(me)?;
        let vertex = graph.vertex(me)?;
        let own = vertex.passable.then(|| graph.distances(me, origin, graph.no_bounds()));
        let peers = graph.ways_on(vertex, origin).map(|edge| {
            let mut peer = Peer::new(graph, edge, me, origin);
            peer.look(graph, (me, own.as_deref()), origin);
            peer
        });
        Some(Self { me, peers: peers.collect(), own })
    }

    /// Takes what has changed in the graph; the gateways, by number, to which a distance has changed.
    /// `None` where it is less work to begin anew: our own links or our own distances have changed,
    /// and all peers' searches are bounded by those.
    ///
    /// A search stays as it is if no edge that changed was on a shortest path and none makes a
    /// shorter one. So in a fabric with many links a change costs a search from one peer or two.
    pub(super) fn change(
        &mut self,
        graph: &Graph,
        origin: Origin,
        shifts: &[Shift],
    ) -> Option<BTreeSet<usize>> {
        // Our own links count even where others may not send through us.
        if shifts.iter().any(|shift| shift.from == self.me || shift.to == self.me) {
            return None;
        }
        let leads = |shift: &&Shift| {
            let passable = graph.vertex(shift.from).is_some_and(|from| from.passable);
            passable && graph.leads(shift.from, shift.to, origin)
        };
        let shifts: Vec<&Shift> = shifts.iter().filter(leads).collect();
        let moves = |own: &Vec<u64>| shifts.iter().any(|shift| touches(own, shift, UNREACHABLE));
        if self.own.as_ref().is_some_and(moves) {
            return None;
        }
        let mut changed = BTreeSet::new();
        let own = self.own.as_deref();
        for peer in &mut self.peers {
            let bound = |shift: &Shift| peer.bound(own, shift.to);
            if shifts.iter().any(|shift| touches(&peer.distances, shift, bound(shift))) {
                let before = peer.look(graph, (self.me, own), origin);
                let both = before.iter().zip(&peer.distances).enumerate();
                changed.extend(both.filter(|(_, (was, is))| was != is).map(|(number, _)| number));
            }
        }
        Some(changed)
    }

    /// All routes.
    pub(super) fn table(&self, graph: &Graph) -> Table {
        let mut table = Table::default();
        let everything = [self.me].into();
        table.refresh(graph, self, (&everything, &BTreeSet::new()));
        table
    }

    /// The gateways of each region that can end frames, without ourselves.
    fn ends(&self, graph: &Graph) -> BTreeMap<usize, Vec<usize>> {
        let mut ends: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let usable =
            graph.gateways().filter(|(number, _, vertex)| vertex.usable && *number != self.me);
        for (number, _, vertex) in usable {
            ends.entry(vertex.region).or_default().push(number);
        }
        ends
    }

    /// The route to whichever of `ends` is nearest.
    pub(super) fn route(&self, graph: &Graph, ends: &[usize]) -> Option<Route> {
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
            next_hops: names(graph, best.iter().map(|way| way.peer.number)),
            ends: names(graph, ends.iter().filter(nearest).copied()),
            backup: self.backup(graph, (&best, &others), cost),
        })
    }

    /// The best loop-free alternate: one that also avoids the next hops, then the cheapest.
    fn backup(
        &self,
        graph: &Graph,
        (best, others): (&[Way<'_>], &[Way<'_>]),
        cost: u64,
    ) -> Option<Backup> {
        let passable = self.own.is_some();
        let loop_free = others.iter().filter(|way| !passable || way.avoids(self.me, cost));
        let rated = loop_free.map(|way| {
            let protects = best.iter().all(|next| way.avoids(next.peer.number, next.rest));
            (!protects, way.cost(), way.peer.number)
        });
        let (exposed, cost, number) = rated.min()?;
        let next_hop = graph.gateway(number)?.clone();
        Some(Backup { next_hop, cost: narrow(cost), node_protecting: !exposed })
    }
}

impl Peer {
    fn new(graph: &Graph, edge: Edge, me: usize, origin: Origin) -> Self {
        let vertex = graph.vertex(edge.to).filter(|vertex| vertex.passable);
        let back = vertex.and_then(|one| graph.ways_on(one, origin).find(|edge| edge.to == me));
        let back = back.map(|edge| edge.cost);
        Self { number: edge.to, link: edge.cost, back, distances: Vec::new() }
    }

    /// Finds what it costs this peer to reach each gateway, given what it costs us if others may send
    /// through us; what it cost before.
    ///
    /// Where the peer's way over its link with us is as short as any, it is no alternate, nor does any
    /// shortest path of an alternate lead there: no need to look further. With many links this leaves
    /// little of a search.
    fn look(
        &mut self,
        graph: &Graph,
        (me, own): (usize, Option<&[u64]>),
        origin: Origin,
    ) -> Vec<u64> {
        let bounds = (0..graph.vertex_count()).map(|to| self.bound(own, to)).collect();
        let mut distances = graph.distances(self.number, origin, bounds);
        if let (Some(_), Some(back), Some(home)) = (own, self.back, distances.get_mut(me)) {
            *home = back.min(*home);
        }
        std::mem::replace(&mut self.distances, distances)
    }

    /// From where on its way to a gateway over its link with us is as short.
    fn bound(&self, own: Option<&[u64]>, to: usize) -> u64 {
        let (Some(own), Some(back)) = (own, self.back) else { return UNREACHABLE };
        // Whom we cannot reach, no peer can.
        own.get(to).and_then(|distance| distance.checked_add(back)).unwrap_or(0)
    }

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

/// Whether a search with these results may find something else now that an edge has changed: it was on
/// a shortest path, or makes a shorter one. Where it goes, the search did not look further than `bound`.
fn touches(distances: &[u64], shift: &Shift, bound: u64) -> bool {
    let at = |number: usize| distances.get(number).copied().unwrap_or(UNREACHABLE);
    let (from, to) = (at(shift.from), at(shift.to));
    if from == UNREACHABLE {
        return false;
    }
    let was_on_path = shift.before.is_some_and(|cost| from + cost == to);
    was_on_path || shift.after.is_some_and(|cost| from + cost < to.min(bound))
}

fn names(graph: &Graph, numbers: impl Iterator<Item = usize>) -> BTreeSet<GatewayId> {
    numbers.filter_map(|number| graph.gateway(number)).cloned().collect()
}

fn put<K: Ord + Clone>(table: &mut BTreeMap<K, Route>, key: &K, route: Option<Route>) {
    match route {
        Some(route) => drop(table.insert(key.clone(), route)),
        None => drop(table.remove(key)),
    }
}

/// A cost for people; what does not fit is the most that does.
fn narrow(cost: u64) -> u32 {
    u32::try_from(cost).unwrap_or(u32::MAX)
}
