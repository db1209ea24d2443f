//! Shortest paths over the adverts. Vertices are gateways, destinations are regions (any usable
//! gateway of it will do) and, for replies, gateways.
//!
//! Which gateways may lie in between depends on where a frame was created: those of its own region
//! (siblings carry each other's traffic), those of the destination region, and those of regions that
//! allow transit. For one origin region this is the same set at every gateway, so that tables
//! computed from the same adverts agree and next hops cannot form a loop.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    advert::Topology,
    id::{GatewayId, RegionId},
};

/// The topology: adjacencies that both ends advertise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Graph {
    vertices: BTreeMap<GatewayId, Vertex>,
    /// Regions all of whose gateways carry foreign traffic.
    transit: BTreeSet<RegionId>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Vertex {
    region: RegionId,
    /// Active or starting, with a broker: frames can end here.
    usable: bool,
    /// Not on its way out: frames can pass here.
    passable: bool,
    edges: BTreeMap<GatewayId, u32>,
}

/// How to reach a gateway or a region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The sum of the links' costs.
    pub cost: u32,
    /// Peers over which the cost is the same; flows are spread over them. Never empty.
    pub next_hops: BTreeSet<GatewayId>,
    /// The gateways at the end that are nearest.
    pub ends: BTreeSet<GatewayId>,
}

/// All routes from one gateway for frames that were created in one region.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Table {
    gateways: BTreeMap<GatewayId, Route>,
    regions: BTreeMap<RegionId, Route>,
}

impl Graph {
    /// Builds the graph from what every gateway says of itself.
    pub(crate) fn new(topologies: &[(&GatewayId, &RegionId, &Topology)]) -> Self {
        let by_gateway: BTreeMap<_, _> =
            topologies.iter().map(|(gateway, _, topology)| (*gateway, *topology)).collect();
        let mutual = |from: &GatewayId, to: &GatewayId| {
            by_gateway.get(to).is_some_and(|topology| topology.adjacencies.contains_key(from))
        };
        let mut graph = Self::default();
        let mut opaque = BTreeSet::new();
        for &(gateway, region, topology) in topologies {
            let here = topology.state.takes_frames();
            let edges = topology.adjacencies.iter().filter(|(to, _)| mutual(gateway, to));
            let vertex = Vertex {
                region: region.clone(),
                usable: here && topology.broker,
                passable: here,
                edges: edges.map(|(to, cost)| (to.clone(), *cost)).collect(),
            };
            graph.vertices.insert(gateway.clone(), vertex);
            if !topology.transit {
                opaque.insert(region.clone());
            }
            graph.transit.insert(region.clone());
        }
        graph.transit.retain(|region| !opaque.contains(region));
        graph
    }

    /// The routes of `me` for frames created in `origin`.
    pub(crate) fn table(&self, me: &GatewayId, origin: &RegionId) -> Table {
        let gateways = self.search(me, origin);
        let mut regions: BTreeMap<RegionId, Route> = BTreeMap::new();
        for (gateway, route) in &gateways {
            let Some(vertex) = self.vertices.get(gateway).filter(|vertex| vertex.usable) else {
                continue;
            };
            match regions.get_mut(&vertex.region) {
                Some(best) if best.cost < route.cost => {}
                Some(best) if best.cost == route.cost => {
                    best.next_hops.extend(route.next_hops.iter().cloned());
                    best.ends.insert(gateway.clone());
                }
                Some(_) | None => {
                    regions.insert(vertex.region.clone(), route.clone());
                }
            }
        }
        Table { gateways, regions }
    }

    /// Dijkstra's algorithm from `me`, keeping every next hop that costs the same.
    fn search(&self, me: &GatewayId, origin: &RegionId) -> BTreeMap<GatewayId, Route> {
        let mut done: BTreeMap<GatewayId, Route> = BTreeMap::new();
        let mut found: BTreeMap<GatewayId, Route> = BTreeMap::new();
        let mut frontier: BTreeSet<(u32, GatewayId)> = BTreeSet::from([(0, me.clone())]);
        while let Some((cost, at)) = frontier.pop_first() {
            let Some(vertex) = self.vertices.get(&at) else { continue };
            let route = found.remove(&at);
            for (to, step) in &vertex.edges {
                if to == me || done.contains_key(to) || !self.leads_on(me, &at, to, origin) {
                    continue;
                }
                // A step costs at least 1, so that ties are settled before they are passed on.
                let cost = cost.saturating_add((*step).max(1));
                let via = route
                    .as_ref()
                    .map_or_else(|| BTreeSet::from([to.clone()]), |route| route.next_hops.clone());
                offer(&mut found, &mut frontier, to, cost, via);
            }
            if let Some(route) = route {
                done.insert(at, route);
            }
        }
        done
    }

    /// Whether a frame of `origin` that is at `at` may go on to `to`.
    fn leads_on(&self, me: &GatewayId, at: &GatewayId, to: &GatewayId, origin: &RegionId) -> bool {
        let (Some(here), Some(there)) = (self.vertices.get(at), self.vertices.get(to)) else {
            return false;
        };
        let carries = here.region == *origin || self.transit.contains(&here.region);
        // One that is on its way out still sends what it holds.
        (here.passable || at == me) && (carries || here.region == there.region)
    }

    /// Whether every gateway of the region carries foreign traffic.
    pub(crate) fn allows_transit(&self, region: &RegionId) -> bool {
        self.transit.contains(region)
    }
}

/// Records a way to `to` if it is as good as the best so far.
fn offer(
    found: &mut BTreeMap<GatewayId, Route>,
    frontier: &mut BTreeSet<(u32, GatewayId)>,
    to: &GatewayId,
    cost: u32,
    via: BTreeSet<GatewayId>,
) {
    match found.get_mut(to) {
        Some(best) if best.cost < cost => {}
        Some(best) if best.cost == cost => best.next_hops.extend(via),
        other => {
            if let Some(worse) = other {
                frontier.remove(&(worse.cost, to.clone()));
            }
            let ends = BTreeSet::from([to.clone()]);
            found.insert(to.clone(), Route { cost, next_hops: via, ends });
            frontier.insert((cost, to.clone()));
        }
    }
}

impl Table {
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

/// Computed tables, one for each region whose frames pass here.
///
/// Bound: regions of the database, which bounds its gateways.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    graph: Graph,
    tables: BTreeMap<RegionId, Table>,
    /// Counts up with each change of the graph.
    version: u64,
}

impl Routes {
    /// Takes a new graph; whether it differs.
    pub(crate) fn update(&mut self, graph: Graph) -> bool {
        if graph == self.graph {
            return false;
        }
        self.graph = graph;
        self.tables.clear();
        self.version += 1;
        true
    }

    /// The routes for frames created in `origin`.
    pub(crate) fn table(&mut self, me: &GatewayId, origin: &RegionId) -> &Table {
        let graph = &self.graph;
        self.tables.entry(origin.clone()).or_insert_with(|| graph.table(me, origin))
    }

    /// The same, if it has been computed.
    pub(crate) fn peek(&self, origin: &RegionId) -> Option<&Table> {
        self.tables.get(origin)
    }

    pub(crate) fn graph(&self) -> &Graph {
        &self.graph
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }
}

#[cfg(test)]
mod tests;
