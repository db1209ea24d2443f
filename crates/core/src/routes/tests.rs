use proptest::prelude::*;

use super::*;
use crate::GatewayState;

const REGIONS: usize = 5;

/// A world of gateways `g0`.. in regions `r0`.., as every gateway would describe itself.
#[derive(Clone, Debug)]
struct Plan {
    /// Region, usable and passable flags of each gateway.
    gateways: Vec<(usize, GatewayState, bool)>,
    transit: [bool; REGIONS],
    edges: Vec<(usize, usize, u32)>,
}

fn name(index: usize) -> GatewayId {
    format!("g{index:02}").parse().unwrap()
}

fn region(index: usize) -> RegionId {
    format!("r{index}").parse().unwrap()
}

impl Plan {
    fn topologies(&self) -> Vec<(GatewayId, RegionId, Topology)> {
        let one = |(index, (home, state, broker)): (usize, &(usize, GatewayState, bool))| {
            let ends = self.edges.iter().filter(|(a, b, _)| *a == index || *b == index);
            let adjacencies =
                ends.map(|(a, b, cost)| (name(if *a == index { *b } else { *a }), *cost)).collect();
            let topology = Topology {
                state: *state,
                broker: *broker,
                transit: self.transit[*home],
                adjacencies,
                native: BTreeSet::new(),
            };
            (name(index), region(*home), topology)
        };
        self.gateways.iter().enumerate().map(one).collect()
    }

    fn graph(&self) -> Graph {
        let all = self.topologies();
        Graph::new(&all.iter().map(|(a, b, c)| (a, b, c)).collect::<Vec<_>>())
    }

    fn home(&self, gateway: usize) -> usize {
        self.gateways[gateway].0
    }

    /// Whether a region carries foreign traffic: all of its gateways say so.
    fn carries(&self, home: usize) -> bool {
        self.transit[home]
    }

    /// The slow obvious model: try every simple path. Least cost and its first hops.
    fn slow(&self, from: usize, to: usize, origin: usize) -> Option<(u32, BTreeSet<GatewayId>)> {
        let mut best: Option<(u32, BTreeSet<GatewayId>)> = None;
        let mut path = vec![from];
        self.walk(&mut path, 0, to, origin, &mut best);
        best
    }

    fn walk(
        &self,
        path: &mut Vec<usize>,
        cost: u32,
        to: usize,
        origin: usize,
        best: &mut Option<(u32, BTreeSet<GatewayId>)>,
    ) {
        let at = *path.last().unwrap();
        if at == to && path.len() > 1 {
            let first = name(path[1]);
            match best {
                Some((least, _)) if *least < cost => {}
                Some((least, hops)) if *least == cost => {
                    hops.insert(first);
                }
                other => *other = Some((cost, BTreeSet::from([first]))),
            }
            return;
        }
        for &(a, b, step) in &self.edges {
            let next = if a == at {
                b
            } else if b == at {
                a
            } else {
                continue;
            };
            if path.contains(&next) || !self.may_pass(path, next, origin) {
                continue;
            }
            path.push(next);
            self.walk(path, cost + step.max(1), to, origin, best);
            path.pop();
        }
    }

    fn may_pass(&self, path: &[usize], next: usize, origin: usize) -> bool {
        let at = *path.last().unwrap();
        let (home, state, _) = self.gateways[at];
        let carries = home == origin || self.carries(home) || home == self.home(next);
        (state.takes_frames() || path.len() == 1) && carries
    }
}

fn plans() -> impl Strategy<Value = Plan> {
    let state = prop_oneof![
        6 => Just(GatewayState::Active),
        1 => Just(GatewayState::Starting),
        1 => Just(GatewayState::Draining)
    ];
    let gateway = (0..REGIONS, state, prop::bool::weighted(0.9));
    let gateways = prop::collection::vec(gateway, 2..9);
    (
        gateways,
        any::<[bool; REGIONS]>(),
        prop::collection::vec((0..9usize, 0..9usize, 1..5u32), 0..16),
    )
        .prop_map(|(gateways, transit, edges)| {
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

proptest! {
    /// The table says what trying every path says: same cost, same next hops.
    #[test]
    fn tables_agree_with_a_search_of_every_path(plan in plans(), origin in 0..REGIONS) {
        let graph = plan.graph();
        for from in 0..plan.gateways.len() {
            let table = graph.table(&name(from), &region(origin));
            for to in (0..plan.gateways.len()).filter(|to| *to != from) {
                let fast = table.gateway(&name(to)).map(|one| (one.cost, one.next_hops.clone()));
                prop_assert_eq!(fast, plan.slow(from, to, origin), "{} to {}", from, to);
            }
        }
    }

    /// Following next hops from table to table never comes back and arrives at the promised cost.
    #[test]
    fn next_hops_form_no_loop(plan in plans()) {
        let graph = plan.graph();
        for origin in 0..REGIONS {
            for from in (0..plan.gateways.len()).filter(|one| plan.home(*one) == origin) {
                let table = graph.table(&name(from), &region(origin));
                // One that can publish in its own region never asks for the way there.
                for to in table.regions().keys().filter(|to| **to != region(origin)) {
                    let mut at = name(from);
                    let mut left = table.region(to).unwrap().cost;
                    while left > 0 {
                        let here = graph.table(&at, &region(origin));
                        let next = here.region(to).unwrap().next_hops.first().unwrap().clone();
                        let step = graph.vertices[&at].edges[&next];
                        prop_assert!(step <= left, "{} to {}", from, to);
                        left -= step;
                        at = next;
                    }
                    prop_assert_eq!(&graph.vertices[&at].region, to);
                }
            }
        }
    }
}

#[test]
fn an_adjacency_counts_only_if_both_ends_advertise_it() {
    let plan = Plan {
        gateways: vec![(0, GatewayState::Active, true), (1, GatewayState::Active, true)],
        transit: [false; REGIONS],
        edges: vec![(0, 1, 1)],
    };
    let mut all = plan.topologies();
    all[1].2.adjacencies.clear();
    let graph = Graph::new(&all.iter().map(|(a, b, c)| (a, b, c)).collect::<Vec<_>>());
    assert_eq!(graph.table(&name(0), &region(0)), Table::default());
}

#[test]
fn a_region_that_allows_no_transit_is_an_end_and_no_way() {
    let mut plan = Plan {
        gateways: (0..3).map(|home| (home, GatewayState::Active, true)).collect(),
        transit: [false; REGIONS],
        edges: vec![(0, 1, 1), (1, 2, 1)],
    };
    let table = plan.graph().table(&name(0), &region(0));
    assert!(table.region(&region(1)).is_some());
    assert!(table.region(&region(2)).is_none());
    plan.transit[1] = true;
    let table = plan.graph().table(&name(0), &region(0));
    assert_eq!(table.region(&region(2)).unwrap().cost, 2);
}
