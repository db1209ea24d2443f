//! Service requests: one node of the fabric runs each.

use std::time::Duration;

use antiphon_lab::wait;
use antiphon_tests::{Fabric, Peer, collectives, drops, vector};
use tokio::time::Instant;

const SUBJECT: &str = "mcollective.broadcast.service.discovery";
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until the gateways of eu know that us has the service.
async fn known(fabric: &Fabric) {
    let eu = fabric.gateways().filter(|gateway| gateway.name().starts_with("eu"));
    for gateway in eu {
        let offered = wait::until(PATIENCE, async || {
            let all = collectives(gateway).await;
            let regions =
                all.iter().flat_map(|one| one["regions"].as_array().into_iter().flatten());
            let mut services = regions
                .filter(|one| one["region"] == "us")
                .flat_map(|one| one["hints"]["services"].as_array().cloned().unwrap_or_default());
            services.any(|one| one == "discovery").then_some(())
        });
        assert!(offered.await.is_some(), "{} does not hear of the service", gateway.name());
    }
}

/// How many messages these get: until there are enough, and for a second more, so that copies show.
async fn heard(peers: &mut [Peer], enough: usize) -> usize {
    let (mut heard, mut complete) = (0, false);
    let mut end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        for peer in &mut *peers {
            let look = Instant::now() + Duration::from_millis(20);
            heard += usize::from(peer.message(look).await.is_some());
        }
        if heard >= enough && !complete {
            complete = true;
            end = Instant::now() + Duration::from_secs(1);
        }
    }
    heard
}

async fn dropped(fabric: &Fabric, reason: &str) -> u64 {
    let mut count = 0;
    for gateway in fabric.gateways() {
        count += drops(gateway).await.get(reason).copied().unwrap_or_default();
    }
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_request_runs_on_one_node_of_the_fabric() {
    let fabric = Fabric::up(|options| {
        options.regions = 2;
        options.nodes = 0;
        options.gateway_settings = toml::from_str("[hints]\npoll = '1s'").unwrap();
    })
    .await;
    let mut far = Vec::new();
    for _ in 0..3 {
        let mut peer = Peer::connect(&fabric.lab, "us").await;
        peer.join(SUBJECT, "discovery").await;
        far.push(peer);
    }
    known(&fabric).await;
    let mut client = Peer::connect(&fabric.lab, "eu").await;
    let (_, request) = vector("v1-ping.json", 0);
    for _ in 0..4 {
        client.publish(SUBJECT, request.clone()).await;
    }
    assert_eq!(heard(&mut far, 4).await, 4, "each on one node");

    let mut near = [Peer::connect(&fabric.lab, "eu").await];
    near[0].join(SUBJECT, "discovery").await;
    // What was asked before is believed for a second.
    let settled = Instant::now() + Duration::from_secs(1);
    tokio::time::sleep_until(settled).await;
    for _ in 0..4 {
        client.publish(SUBJECT, request.clone()).await;
    }
    assert_eq!(heard(&mut near, 4).await, 4);
    assert_eq!(heard(&mut far, 0).await, 0, "a local service took them");
    assert_eq!(dropped(&fabric, "service-local").await, 4);
}
