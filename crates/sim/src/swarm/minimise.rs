//! Makes a scenario that fails smaller: fewest faults, streams, paths and regions that still fail.

use super::plan_of;
use crate::{machine::Make, run::run, scenario::Scenario};

/// The smallest scenario that still breaks what this one breaks first.
///
/// Greedy: leaves one thing out at a time for as long as the failure stays, so the result is minimal
/// in that nothing more can be left out alone. Runs the world once for each attempt.
#[must_use]
pub fn minimise(scenario: &Scenario, seed: u64, make: Make) -> Scenario {
    let Some(wanted) = first_broken(scenario, seed, make) else { return scenario.clone() };
    let mut smallest = scenario.clone();
    smallest.seeds = vec![seed];
    while let Some(smaller) = smaller_than(&smallest).into_iter().find(|candidate| {
        let plan = candidate.plan("swarm", "");
        plan.is_ok() && first_broken(candidate, seed, make) == Some(wanted)
    }) {
        smallest = smaller;
    }
    smallest
}

/// The first invariant that a run breaks.
fn first_broken(scenario: &Scenario, seed: u64, make: Make) -> Option<&'static str> {
    let outcome = run(&plan_of(scenario), seed, make);
    outcome.violations.first().map(|violation| violation.invariant)
}

/// Everything that is one thing smaller, the greatest step first.
fn smaller_than(scenario: &Scenario) -> Vec<Scenario> {
    let mut smaller = Vec::new();
    // Without any region nobody asks anything, which fails too, but not for the same cause.
    for name in scenario.regions.keys().filter(|_| scenario.regions.len() > 1) {
        smaller.push(without_region(scenario, name));
    }
    for index in 0..scenario.step.len() {
        let mut one = scenario.clone();
        one.step.remove(index);
        smaller.push(one);
    }
    for index in 0..scenario.traffic.as_ref().map_or(0, Vec::len) {
        let mut one = scenario.clone();
        if let Some(traffic) = &mut one.traffic {
            traffic.remove(index);
        }
        smaller.push(one);
    }
    for index in 0..scenario.links.len() {
        let mut one = scenario.clone();
        one.links.remove(index);
        smaller.push(one);
    }
    smaller
}

/// The scenario without a region and without everything that names it.
fn without_region(scenario: &Scenario, name: &str) -> Scenario {
    let mut one = scenario.clone();
    one.regions.remove(name);
    one.links.retain(|link| !link.get_ref().between.iter().any(|end| is_of(end, name)));
    if let Some(traffic) = &mut one.traffic {
        traffic.retain(|stream| {
            let stream = stream.get_ref();
            stream.from != name && stream.to.as_deref() != Some(name)
        });
    }
    for expect in &mut one.expect {
        if let Some(reachable) = &mut expect.get_mut().reachable {
            reachable.retain(|region| region != name);
        }
    }
    one
}

/// Whether a name is this region's or one of its gateways'.
fn is_of(name: &str, region: &str) -> bool {
    name == region || name.rsplit_once('-').is_some_and(|(before, _)| before == region)
}
