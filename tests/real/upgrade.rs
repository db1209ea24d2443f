//! Gateways of two releases in one fabric, with the program of the one before.

use std::{collections::BTreeMap, env, path::PathBuf};

use antiphon_tests::{Fabric, program};
use tokio_util::sync::CancellationToken;

use crate::rolling::load;

/// Names the program of the release before.
const PREVIOUS: &str = "PREVIOUS";
const GATEWAYS: [&str; 4] = ["eu-1", "eu-2", "us-1", "us-2"];
/// More than the restarts last.
const REQUESTS: usize = 12_000;

/// Every mixture of the two comes about under load: within a region and between regions.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the program of the release before: make test-upgrade PREVIOUS=FILE"]
async fn an_upgrade_and_the_way_back_lose_and_double_nothing() {
    let previous = PathBuf::from(env::var_os(PREVIOUS).expect("PREVIOUS names a program"));
    let mut fabric = Fabric::up(|options| options.regions = 2).await;
    for (what, to) in [("back", &previous), ("forth", &program())] {
        let stop = CancellationToken::new();
        let load = tokio::spawn(load(&fabric.lab, REQUESTS, stop.clone()).await);
        for gateway in GATEWAYS {
            fabric.restart_as(gateway, to).await;
        }
        fabric.whole().await;
        stop.cancel();
        let (answers, _) = load.await.unwrap();
        let nodes = fabric.identities().len();
        let lost: usize = answers.values().map(|one| nodes.saturating_sub(one.len())).sum();
        let counts = answers.values().flat_map(BTreeMap::values);
        let doubled = counts.filter(|count| **count != 1).count();
        println!("{what}: {lost} of {} answers lost, {doubled} doubled", answers.len() * nodes);
        assert_eq!((lost, doubled), (0, 0), "{what}, to {}", to.display());
    }
    fabric.conserved().await;
}
