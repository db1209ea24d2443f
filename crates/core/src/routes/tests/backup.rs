//! Loop-free alternates.

use proptest::prelude::*;

use super::plan::{Plan, REGIONS, name, plans, region};
use crate::{
    GatewayId, GatewayState,
    routes::{Backup, Route, Table},
};

/// What RFC 5286 asks of an alternate, read off every shortest path.
fn slow(plan: &Plan, from: usize, ends: &[usize], origin: usize) -> Option<Backup> {
    let best = plan.shortest(from, ends, origin, true)?;
    let next_hops: Vec<usize> = best.paths.iter().map(|path| path[1]).collect();
    let rate = |peer: usize| {
        let onward = plan.shortest(peer, ends, origin, false)?;
        let avoids = |gateway: &usize| onward.paths.iter().all(|path| !path.contains(gateway));
        let eligible = plan.may_send(from, peer, origin) && !next_hops.contains(&peer);
        let cost = plan.link(from, peer).unwrap() + onward.cost;
        (eligible && avoids(&from)).then(|| (!next_hops.iter().all(avoids), cost, peer))
    };
    let (exposed, cost, peer) = plan.neighbours(from).filter_map(rate).min()?;
    Some(Backup { next_hop: name(peer), cost, node_protecting: !exposed })
}

fn ends_of(plan: &Plan, from: usize, home: usize) -> Vec<usize> {
    (0..plan.count())
        .filter(|end| *end != from && plan.home(*end) == home && plan.is_usable(*end))
        .collect()
}

proptest! {
    #[test]
    fn backups_agree_with_a_search_of_every_path(
        plan in plans(), from in 0..12usize, origin in 0..REGIONS
    ) {
        let from = from % plan.count();
        let graph = plan.graph();
        let table = Table::new(&graph, &name(from), graph.origin(&region(origin)));
        let backup = |route: Option<&Route>| route.and_then(|one| one.backup.clone());
        for to in (0..plan.count()).filter(|to| *to != from) {
            let fast = backup(table.gateway(&name(to)));
            prop_assert_eq!(fast, slow(&plan, from, &[to], origin), "{} to {}", from, to);
        }
        for to in 0..REGIONS {
            let fast = backup(table.region(&region(to)));
            let slow = slow(&plan, from, &ends_of(&plan, from, to), origin);
            prop_assert_eq!(fast, slow, "{} to r{}", from, to);
        }
    }
}

fn plan(homes: &[usize], edges: &[(usize, usize, u32)]) -> Plan {
    Plan {
        gateways: homes.iter().map(|home| (*home, GatewayState::Active, true)).collect(),
        transit: [true; REGIONS],
        edges: edges.to_vec(),
    }
}

fn backup(plan: &Plan, to: usize) -> Option<Backup> {
    let graph = plan.graph();
    let table = Table::new(&graph, &name(0), graph.origin(&region(0)));
    table.region(&region(to)).unwrap().backup.clone()
}

fn over(next_hop: GatewayId, cost: u32, node_protecting: bool) -> Option<Backup> {
    Some(Backup { next_hop, cost, node_protecting })
}

#[test]
fn a_peer_that_would_send_back_is_no_backup() {
    // From g01 the way to r2 over us costs 3, its own link 5.
    let plan = plan(&[0, 1, 2], &[(0, 1, 1), (0, 2, 2), (1, 2, 5)]);
    assert_eq!(backup(&plan, 2), None);
}

#[test]
fn a_peer_with_a_shorter_way_of_its_own_is_a_backup() {
    let plan = plan(&[0, 1, 2], &[(0, 1, 1), (0, 2, 2), (1, 2, 2)]);
    assert_eq!(backup(&plan, 2), over(name(1), 3, false));
}

#[test]
fn a_way_around_the_next_hop_comes_before_a_cheaper_way_through_it() {
    // To r4: over g01, or over g02 which goes through g01 too, or over g03 which does not.
    let edges = [(0, 1, 1), (1, 4, 1), (0, 2, 1), (1, 2, 1), (0, 3, 5), (3, 4, 3)];
    let mut plan = plan(&[0, 1, 2, 3, 4], &edges);
    assert_eq!(backup(&plan, 4), over(name(3), 8, true));
    plan.edges.truncate(4);
    assert_eq!(backup(&plan, 4), over(name(2), 3, false));
}

#[test]
fn another_gateway_of_the_region_protects_from_the_loss_of_the_first() {
    let plan = plan(&[0, 1, 1], &[(0, 1, 1), (0, 2, 4)]);
    assert_eq!(backup(&plan, 1), over(name(2), 4, true));
}
