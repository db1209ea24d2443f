//! Next hops and costs.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::plan::{Plan, REGIONS, graph_of, name, names, plans, region};
use crate::{GatewayState, routes::Table};

proptest! {
    /// The table says what trying every path says: same cost, same next hops.
    #[test]
    fn tables_agree_with_a_search_of_every_path(
        plan in plans(), from in 0..12usize, origin in 0..REGIONS
    ) {
        let from = from % plan.count();
        let graph = plan.graph();
        let table = Table::new(&graph, &name(from), graph.origin(&region(origin)));
        for to in (0..plan.count()).filter(|to| *to != from) {
            let fast = table.gateway(&name(to)).map(|one| (one.cost, one.next_hops.clone()));
            let slow = plan.shortest(from, &[to], origin, true);
            let slow = slow.map(|one| (one.cost, names(one.paths.iter().map(|path| path[1]))));
            prop_assert_eq!(fast, slow, "{} to {}", from, to);
        }
    }

    /// A region is reached at the nearest of its gateways that can publish.
    #[test]
    fn a_region_is_as_far_as_its_nearest_usable_gateway(
        plan in plans(), from in 0..12usize, origin in 0..REGIONS
    ) {
        let from = from % plan.count();
        let graph = plan.graph();
        let table = Table::new(&graph, &name(from), graph.origin(&region(origin)));
        for to in 0..REGIONS {
            let fast = table.region(&region(to)).map(|one| (one.cost, one.ends.clone()));
            let slow = (0..plan.count())
                .filter(|end| *end != from && plan.home(*end) == to && plan.is_usable(*end))
                .filter_map(|end| Some((table.gateway(&name(end))?.cost, end)));
            let least = slow.clone().map(|(cost, _)| cost).min();
            let slow = least.map(|least| {
                (least, names(slow.filter(|(cost, _)| *cost == least).map(|(_, end)| end)))
            });
            prop_assert_eq!(fast, slow, "{} to r{}", from, to);
        }
    }

    /// Following next hops from table to table never comes back and arrives at the promised cost.
    #[test]
    fn next_hops_form_no_loop(plan in plans(), from in 0..12usize) {
        let from = from % plan.count();
        let origin = plan.home(from);
        let graph = plan.graph();
        let table = |at: usize| Table::new(&graph, &name(at), graph.origin(&region(origin)));
        // One that can publish in its own region never asks for the way there.
        for to in (0..REGIONS).filter(|to| *to != origin) {
            let Some(route) = table(from).region(&region(to)).cloned() else { continue };
            let (mut at, mut left) = (from, route.cost);
            while left > 0 {
                let here = table(at);
                let next = here.region(&region(to)).unwrap().next_hops.first().unwrap().clone();
                let next = (0..plan.count()).find(|one| name(*one) == next).unwrap();
                let step = plan.link(at, next).unwrap();
                prop_assert!(step <= left, "{} to r{}", from, to);
                left -= step;
                at = next;
            }
            prop_assert_eq!(plan.home(at), to);
        }
    }
}

fn line() -> Plan {
    Plan {
        gateways: (0..3).map(|home| (home, GatewayState::Active, true)).collect(),
        transit: [false; REGIONS],
        edges: vec![(0, 1, 1), (1, 2, 1)],
    }
}

fn table(plan: &Plan) -> Table {
    let graph = plan.graph();
    Table::new(&graph, &name(0), graph.origin(&region(0)))
}

#[test]
fn an_adjacency_counts_only_if_both_ends_advertise_it() {
    let mut all = line().topologies();
    all[1].2.adjacencies.clear();
    let graph = graph_of(&all);
    assert_eq!(Table::new(&graph, &name(0), graph.origin(&region(0))), Table::default());
}

#[test]
fn a_region_that_allows_no_transit_is_an_end_and_no_way() {
    let mut plan = line();
    assert!(table(&plan).region(&region(1)).is_some());
    assert!(table(&plan).region(&region(2)).is_none());
    plan.transit[1] = true;
    assert_eq!(table(&plan).region(&region(2)).unwrap().cost, 2);
}

#[test]
fn a_cost_that_makes_no_sense_is_no_way_around_the_others() {
    let mut plan = line();
    plan.transit[1] = true;
    plan.edges = vec![(0, 1, u32::MAX), (1, 2, u32::MAX)];
    let far = table(&plan);
    assert_eq!(far.region(&region(2)).unwrap().cost, u32::MAX, "the most that can be shown");
    plan.edges.push((0, 2, u32::MAX));
    let direct = table(&plan);
    assert_eq!(direct.region(&region(2)).unwrap().next_hops, BTreeSet::from([name(2)]));
}
