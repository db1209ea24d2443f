//! Random small fabrics, and a slow obvious search of them: try every path.

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::{GatewayId, GatewayState, RegionId, Topology, routes::Graph};

pub(super) const REGIONS: usize = 5;

/// A world of gateways `g00`, `g01`.. in regions `r0`.., as every gateway would describe itself.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// Region, state and whether there is a broker, of each gateway.
    pub(super) gateways: Vec<(usize, GatewayState, bool)>,
    pub(super) transit: [bool; REGIONS],
    /// Two gateways, the lower first, and what a link between them costs either way.
    pub(super) edges: Vec<(usize, usize, u32)>,
}

/// Every shortest path between two gateways, both included, and what it costs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shortest {
    pub(super) cost: u32,
    pub(super) paths: Vec<Vec<usize>>,
}

pub(super) fn name(index: usize) -> GatewayId {
    format!("g{index:02}").parse().unwrap()
}

pub(super) fn region(index: usize) -> RegionId {
    format!("r{index}").parse().unwrap()
}

pub(super) fn names(indices: impl IntoIterator<Item = usize>) -> BTreeSet<GatewayId> {
    indices.into_iter().map(name).collect()
}

impl Plan {
    pub(super) fn topologies(&self) -> Vec<(GatewayId, RegionId, Topology)> {
        let one = |(index, (home, state, broker)): (usize, &(usize, GatewayState, bool))| {
            let ends = self.edges.iter().filter(|(a, b, _)| *a == index || *b == index);
            let adjacencies =
                ends.map(|(a, b, cost)| (name(if *a == index { *b } else { *a }), *cost)).collect();
            let topology = Topology {
                state: *state,
                broker: *broker,
                transit: self.transit[*home],
                transit_ruled: false,
                adjacencies,
                native: BTreeSet::new(),
            };
            (name(index), region(*home), topology)
        };
        self.gateways.iter().enumerate().map(one).collect()
    }

    pub(super) fn graph(&self) -> Graph {
        graph_of(&self.topologies())
    }

    pub(super) fn count(&self) -> usize {
        self.gateways.len()
    }

    pub(super) fn home(&self, gateway: usize) -> usize {
        self.gateways[gateway].0
    }

    pub(super) fn is_passable(&self, gateway: usize) -> bool {
        self.gateways[gateway].1.takes_frames()
    }

    /// Whether frames can end at a gateway.
    pub(super) fn is_usable(&self, gateway: usize) -> bool {
        self.is_passable(gateway) && self.gateways[gateway].2
    }

    pub(super) fn link(&self, a: usize, b: usize) -> Option<u32> {
        let ends = (a.min(b), a.max(b));
        self.edges.iter().find(|(a, b, _)| (*a, *b) == ends).map(|(_, _, cost)| *cost)
    }

    pub(super) fn neighbours(&self, gateway: usize) -> impl Iterator<Item = usize> {
        (0..self.count()).filter(move |other| self.link(gateway, *other).is_some())
    }

    /// Whether a frame of `origin` that is at `at` may be sent on to `to`.
    pub(super) fn may_send(&self, at: usize, to: usize, origin: usize) -> bool {
        let home = self.home(at);
        home == origin || self.transit[home] || home == self.home(to)
    }

    /// Every shortest path of a frame of `origin` from one gateway to the nearest of `ends`. The
    /// first gateway sends even if it is on its way out, where `leaving` says so.
    pub(super) fn shortest(
        &self,
        from: usize,
        ends: &[usize],
        origin: usize,
        leaving: bool,
    ) -> Option<Shortest> {
        let mut best = None;
        self.walk(&mut vec![from], 0, (ends, origin, leaving), &mut best);
        best
    }

    fn walk(
        &self,
        path: &mut Vec<usize>,
        cost: u32,
        question: (&[usize], usize, bool),
        best: &mut Option<Shortest>,
    ) {
        let (ends, origin, leaving) = question;
        let at = *path.last().unwrap();
        if ends.contains(&at) {
            return note(best, cost, path);
        }
        let sends = self.is_passable(at) || (leaving && path.len() == 1);
        if !sends {
            return;
        }
        for next in self.neighbours(at) {
            if !path.contains(&next) && self.may_send(at, next, origin) {
                path.push(next);
                let step = self.link(at, next).unwrap().max(1);
                self.walk(path, cost + step, question, best);
                path.pop();
            }
        }
    }
}

fn note(best: &mut Option<Shortest>, cost: u32, path: &[usize]) {
    match best {
        Some(best) if best.cost < cost => {}
        Some(best) if best.cost == cost => best.paths.push(path.to_vec()),
        Some(_) | None => *best = Some(Shortest { cost, paths: vec![path.to_vec()] }),
    }
}

pub(super) fn graph_of(all: &[(GatewayId, RegionId, Topology)]) -> Graph {
    Graph::new(&all.iter().map(|(a, b, c)| (a, b, c)).collect::<Vec<_>>())
}

/// Sparse fabrics of 2 to 12 gateways with up to 16 links.
pub(super) fn plans() -> impl Strategy<Value = Plan> {
    let state = prop_oneof![
        8 => Just(GatewayState::Active),
        1 => Just(GatewayState::Starting),
        1 => Just(GatewayState::Draining)
    ];
    let gateway = (0..REGIONS, state, prop::bool::weighted(0.9));
    let gateways = prop::collection::vec(gateway, 2..=12);
    let transit = prop::array::uniform5(prop::bool::weighted(0.7));
    let edges = prop::collection::vec((0..12usize, 0..12usize, 1..5u32), 0..=16);
    (gateways, transit, edges).prop_map(|(gateways, transit, edges)| {
        let count = gateways.len();
        let mut seen = BTreeSet::new();
        let edges = edges
            .into_iter()
            .map(|(a, b, cost)| ((a % count).min(b % count), (a % count).max(b % count), cost))
            .filter(|(a, b, _)| a != b && seen.insert((*a, *b)))
            .collect();
        Plan { gateways, transit, edges }
    })
}
