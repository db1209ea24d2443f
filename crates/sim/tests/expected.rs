//! What is expected of requests that nobody makes does not hold.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use antiphon_sim::{Outcome, Scenario, gateway, run};

const WORLD: &str = "about = ''\nseeds = [1]\nrun_for = '30s'\nsettle = '20s'\n\
                     regions = { eu = {}, us = {} }\ntraffic = [{ from = 'eu', every = '1s' }]\n";

fn outcome(expect: &str) -> Outcome {
    let text = format!("{WORLD}expect = [{{ {expect} }}]\n");
    let plan = Scenario::parse("asked", &text).unwrap().plan("asked", &text).unwrap();
    run(&plan, 1, gateway)
}

#[test]
fn what_is_asked_is_complete() {
    let outcome = outcome("complete = ['15s', '25s'], from = 'eu'");
    assert!(outcome.is_good(), "{:?}", outcome.violations);
}

#[test]
fn nothing_asked_is_not_complete() {
    for (expect, wanted) in [
        ("complete = ['26s', '29s']", "nobody asks anything from 26s to 29s"),
        ("complete = ['15s', '25s'], from = 'us'", "nobody in us asks anything from 15s to 25s"),
        ("complete = ['25s', '15s']", "nobody asks anything from 25s to 15s"),
    ] {
        let outcome = outcome(expect);
        let seen: Vec<_> =
            outcome.violations.iter().map(|one| (one.invariant, one.what.as_str())).collect();
        assert_eq!(seen, [("expected", wanted)], "{expect}");
    }
}
