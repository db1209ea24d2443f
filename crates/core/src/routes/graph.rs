//! The topology as a graph. Names become numbers here, so that a search touches none.

mod change;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
};

pub(super) use self::change::{Delta, Shift};
use crate::{
    advert::Topology,
    id::{GatewayId, RegionId},
};

/// Stands for a gateway that cannot be reached.
pub(super) const UNREACHABLE: u64 = u64::MAX;

/// The topology: adjacencies that both ends advertise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Graph {
    /// Sorted; a gateway's number is its place.
    gateways: Vec<GatewayId>,
    /// Sorted; a region's number is its place.
    regions: Vec<RegionId>,
    vertices: Vec<Vertex>,
    /// Whether all gateways of a region carry foreign traffic, by its number.
    transit: Vec<bool>,
}

/// One gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Vertex {
    /// The number of its region.
    pub(super) region: usize,
    /// Active or starting, with a broker: frames can end here.
    pub(super) usable: bool,
    /// Not on its way out: frames can pass here.
    pub(super) passable: bool,
    /// Whether it says that it carries foreign traffic.
    willing: bool,
    /// Its adjacencies as it says, by number: with gateways that there are.
    said: Vec<Edge>,
    /// Those that the other end says too, the cheapest first.
    pub(super) edges: Vec<Edge>,
}

/// One direction of an adjacency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Edge {
    /// The number of the gateway at the other end.
    pub(super) to: usize,
    /// At least 1, so that ties are settled before they are passed on.
    pub(super) cost: u64,
}

/// Where frames were created, as far as it decides about their way: the number of a region that
/// carries nothing foreign; `None` for all others.
pub(super) type Origin = Option<usize>;

impl Graph {
    /// Builds the graph from what every gateway says of itself, each once.
    pub(crate) fn new(topologies: &[(&GatewayId, &RegionId, &Topology)]) -> Self {
        let by_gateway: BTreeMap<&GatewayId, (&RegionId, &Topology)> = topologies
            .iter()
            .map(|(gateway, region, topology)| (*gateway, (*region, *topology)))
            .collect();
        let regions: BTreeSet<&RegionId> = by_gateway.values().map(|(region, _)| *region).collect();
        let gateways: Vec<GatewayId> = by_gateway.keys().copied().cloned().collect();
        let regions: Vec<RegionId> = regions.into_iter().cloned().collect();
        let mut transit = vec![true; regions.len()];
        let mut vertices = Vec::with_capacity(gateways.len());
        for (region, topology) in by_gateway.into_values() {
            let region = regions.binary_search(region).unwrap_or_default();
            if let Some(transit) = transit.get_mut(region) {
                *transit &= topology.transit;
            }
            let here = topology.state.takes_frames();
            vertices.push(Vertex {
                region,
                usable: here && topology.broker,
                passable: here,
                willing: topology.transit,
                said: edges(&gateways, topology),
                edges: Vec::new(),
            });
        }
        keep_mutual(&mut vertices);
        Self { gateways, regions, vertices, transit }
    }

    /// Whether every gateway of the region carries foreign traffic.
    pub(crate) fn allows_transit(&self, region: &RegionId) -> bool {
        let number = self.regions.binary_search(region).ok();
        number.and_then(|number| self.transit.get(number)).copied().unwrap_or(false)
    }

    pub(super) fn origin(&self, region: &RegionId) -> Origin {
        let number = self.regions.binary_search(region).ok()?;
        self.transit.get(number).is_some_and(|transit| !transit).then_some(number)
    }

    pub(super) fn number(&self, gateway: &GatewayId) -> Option<usize> {
        self.gateways.binary_search(gateway).ok()
    }

    pub(super) fn gateway(&self, number: usize) -> Option<&GatewayId> {
        self.gateways.get(number)
    }

    pub(super) fn vertex(&self, number: usize) -> Option<&Vertex> {
        self.vertices.get(number)
    }

    pub(super) fn vertex_count(&self) -> usize {
        self.vertices.len()
    }

    /// The names of a gateway and its region.
    pub(super) fn place(&self, number: usize) -> Option<(&GatewayId, &RegionId)> {
        let region = self.vertex(number)?.region;
        self.gateways.get(number).zip(self.regions.get(region))
    }

    pub(super) fn retain_edges(&mut self, of: usize, stays: impl Fn(&Edge) -> bool) {
        if let Some(vertex) = self.vertices.get_mut(of) {
            vertex.edges.retain(stays);
        }
    }

    /// Nothing is too far.
    pub(super) fn no_bounds(&self) -> Vec<u64> {
        vec![UNREACHABLE; self.vertices.len()]
    }

    /// Every gateway, with its number.
    pub(super) fn gateways(&self) -> impl Iterator<Item = (usize, &GatewayId, &Vertex)> {
        let both = self.gateways.iter().zip(&self.vertices).enumerate();
        both.map(|(number, (gateway, vertex))| (number, gateway, vertex))
    }

