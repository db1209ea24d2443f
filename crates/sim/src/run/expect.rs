//! What a scenario expects: probes while it runs, and the verdict at its end.

use std::{collections::BTreeMap, time::Duration};

use antiphon_core::RegionId;
use antiphon_wire::Identity;

use super::traffic::question;
use crate::{
    scenario::{Complete, Expectation, Plan, Span},
    watch::{Asked, Invariant, Whom},
    world::World,
};

/// Probes of one run: what was asked or looked at, by the index of the expectation.
#[derive(Debug)]
pub(super) struct Probes {
    due: Vec<(Duration, usize)>,
    asked: BTreeMap<usize, Vec<u64>>,
}

impl Probes {
    pub(super) fn new(plan: &Plan) -> Self {
        let at = |expectation: &Expectation| match expectation {
            Expectation::Reachable(at, _)
            | Expectation::Named(at, _)
            | Expectation::Unreachable(at, _)
            | Expectation::Ready(at, ..) => Some(*at),
            Expectation::Complete(_)
            | Expectation::Alarm(..)
            | Expectation::Drops(..)
            | Expectation::Strays(..)
            | Expectation::InDoubt(_) => None,
        };
        let all = plan.expect.iter().enumerate();
        let mut due: Vec<_> = all.filter_map(|(index, one)| Some((at(one)?, index))).collect();
        due.sort_unstable();
        Self { due, asked: BTreeMap::new() }
    }

    pub(super) fn next_at(&self) -> Option<Duration> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Asks or looks at what is due.
    pub(super) fn ask(&mut self, plan: &Plan, world: &mut World, now: Duration) {
        while self.next_at().is_some_and(|at| at <= now) {
            let (_, index) = self.due.remove(0);
            match plan.expect.get(index) {
                Some(Expectation::Reachable(_, regions) | Expectation::Unreachable(_, regions)) => {
                    let probe = question(Whom::Everybody, 4, Duration::from_secs(30));
                    let asked = regions.iter().map(|region| world.ask(region, &probe));
                    let asked = asked.collect();
                    self.asked.insert(index, asked);
                }
                Some(Expectation::Named(_, regions)) => {
                    let asked = by_name(world, regions);
                    self.asked.insert(index, asked);
                }
                Some(Expectation::Ready(at, slots, wanted)) => {
                    for slot in slots {
                        let joined = world.snapshot(*slot).is_some_and(|view| view.joined);
                        if joined != *wanted {
                            let what = format!("{}: ready is {joined}", world.name(*slot));
                            world.watch_mut().violated(*at, Invariant::Expected, what);
                        }
                    }
                }
                Some(
                    Expectation::Complete(_)
                    | Expectation::Alarm(..)
                    | Expectation::Drops(..)
                    | Expectation::Strays(..)
                    | Expectation::InDoubt(_),
                )
                | None => {}
            }
        }
    }
}

/// Says what was expected and not seen.
pub(super) fn judge(plan: &Plan, probes: &Probes, world: &mut World) {
    let mut found = Vec::new();
    for (index, expectation) in plan.expect.iter().enumerate() {
        let asked = probes.asked.get(&index).into_iter().flatten();
        let asked: Vec<&Asked> =
            asked.filter_map(|number| world.watch().request(*number)).collect();
        match expectation {
            Expectation::Reachable(_, regions) | Expectation::Named(_, regions) => found.extend(
                asked.iter().flat_map(|one| unanswered(world, one, regions, Invariant::Liveness)),
            ),
            Expectation::Unreachable(_, regions) => {
                found.extend(asked.iter().flat_map(|one| answered(world, one, regions)));
            }
            Expectation::Complete(complete) => found.extend(incomplete(world, complete)),
            Expectation::Alarm(by, kind) => {
                let raised = world.watch().alarms().iter();
                let mut raised = raised.filter(|(at, _, one)| at <= by && one.kind() == kind);
                if raised.next().is_none() {
                    found.push((*by, Invariant::Expected, format!("no alarm {kind}")));
                }
            }
            Expectation::Drops(reason, least, most) => {
                let count = world.watch().drops().get(reason).copied().unwrap_or(0);
                if count < *least || count > *most {
                    let what = format!("{count} drops for {reason}");
                    found.push((plan.run_for, Invariant::Expected, what));
                }
            }
            Expectation::InDoubt(most) => {
                let doubt = in_doubt(world);
                if doubt > *most {
                    let what = format!("{doubt} units in doubt");
                    found.push((plan.run_for, Invariant::Expected, what));
                }
            }
            Expectation::Strays(since, until, most) => {
                let strays = world.watch().strays(*since, *until);
                if strays > *most {
                    let what = format!("{strays} copies went where their node is not");
                    found.push((*until, Invariant::Expected, what));
                }
            }
            Expectation::Ready(..) => {}
        }
    }
    for (at, invariant, what) in found {
        world.watch_mut().violated(at, invariant, what);
    }
}

