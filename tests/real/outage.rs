//! Killed gateways, cut and silent links.

use std::{collections::BTreeSet, time::Duration};

use antiphon_lab::{Relayed, wait};
use antiphon_tests::{Fabric, Stream, even_costs, run};
use serde_json::Value;
use tokio::time::Instant;

/// How long is waited for what is to come. How long it takes is measured elsewhere (`make outages`).
const PATIENCE: Duration = Duration::from_secs(30);

async fn assert_complete(fabric: &Fabric) {
    let answers = fabric.ping("eu").await;
    assert_eq!(answers.keys().cloned().collect::<Vec<_>>(), fabric.identities());
    assert!(answers.values().all(|count| *count == 1), "{answers:?}");
}

/// Waits until a ping is complete again.
async fn until_complete(fabric: &Fabric) {
    let complete = async || {
        let answers = fabric.ping("eu").await;
        (answers.len() == fabric.identities().len()).then_some(())
    };
    assert!(wait::until(PATIENCE, complete).await.is_some(), "not complete within {PATIENCE:?}");
    assert_complete(fabric).await;
}

/// The regions by way of which a gateway reaches region us.
async fn ways_to_us(fabric: &Fabric, gateway: &str) -> BTreeSet<String> {
    let admin = fabric.lab.gateway(gateway).unwrap().admin();
    let output = run(&["routes", "us", "--admin", &admin, "-o", "json"]).await;
    let value: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let gateways = value["gateways"].as_array().into_iter().flatten();
    let hops = gateways.flat_map(|one| one["route"]["next_hops"].as_array().into_iter().flatten());
    let region = |hop: &Value| hop.as_str()?.split('-').next().map(str::to_owned);
    hops.filter_map(region).collect()
}

/// Waits until both gateways of eu reach region us by way of this one.
async fn assert_by_way_of(fabric: &Fabric, region: &str) {
    let wanted = BTreeSet::from([region.to_owned()]);
    for gateway in ["eu-1", "eu-2"] {
        let by_it = async || (ways_to_us(fabric, gateway).await == wanted).then_some(());
        let found = wait::until(PATIENCE, by_it).await;
        let ways = ways_to_us(fabric, gateway).await;
        assert!(found.is_some(), "{gateway} reaches us by way of {ways:?}, not {region}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_gateway_costs_little_and_doubles_nothing() {
    let mut fabric = Fabric::up(|options| options.regions = 2).await;
    let stream = Stream::begin(&fabric.lab, "eu").await;
    let killed = Instant::now();
    fabric.lab.gateway_mut("us-1").unwrap().process_mut().kill();
    until_complete(&fabric).await;
    fabric.lab.gateway_mut("eu-1").unwrap().process_mut().kill();
    until_complete(&fabric).await;
    let whole = Instant::now();
    let seen = stream.end().await;
    let (us, eu) = (fabric.nodes_of("us"), fabric.nodes_of("eu"));
    assert_eq!(seen.doubled(), 0, "of {}", seen.requests());
    assert_eq!(seen.outage(whole, &us, &eu).lost, 0, "of those made once all is well again");
    println!(
        "{} requests, two gateways killed: {:?}",
        seen.requests(),
        seen.outage(killed, &us, &eu)
    );
    fabric.conserved().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_and_a_silent_link_are_routed_around_and_used_again() {
    let fabric = Fabric::up(|options| {
        options.relayed = Relayed::Links;
        options.gateway_settings = even_costs();
    })
    .await;
    let relays = fabric.lab.link_relays("eu", "us");
    let stream = Stream::begin(&fabric.lab, "eu").await;
    relays.iter().for_each(|relay| relay.cut());
    assert_by_way_of(&fabric, "ap").await;
    until_complete(&fabric).await;
    relays.iter().for_each(|relay| relay.restore());
    fabric.whole().await;
    let silenced = Instant::now();
    relays.iter().for_each(|relay| relay.black_hole());
    assert_by_way_of(&fabric, "ap").await;
    until_complete(&fabric).await;
    let returns = Instant::now();
    relays.iter().for_each(|relay| relay.restore());
    fabric.whole().await;
    assert_by_way_of(&fabric, "us").await;
    assert_complete(&fabric).await;
    let seen = stream.end().await;
    let (us, eu) = (fabric.nodes_of("us"), fabric.nodes_of("eu"));
    assert_eq!(seen.doubled(), 0, "of {}", seen.requests());
    assert_eq!(seen.outage(returns, &us, &eu).lost, 0, "traffic returns to the link without loss");
    println!("{} requests, a silent link: {:?}", seen.requests(), seen.outage(silenced, &us, &eu));
    fabric.conserved().await;
}