    /// Every region, with its number.
    pub(super) fn regions(&self) -> impl Iterator<Item = (usize, &RegionId)> {
        self.regions.iter().enumerate()
    }

    /// Whether a frame of this origin may be sent on from one gateway to another.
    pub(super) fn leads(&self, from: usize, to: usize, origin: Origin) -> bool {
        let home = |number: usize| self.vertices.get(number).map(|vertex| vertex.region);
        let transit = home(from).and_then(|region| self.transit.get(region)).is_some_and(|on| *on);
        let own = origin.is_some() && origin == home(from);
        transit || own || home(from) == home(to)
    }

    /// The adjacencies over which a gateway may send a frame of this origin on, the cheapest first.
    pub(super) fn ways_on(&self, at: &Vertex, origin: Origin) -> impl Iterator<Item = Edge> {
        let (home, transit) = (at.region, self.transit.get(at.region).is_some_and(|one| *one));
        let carries = transit || origin == Some(home);
        at.edges.iter().copied().filter(move |edge| {
            carries || self.vertices.get(edge.to).is_some_and(|there| there.region == home)
        })
    }

    /// What it costs to reach each gateway, by its number, for a frame of this origin that has come
    /// to `from`; what costs as much as its bound counts as unreachable. Dijkstra's algorithm.
    pub(super) fn distances(&self, from: usize, origin: Origin, bounds: Vec<u64>) -> Vec<u64> {
        let limit = bounds.iter().copied().max().unwrap_or_default();
        let mut search = Search {
            distances: vec![UNREACHABLE; bounds.len()],
            best: bounds,
            frontier: BinaryHeap::new(),
        };
        search.offer(from, 0);
        while let Some((at, distance)) = search.next() {
            let Some(vertex) = self.vertices.get(at).filter(|one| one.passable) else { continue };
            let useful = |edge: &Edge| distance + edge.cost < limit;
            for edge in self.ways_on(vertex, origin).take_while(useful) {
                search.offer(edge.to, distance + edge.cost);
            }
        }
        search.distances
    }
}

/// One run of Dijkstra's algorithm.
struct Search {
    distances: Vec<u64>,
    /// The distance so far, or else the bound.
    best: Vec<u64>,
    /// The nearest first; entries that were overtaken are passed over.
    frontier: BinaryHeap<Reverse<(u64, usize)>>,
}

impl Search {
    fn offer(&mut self, to: usize, distance: u64) {
        let Some(best) = self.best.get_mut(to).filter(|best| distance < **best) else { return };
        *best = distance;
        if let Some(known) = self.distances.get_mut(to) {
            *known = distance;
        }
        self.frontier.push(Reverse((distance, to)));
    }

    fn next(&mut self) -> Option<(usize, u64)> {
        loop {
            let Reverse((distance, at)) = self.frontier.pop()?;
            if self.best.get(at) == Some(&distance) {
                return Some((at, distance));
            }
        }
    }
}

/// What a gateway says of its adjacencies with gateways that there are; sorted by number.
fn edges(gateways: &[GatewayId], topology: &Topology) -> Vec<Edge> {
    let mut edges = Vec::with_capacity(topology.adjacencies.len());
    // Both are sorted: one pass over them, side by side.
    let mut known = gateways.iter().enumerate().peekable();
    for (end, cost) in &topology.adjacencies {
        while known.next_if(|(_, gateway)| *gateway < end).is_some() {}
        let Some((to, _)) = known.next_if(|(_, gateway)| *gateway == end) else { continue };
        edges.push(Edge { to, cost: u64::from(*cost).max(1) });
    }
    edges
}

/// Finds the adjacencies that both ends know of.
fn keep_mutual(vertices: &mut [Vertex]) {
    for number in 0..vertices.len() {
        let edges = mutual(vertices, number);
        if let Some(vertex) = vertices.get_mut(number) {
            vertex.edges = edges;
        }
    }
}

/// What a gateway says of its adjacencies, as far as the other ends say so too; the cheapest first.
fn mutual(vertices: &[Vertex], number: usize) -> Vec<Edge> {
    let said = vertices.get(number).map_or(&[][..], |vertex| &vertex.said);
    let both = |edge: &&Edge| {
        let back = vertices.get(edge.to).and_then(|there| there.said_of(number));
        edge.to != number && back.is_some()
    };
    let mut edges: Vec<Edge> = said.iter().filter(both).copied().collect();
    edges.sort_unstable_by_key(Edge::rank);
    edges
}

impl Vertex {
    /// What it says that its link with a gateway costs.
    fn said_of(&self, gateway: usize) -> Option<u64> {
        let at = self.said.binary_search_by_key(&gateway, |edge| edge.to).ok()?;
        self.said.get(at).map(|edge| edge.cost)
    }
}

impl Edge {
    fn rank(&self) -> (u64, usize) {
        (self.cost, self.to)
    }
}
