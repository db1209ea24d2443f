//! Frames among gateways that do not see the same fabric: adverts take their time.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::plan::{Plan, REGIONS, graph_of, name, plans, region};
use crate::{
    Frame, GatewayId, Hop,
    routes::{Graph, Here, Step, Table, next_step},
    testing::reply_frame,
};

/// Longest delay of an advert, in versions of the fabric.
const DELAY_MAX: usize = 4;

/// A fabric that changes while a frame crosses it.
#[derive(Clone, Debug)]
struct Story {
    versions: Vec<Plan>,
    /// How many versions a gateway's advert takes to get to another.
    delays: Vec<Vec<usize>>,
    /// Whether the fabric changes before each step of the frame.
    changes: Vec<bool>,
}

/// A frame before it is sent.
#[derive(Clone, Debug)]
struct Draft {
    from: usize,
    to: usize,
    prefer: Option<usize>,
    flow: u64,
    limit: u8,
}

impl Story {
    /// What a gateway believes: its own place as it is, others' as their adverts came.
    fn belief(&self, viewer: usize, version: usize) -> Graph {
        let place = |subject: usize| {
            let delay = if subject == viewer { 0 } else { self.delays[viewer][subject] };
            self.versions[version.saturating_sub(delay)].topologies().swap_remove(subject)
        };
        graph_of(&(0..self.versions[0].count()).map(place).collect::<Vec<_>>())
    }

    fn versions_of(base: Plan, changes: &[Vec<(usize, usize, u32)>]) -> Vec<Plan> {
        let mut versions = vec![base];
        for flips in changes {
            let mut next = versions.last().unwrap().clone();
            for (a, b, cost) in flips {
                next.flip(*a, *b, *cost);
            }
            versions.push(next);
        }
        versions
    }
}

impl Plan {
    /// A link comes or goes; a gateway linked with itself loses or gets back its broker.
    fn flip(&mut self, a: usize, b: usize, cost: u32) {
        let (a, b) = (a % self.count(), b % self.count());
        let (a, b) = (a.min(b), a.max(b));
        if a == b {
            self.gateways[a].2 ^= true;
        } else if self.link(a, b).is_some() {
            self.edges.retain(|(c, d, _)| (*c, *d) != (a, b));
        } else {
            self.edges.push((a, b, cost));
        }
    }
}

impl Draft {
    fn frame(&self, plan: &Plan) -> Frame {
        let home = region(plan.home(self.from));
        let mut frame = reply_frame("eu", "us", 1);
        frame.hop = Hop { limit: self.limit, visited: vec![name(self.from)], ..frame.hop };
        frame.end.creator.region = home;
        frame.end.to = region(self.to);
        frame.end.prefer = self.prefer.map(name);
        frame.end.flow = self.flow;
        frame
    }
}

/// What the gateway `at` does, as the machine does it.
fn decide(
    frame: &Frame,
    at: usize,
    plan: &Plan,
    graph: &Graph,
    open: impl Fn(&GatewayId) -> bool,
) -> Step {
    let origin = graph.origin(&frame.end.creator.region);
    let table = Table::new(graph, &name(at), origin);
    next_step(
        frame,
        &Here {
            table: &table,
            publishes: region(plan.home(at)) == frame.end.to && plan.gateways[at].2,
            prefer: frame.end.prefer.as_ref().filter(|one| **one != name(at)),
            open,
        },
    )
}

fn stories() -> impl Strategy<Value = Story> {
    let flip = (0..12usize, 0..12usize, 1..5u32);
    let changes = prop::collection::vec(prop::collection::vec(flip, 1..4), 1..6);
    let row = prop::collection::vec(0..=DELAY_MAX, 12);
    let delays = prop::collection::vec(row, 12);
    let pace = prop::collection::vec(prop::bool::weighted(0.6), 30);
    (plans(), changes, delays, pace).prop_map(|(base, flips, delays, changes)| Story {
        versions: Story::versions_of(base, &flips),
        delays,
        changes,
    })
}

fn drafts() -> impl Strategy<Value = Draft> {
    let prefer = prop::option::of(0..12usize);
    (0..12usize, 0..REGIONS, prefer, any::<u64>(), 1..9u8)
        .prop_map(|(from, to, prefer, flow, limit)| Draft { from, to, prefer, flow, limit })
}

proptest! {
    /// Whatever each gateway believes, a frame may die but never comes anywhere twice, nor crosses
    /// more links than it may.
    #[test]
    fn a_frame_never_circles_while_adverts_are_under_way(
        story in stories(), mut draft in drafts()
    ) {
        draft.from %= story.versions[0].count();
        let mut frame = draft.frame(&story.versions[0]);
        let (mut at, mut version, mut crossed) = (draft.from, 0, 0);
        for change in &story.changes {
            version = (version + usize::from(*change)).min(story.versions.len() - 1);
            let truth = &story.versions[version];
            let open = |peer: &GatewayId| truth.neighbours(at).any(|one| name(one) == *peer);
            match decide(&frame, at, truth, &story.belief(at, version), open) {
                Step::Publish | Step::Drop(_) => break,
                Step::Wait => {}
                Step::Hop(peer) => {
                    frame.hop.leave(&name(at));
                    prop_assert!(!frame.hop.visited.contains(&peer), "{:?}", frame.hop.visited);
                    at = truth.neighbours(at).find(|one| name(*one) == peer).unwrap();
                    crossed += 1;
                    prop_assert!(crossed <= u32::from(draft.limit));
                }
            }
        }
        let once: BTreeSet<_> = frame.hop.visited.iter().collect();
        prop_assert_eq!(once.len(), frame.hop.visited.len());
    }

    /// Before anybody else knows that a link, or the gateway behind it, is gone, frames arrive over
    /// the backup that protects from it.
    #[test]
    fn a_backup_delivers_before_the_loss_is_known(plan in plans(), mut draft in drafts()) {
        draft.from %= plan.count();
        draft.prefer = None;
        draft.limit = 12;
        if plan.home(draft.from) == draft.to {
            draft.to = (draft.to + 1) % REGIONS;
        }
        let graph = plan.graph();
        let mut frame = draft.frame(&plan);
        let table = Table::new(&graph, &name(draft.from), graph.origin(&frame.end.creator.region));
        let Some(route) = table.region(&region(draft.to)) else { return Ok(()) };
        let Some(backup) = &route.backup else { return Ok(()) };
        let mut at = draft.from;
        loop {
            let open = |peer: &GatewayId| {
                let gone = at == draft.from || backup.node_protecting;
                !(gone && route.next_hops.contains(peer))
            };
            match decide(&frame, at, &plan, &graph, open) {
                Step::Hop(peer) => {
                    frame.hop.leave(&name(at));
                    at = (0..plan.count()).find(|one| name(*one) == peer).unwrap();
                }
                Step::Publish => break,
                step @ (Step::Wait | Step::Drop(_)) => {
                    prop_assert!(false, "{:?} at {}", step, at);
                }
            }
        }
        let first = frame.hop.visited.get(1).cloned().unwrap_or_else(|| name(at));
        prop_assert_eq!(&first, &backup.next_hop);
    }
}
