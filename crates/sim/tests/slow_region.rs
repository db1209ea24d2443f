//! A region that stands still costs the others nothing.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use antiphon_sim::{Outcome, Scenario, gateway, run};

const FILE: &str = "simulations/one-of-ten.toml";
const TEXT: &str = include_str!("../../../simulations/one-of-ten.toml");

fn outcome(scenario: &Scenario) -> Outcome {
    run(&scenario.plan(FILE, TEXT).unwrap(), 1, gateway)
}

#[test]
fn nine_regions_are_as_fast_as_without_the_tenth_standing_still() {
    let scenario = Scenario::parse(FILE, TEXT).unwrap();
    let undisturbed = outcome(&Scenario { step: Vec::new(), ..scenario.clone() });
    let disturbed = outcome(&scenario);
    assert!(undisturbed.drops.is_empty(), "{:?}", undisturbed.drops);
    assert!(!disturbed.drops.is_empty(), "the tenth is not asked for more than it takes");
    let others: Vec<_> =
        undisturbed.delays.iter().filter(|(region, _)| *region != "slow").collect();
    assert_eq!(others.len(), 9);
    for (region, before) in others {
        let after = disturbed.delays.get(region).unwrap();
        assert!(after.p99 <= before.p99.mul_f64(1.2), "{region}: {before:?}, then {after:?}");
    }
}
