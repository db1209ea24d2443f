//! Shortest paths over the adverts. Vertices are gateways, destinations are regions (any usable
//! gateway of it will do) and, for replies, gateways.
//!
//! Which gateways may lie in between depends on where a frame was created: those of its own region
//! (siblings carry each other's traffic), those of the destination region, and those of regions that
//! allow transit. For one origin region this is the same set at every gateway, so that tables
//! computed from the same adverts agree and next hops cannot form a loop.
//!
//! Beside the next hops a route names a *backup*: a peer whose own shortest paths do not lead back
//! here (RFC 5286). It is used from the moment that no next hop is, until tables are computed anew.

mod graph;
mod step;
mod table;
mod ways;
mod what_if;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use self::ways::{RegionWays, Way, WayUse};
use self::{graph::Delta, table::Vantage};
pub(crate) use self::{
    graph::Graph,
    step::{Here, Step, next_step},
    table::Table,
};
use crate::{
    Topology,
    id::{GatewayId, RegionId},
};

/// How to reach a gateway or a region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The sum of the links' costs.
    pub cost: u32,
    /// Peers over which the cost is the same; flows are spread over them. Never empty.
    pub next_hops: BTreeSet<GatewayId>,
    /// The gateways at the end that are nearest.
    pub ends: BTreeSet<GatewayId>,
    /// Whom to send to while none of the next hops can be used; `None` if every other peer might
    /// send back.
    #[serde(default)]
    pub backup: Option<Backup>,
}

/// A loop-free alternate: a peer whose own shortest paths to the destination avoid this gateway
/// (RFC 5286, inequality 1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// The peer; none of the route's next hops.
    pub next_hop: GatewayId,
    /// The sum of the links' costs over it.
    pub cost: u32,
    /// Its paths avoid the next hops too, so that it also helps when one of them is dead
    /// (RFC 5286, inequality 3).
    pub node_protecting: bool,
}

/// Computed tables, one for each kind of origin whose frames pass here, each computed when it is
/// first asked for.
///
/// Regions that allow transit all have the same table. Bound: one more than regions in the graph;
/// [`WORKED_MAX`] of them keep what they were computed from, eight bytes for each peer and gateway.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    graph: Graph,
    tables: BTreeMap<graph::Origin, Kept>,
    /// Counts up with each change of the graph.
    version: u64,
    /// The graph is half changed: it must be built anew.
    broken: bool,
}

/// Tables that can be brought up to date; the others are computed anew when they are next asked for.
const WORKED_MAX: usize = 8;

/// A table, and what it was computed from.
#[derive(Debug)]
struct Kept {
    table: Table,
    worked: Option<Vantage>,
}

/// What a gateway says of its place: its name, its region, the rest.
pub(crate) type Place<'a> = (&'a GatewayId, &'a RegionId, &'a Topology);

impl Routes {
    /// Takes a new graph; whether it differs.
    pub(crate) fn update(&mut self, graph: Graph) -> bool {
        if graph == self.graph && !std::mem::take(&mut self.broken) {
            return false;
        }
        self.broken = false;
        self.graph = graph;
        self.tables.clear();
        self.version += 1;
        true
    }

    /// Takes what some gateways say anew; whether the graph differs by it. `None` where the graph
    /// must be built anew from what all say: see [`Self::update`].
    pub(crate) fn change<'a>(&mut self, places: impl Iterator<Item = Place<'a>>) -> Option<bool> {
        let mut delta = Delta::default();
        let mut whole = true;
        for place in places {
            whole &= self.graph.change(place, &mut delta);
        }
        if !whole {
            self.broken = true;
            return None;
        }
        if delta.is_empty() {
            return Some(false);
        }
        let graph = &self.graph;
        self.tables.retain(|origin, kept| kept.change(graph, *origin, &delta));
        self.version += 1;
        Some(true)
    }

    /// The routes of `me` for frames created in `origin`.
    pub(crate) fn table(&mut self, me: &GatewayId, origin: &RegionId) -> &Table {
        let graph = &self.graph;
        let origin = graph.origin(origin);
        let room = self.tables.len() < WORKED_MAX;
        &self.tables.entry(origin).or_insert_with(|| Kept::new(graph, me, origin, room)).table
    }

    /// Every way to every other region for frames created in `origin`, used or not.
    pub(crate) fn ways(&self, me: &GatewayId, origin: &RegionId) -> Vec<RegionWays> {
        ways::ways(&self.graph, me, self.graph.origin(origin))
    }

    /// The same, if it has been computed.
    pub(crate) fn peek(&self, origin: &RegionId) -> Option<&Table> {
        self.tables.get(&self.graph.origin(origin)).map(|kept| &kept.table)
    }

    pub(crate) fn graph(&self) -> &Graph {
        &self.graph
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }
}

impl Kept {
    fn new(graph: &Graph, me: &GatewayId, origin: graph::Origin, room: bool) -> Self {
        let worked = Vantage::new(graph, me, origin);
        let table = worked.as_ref().map_or_else(Table::default, |one| one.table(graph));
        Self { table, worked: worked.filter(|_| room) }
    }

    /// Whether the table could be brought up to date.
    fn change(&mut self, graph: &Graph, origin: graph::Origin, delta: &Delta) -> bool {
        let Some(worked) = &mut self.worked else { return false };
        let Some(gateways) = worked.change(graph, origin, &delta.shifts) else { return false };
        self.table.refresh(graph, worked, (&gateways, &delta.regions));
        true
    }
}

#[cfg(test)]
mod tests;