/// Each region asks everybody; each node by its name; and for every service.
fn by_name(world: &mut World, regions: &[RegionId]) -> Vec<u64> {
    let patience = Duration::from_secs(30);
    let watch = world.watch();
    let nodes: Vec<Identity> = watch.nodes_in(regions).cloned().collect();
    let services = watch.services().into_iter().map(Whom::Service);
    let mut whom = vec![Whom::Everybody, Whom::Nodes(nodes)];
    whom.extend(services);
    let asked = regions.iter().flat_map(|region| whom.iter().map(move |whom| (region, whom)));
    asked.map(|(region, whom)| world.ask(region, &question(whom.clone(), 4, patience))).collect()
}

type Found = (Duration, Invariant, String);

fn unanswered(
    world: &World,
    asked: &Asked,
    regions: &[RegionId],
    invariant: Invariant,
) -> Vec<Found> {
    let mut found = Vec::new();
    for region in regions {
        let missing = world.watch().owing(asked, region);
        if let Some(node) = missing.first() {
            let (from, count) = (&asked.region, missing.len());
            let what = format!("{count} nodes of {region} do not answer {from}, first {node}");
            found.push((asked.at, invariant, what));
        }
    }
    found
}

fn answered(world: &World, asked: &Asked, regions: &[RegionId]) -> Vec<Found> {
    let others = regions.iter().filter(|region| **region != asked.region);
    let reached = others.filter(|region| {
        let nodes = world.watch().nodes_of(region);
        world.watch().missing_of(asked, region).len() < nodes
    });
    reached
        .map(|region| {
            let what = format!("{region} answers {}, and should not", asked.region);
            (asked.at, Invariant::Expected, what)
        })
        .collect()
}

fn incomplete(world: &World, complete: &Complete) -> Vec<Found> {
    let Complete { since, until, from, of, within } = complete;
    let meant = |asked: &&Asked| {
        (*since..*until).contains(&asked.at) && from.as_ref().is_none_or(|one| *one == asked.region)
    };
    let mut found = Vec::new();
    let mut meant = world.watch().requests().iter().filter(meant).peekable();
    if meant.peek().is_none() {
        let who = from.as_ref().map_or_else(String::new, |region| format!(" in {region}"));
        let what = format!("nobody{who} asks anything from {} to {}", Span(*since), Span(*until));
        found.push((*since, Invariant::Expected, what));
    }
    for asked in meant {
        let all: Vec<RegionId>;
        let of = if of.is_empty() {
            all = world.watch().regions().to_vec();
            &all
        } else {
            of
        };
        found.extend(unanswered(world, asked, of, Invariant::Expected));
        if within.is_some_and(|within| asked.took > within) {
            let what = format!("the last answer took {} ms", asked.took.as_millis());
            found.push((asked.at, Invariant::Expected, what));
        }
    }
    found
}

/// Units that living gateways have in doubt.
pub(super) fn in_doubt(world: &World) -> u64 {
    let views = world.slots().filter_map(|slot| world.snapshot(slot));
    views.flat_map(|view| view.tallies).map(|one| one.tally.in_doubt).sum()
}
