//! Tables that are kept through changes, against tables computed from scratch.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::plan::{Plan, REGIONS, graph_of, name, plans, region};
use crate::{
    GatewayId, GatewayState, RegionId, Topology,
    routes::{Graph, Routes, Table},
};

/// One gateway's place, as it says.
type Said = (GatewayId, RegionId, Topology);

/// What happens to what one gateway says.
#[derive(Clone, Debug)]
enum Happening {
    /// Its link with another costs this, as it says itself: it comes, or changes.
    Says(usize, usize, u32),
    /// It says no longer that it has this link.
    Loses(usize, usize),
    /// Both say that they are linked, at this cost each.
    Links(usize, usize, u32, u32),
    Broker(usize),
    State(usize, GatewayState),
    Transit(usize),
    /// Its advert expires; the next says that it has no links yet.
    Expires(usize),
    Returns(usize),
}

fn happenings() -> impl Strategy<Value = Happening> {
    let (one, cost) = (|| 0..12usize, || 1..9u32);
    let state = prop::sample::select(vec![
        GatewayState::Starting,
        GatewayState::Active,
        GatewayState::Draining,
        GatewayState::Left,
    ]);
    prop_oneof![
        6 => (one(), one(), cost()).prop_map(|(a, b, cost)| Happening::Says(a, b, cost)),
        2 => (one(), one()).prop_map(|(a, b)| Happening::Loses(a, b)),
        6 => (one(), one(), cost(), cost()).prop_map(|(a, b, c, d)| Happening::Links(a, b, c, d)),
        2 => one().prop_map(Happening::Broker),
        1 => (one(), state).prop_map(|(a, state)| Happening::State(a, state)),
        1 => one().prop_map(Happening::Transit),
        1 => one().prop_map(Happening::Expires),
        2 => one().prop_map(Happening::Returns),
    ]
}

/// What all gateways say, and which of them are known.
#[derive(Clone, Debug)]
struct Told {
    all: Vec<Said>,
    known: BTreeSet<usize>,
}

impl Told {
    fn new(plan: &Plan) -> Self {
        Self { all: plan.topologies(), known: (0..plan.count()).collect() }
    }

    /// The gateways whose adverts change by it.
    fn happen(&mut self, happening: &Happening) -> Vec<usize> {
        let count = self.all.len();
        let at = |gateway: &usize| gateway % count;
        match happening {
            Happening::Says(a, b, cost) => self.says(at(a), at(b), Some(*cost)),
            Happening::Loses(a, b) => self.says(at(a), at(b), None),
            Happening::Links(a, b, there, back) => {
                self.says(at(a), at(b), Some(*there));
                self.says(at(b), at(a), Some(*back));
                return vec![at(a), at(b)];
            }
            Happening::Broker(a) => self.all[at(a)].2.broker ^= true,
            Happening::State(a, state) => self.all[at(a)].2.state = *state,
            Happening::Transit(a) => self.all[at(a)].2.transit ^= true,
            Happening::Expires(a) => {
                self.known.remove(&at(a));
                self.all[at(a)].2.adjacencies.clear();
            }
            Happening::Returns(a) => {
                self.known.insert(at(a));
            }
        }
        let (Happening::Says(a, ..)
        | Happening::Loses(a, _)
        | Happening::Links(a, ..)
        | Happening::Broker(a)
        | Happening::State(a, _)
        | Happening::Transit(a)
        | Happening::Expires(a)
        | Happening::Returns(a)) = happening;
        vec![at(a)]
    }

    fn says(&mut self, a: usize, b: usize, cost: Option<u32>) {
        let adjacencies = &mut self.all[a].2.adjacencies;
        let _before = match cost {
            Some(cost) => adjacencies.insert(name(b), cost),
            None => adjacencies.remove(&name(b)),
        };
    }

    fn graph(&self) -> Graph {
        let known: Vec<Said> = self.known.iter().map(|one| self.all[*one].clone()).collect();
        graph_of(&known)
    }

    /// Does what a gateway does when these adverts have changed.
    fn tell(&self, routes: &mut Routes, changed: &[usize]) -> bool {
        let gone = changed.iter().any(|one| !self.known.contains(one));
        let places = changed.iter().map(|one| &self.all[*one]).map(|(a, b, c)| (a, b, c));
        let kept = if gone { None } else { routes.change(places) };
        kept.is_some() || {
            routes.update(self.graph());
            false
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever changes, and however many changes are taken at once.
    #[test]
    fn tables_that_are_kept_are_those_computed_from_scratch(
        plan in plans(),
        me in 0..12usize,
        turns in prop::collection::vec(prop::collection::vec(happenings(), 1..4), 1..24),
        asked in prop::collection::vec(0..REGIONS, 1..4),
    ) {
        let me = name(me % plan.count());
        let mut told = Told::new(&plan);
        let mut routes = Routes::default();
        routes.update(told.graph());
        for (index, turn) in turns.iter().enumerate() {
            let changed: BTreeSet<usize> =
                turn.iter().flat_map(|happening| told.happen(happening)).collect();
            told.tell(&mut routes, &changed.into_iter().collect::<Vec<_>>());
            let scratch = told.graph();
            prop_assert_eq!(routes.graph(), &scratch, "turn {}", index);
            // Some tables are asked for at times only, and then not at all for a while.
            for origin in asked.iter().chain([&0]).filter(|one| (index + **one) % 3 > 0) {
                let wanted = Table::new(&scratch, &me, scratch.origin(&region(*origin)));
                let table = routes.table(&me, &region(*origin));
                prop_assert_eq!(table, &wanted, "turn {} {:?}, r{}", index, turn, origin);
            }
        }
    }
}

/// Everybody linked with everybody: where keeping pays, and how often it can.
#[test]
fn in_a_mesh_a_change_between_two_others_keeps_the_table() {
    let cost = |number: usize| 10 + u32::try_from(number % 5).unwrap();
    let edges = (0..12).flat_map(|b| (0..b).map(move |a| (a, b, cost(a * 7 + b))));
    let gateways = (0..12).map(|one| (one / 3, GatewayState::Active, true)).collect();
    let plan = Plan { gateways, transit: [true; REGIONS], edges: edges.collect() };
    let mut told = Told::new(&plan);
    let mut routes = Routes::default();
    routes.update(told.graph());
    for (a, b, cost) in [(3, 7, 11), (7, 3, 9), (5, 11, 30), (11, 5, 8), (4, 10, 10)] {
        let before = routes.table(&name(0), &region(0)).clone();
        let changed = told.happen(&Happening::Says(a, b, cost));
        assert!(told.tell(&mut routes, &changed), "{a} {b}");
        assert!(routes.peek(&region(0)).is_some(), "{a} {b}: brought up to date, not forgotten");
        let scratch = told.graph();
        let wanted = Table::new(&scratch, &name(0), scratch.origin(&region(0)));
        assert_eq!(routes.table(&name(0), &region(0)), &wanted, "{before:?}");
    }
}
