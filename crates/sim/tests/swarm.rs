//! Seeds of the swarm that once failed, and why; all of them pass.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use antiphon_sim::{Scenario, gateway, swarm};

/// Seeds of worlds of the usual size.
const FOUND: [(u64, &str); 6] = [
    (25, "a federated request was expected to follow a node that had moved"),
    (34, "clients asked for more than narrow windows carry while reachability was judged"),
    (755, "a gateway that crashes with its clock set back was not expected to look like a twin"),
    (956, "a gateway that was stopped right after a link came missed its sibling at once"),
    (3797, "the broker of a region that its last node had left went on telling of a service there"),
    (2976, "a service was expected before its region had read that it has come"),
];

#[test]
fn what_once_failed_passes() {
    for (seed, why) in FOUND {
        let outcome = swarm::try_seed(seed, &swarm::Shape::default(), gateway);
        assert!(outcome.is_good(), "seed {seed} ({why}): {}", outcome.violations.first().unwrap());
    }
}

#[test]
fn the_same_seed_leaves_the_same_trace() {
    let run = |seed| swarm::try_seed(seed, &swarm::Shape::default(), gateway).trace;
    assert_eq!(run(3), run(3));
    assert_ne!(run(3), run(4));
}

#[test]
fn every_world_that_is_drawn_can_be_run() {
    for seed in 1..=2000 {
        let plan = swarm::scenario(seed, &swarm::Shape::default()).plan("drawn", "");
        assert!(plan.is_ok(), "seed {seed}: {}", plan.unwrap_err());
    }
}

#[test]
fn what_is_made_smaller_still_has_somebody_who_asks() {
    let text = "about = ''\nseeds = [1]\nrun_for = '30s'\nsettle = '20s'\n\
                regions = { eu = {}, us = {} }\n\
                expect = [{ complete = ['15s', '25s'], within = '1us' }]\n";
    let scenario = Scenario::parse("slow", text).unwrap();
    let smallest = swarm::minimise(&scenario, 1, gateway);
    assert_eq!(smallest.regions.len(), 1);
}
