//! Killed gateways, cut and silent links.

use std::time::Duration;

use antiphon_lab::{Relayed, wait};
use antiphon_tests::Fabric;

async fn assert_complete(fabric: &Fabric) {
    let answers = fabric.ping("eu").await;
    assert_eq!(answers.keys().cloned().collect::<Vec<_>>(), fabric.identities());
    assert!(answers.values().all(|count| *count == 1), "{answers:?}");
}

/// Waits until a ping is complete again, and fails if that takes longer than stated.
async fn assert_complete_within(fabric: &Fabric, limit: Duration) {
    let complete = async || {
        let answers = fabric.ping("eu").await;
        (answers.len() == fabric.identities().len()).then_some(())
    };
    assert!(wait::until(limit, complete).await.is_some(), "not complete within {limit:?}");
    assert_complete(fabric).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_gateway_is_killed_a_ping_is_complete() {
    let mut fabric = Fabric::up(|options| options.regions = 2).await;
    fabric.lab.gateway_mut("us-1").unwrap().process_mut().kill();
    assert_complete_within(&fabric, Duration::from_secs(10)).await;
    fabric.lab.gateway_mut("eu-1").unwrap().process_mut().kill();
    assert_complete_within(&fabric, Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_and_a_silent_link_are_routed_around_and_used_again() {
    let fabric = Fabric::up(|options| options.relayed = Relayed::Links).await;
    let relays = fabric.lab.link_relays("eu", "us");
    relays.iter().for_each(|relay| relay.cut());
    assert_complete_within(&fabric, Duration::from_secs(10)).await;
    relays.iter().for_each(|relay| relay.restore());
    fabric.whole().await;
    relays.iter().for_each(|relay| relay.black_hole());
    assert_complete_within(&fabric, Duration::from_secs(15)).await;
    relays.iter().for_each(|relay| relay.restore());
    fabric.whole().await;
    assert_complete(&fabric).await;
}
