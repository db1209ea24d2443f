//! A running fabric's topology, exported and simulated.

use std::collections::BTreeMap;

use antiphon_sim::{Scenario, gateway};
use antiphon_tests::{Fabric, run};

#[tokio::test(flavor = "multi_thread")]
async fn an_exported_topology_runs_as_it_is() {
    let fabric = Fabric::up(|options| options.nodes = 1).await;
    let admin = fabric.lab.gateway("eu-1").unwrap().admin();
    let output = run(&["sim", "export", "--all-gateways", "--admin", &admin]).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let scenario =
        Scenario::parse("exported", &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let gateways: BTreeMap<&str, Option<usize>> = scenario
        .regions
        .iter()
        .map(|(name, spec)| (name.as_str(), spec.get_ref().gateways))
        .collect();
    assert_eq!(gateways, BTreeMap::from(["ap", "eu", "us"].map(|region| (region, Some(2)))));
    assert_eq!(scenario.links.len(), 3, "{text}");
    let plan = scenario.plan("exported", &text).unwrap();
    let outcome = antiphon_sim::run(&plan, 1, gateway);
    assert!(outcome.is_good(), "{:?}\n{text}", outcome.violations);
    assert_eq!(outcome.complete, outcome.requests, "{text}");
}
