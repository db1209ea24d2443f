//! Gateways of two releases in one fabric, with the program of the one before.

use std::{env, path::PathBuf};

use antiphon_tests::{Fabric, Load, program};

use crate::rolling::RATE;

/// Names the program of the release before.
const PREVIOUS: &str = "PREVIOUS";
const GATEWAYS: [&str; 4] = ["eu-1", "eu-2", "us-1", "us-2"];

/// Every mixture of the two comes about under load: within a region and between regions.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the program of the release before: make test-upgrade PREVIOUS=FILE"]
async fn an_upgrade_and_the_way_back_lose_and_double_nothing() {
    let previous = PathBuf::from(env::var_os(PREVIOUS).expect("PREVIOUS names a program"));
    let mut fabric = Fabric::up(|options| options.regions = 2).await;
    for (what, to) in [("back", &previous), ("forth", &program())] {
        let load = Load::begin(&fabric, "eu", RATE).await;
        for gateway in GATEWAYS {
            fabric.restart_as(gateway, to).await;
        }
        fabric.whole().await;
        let answered = load.end().await;
        println!("{what}, to {}: {answered}", to.display());
        answered.is_whole(&fabric).await;
    }
    fabric.conserved().await;
}
