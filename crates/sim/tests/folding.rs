//! Folded pings change nothing but the trace.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use antiphon_sim::{Outcome, Pings, Plan, Scenario, gateway, run, swarm};

/// Both ways, less the trace and the count of events, which list pings.
fn both_ways(plan: &Plan, seed: u64) -> [Outcome; 2] {
    [Pings::Events, Pings::Folded].map(|pings| {
        let outcome = run(&plan.with_pings(pings), seed, gateway);
        Outcome { trace: 0, events: 0, ..outcome }
    })
}

#[test]
fn random_worlds_end_the_same() {
    for seed in 1..=8 {
        let mut scenario = swarm::scenario(seed, &swarm::Shape::default());
        // Only what takes always as long can be folded.
        for link in &mut scenario.links {
            let latency = link.get_mut().latency.as_mut().unwrap();
            latency.max = latency.min;
        }
        let plan = scenario.plan("drawn", "").unwrap();
        let [events, folded] = both_ways(&plan, seed);
        assert_eq!(events, folded, "seed {seed}");
    }
}

#[test]
fn most_pings_of_a_mesh_at_rest_are_folded() {
    let text = "about = ''\nseeds = [1]\nrun_for = '60s'\nsettle = '1s'\ntraffic = []\n\
                [regions.a]\n[regions.b]\n[regions.c]\n";
    let plan = Scenario::parse("mesh", text).unwrap().plan("mesh", text).unwrap();
    let events = |pings| run(&plan.with_pings(pings), 1, gateway).events;
    let (all, few) = (events(Pings::Events), events(Pings::Folded));
    assert!(few * 3 < all, "{few} events of {all}");
}
