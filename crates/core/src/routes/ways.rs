//! Every way that was looked at for a route, and why it is one or not: for people.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Route,
    graph::{Graph, Origin, UNREACHABLE},
    table::{Peer, Vantage},
};
use crate::id::{GatewayId, RegionId};

/// The ways to one region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionWays {
    /// The region.
    pub region: RegionId,
    /// One for each peer, the cheapest first.
    pub ways: Vec<Way>,
}

/// A way to a region over one peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    /// The peer.
    pub via: GatewayId,
    /// What the link to it costs.
    pub link: u32,
    /// What it costs the peer to go on, without us; `None` if it cannot.
    pub rest: Option<u32>,
    /// Whether it is used.
    #[serde(rename = "use")]
    pub usage: WayUse,
}

/// Whether a way is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WayUse {
    /// It is a next hop: nothing is cheaper.
    Best,
    /// It takes over while no next hop can be used.
    Backup,
    /// It costs more than the next hops, and another is the backup.
    Dearer,
    /// The peer has no way of its own, or its cheapest one leads back to us.
    NoWay,
}

impl Way {
    /// The sum of the links' costs.
    #[must_use]
    pub fn cost(&self) -> Option<u32> {
        Some(self.link.saturating_add(self.rest?))
    }
}

/// Every way to every region that has a usable gateway, or had one.
pub(super) fn ways(graph: &Graph, me: &GatewayId, origin: Origin) -> Vec<RegionWays> {
    let Some(vantage) = Vantage::new(graph, me, origin) else { return Vec::new() };
    let home = graph.vertex(vantage.me).map(|vertex| vertex.region);
    let mut ends: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (number, _, vertex) in graph.gateways() {
        let ends = ends.entry(vertex.region).or_default();
        if vertex.usable {
            ends.push(number);
        }
    }
    let others = graph.regions().filter(|(number, _)| Some(*number) != home);
    others
        .map(|(number, region)| {
            let ends = ends.get(&number).map_or(&[][..], Vec::as_slice);
            let route = vantage.route(graph, ends);
            let way = |peer: &Peer| way(graph, peer, ends, route.as_ref());
            let mut ways: Vec<Way> = vantage.peers.iter().filter_map(way).collect();
            ways.sort_by_key(|way| (way.usage, way.cost(), way.via.clone()));
            RegionWays { region: region.clone(), ways }
        })
        .collect()
}

fn way(graph: &Graph, peer: &Peer, ends: &[usize], route: Option<&Route>) -> Option<Way> {
    let via = graph.gateway(peer.number)?.clone();
    let rest = ends.iter().map(|end| peer.distance(*end)).min();
    let rest = rest.filter(|rest| *rest != UNREACHABLE);
    let is_backup = |route: &Route| route.backup.as_ref().is_some_and(|one| one.next_hop == via);
    let usage = match route {
        _ if rest.is_none() => WayUse::NoWay,
        Some(route) if route.next_hops.contains(&via) => WayUse::Best,
        Some(route) if is_backup(route) => WayUse::Backup,
        Some(_) | None => WayUse::Dearer,
    };
    let narrow = |cost: u64| u32::try_from(cost).unwrap_or(u32::MAX);
    Some(Way { via, link: narrow(peer.link), rest: rest.map(narrow), usage })
}
