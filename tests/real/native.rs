//! Regions whose brokers are joined natively by a leaf node connection.

use std::{
    fs,
    sync::atomic::{AtomicU16, Ordering},
    time::Duration,
};

use antiphon_lab::wait;
use antiphon_tests::{Fabric, run};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(30);

/// Where the broker of us waits for that of eu. Chosen once: configurations are made by functions
/// that know nothing but their region.
static LEAF_PORT: AtomicU16 = AtomicU16::new(0);

fn joined(region: &str) -> String {
    let port = LEAF_PORT.load(Ordering::SeqCst);
    match region {
        "us" => format!("leafnodes {{ listen: \"127.0.0.1:{port}\" }}\n"),
        "eu" => format!("leafnodes {{ remotes: [ {{ url: \"nats://127.0.0.1:{port}\" }} ] }}\n"),
        _ => String::new(),
    }
}

async fn alarms(gateway: &antiphon_lab::Gateway) -> String {
    let output = run(&["status", "--admin", &gateway.admin(), "-o", "json"]).await;
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    value.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_node_hears_a_request_once_and_an_alarm_says_why() {
    LEAF_PORT.store(antiphon_lab::ports::free().unwrap(), Ordering::SeqCst);
    let mut fabric = Fabric::up(|options| {
        options.broker_extra = joined;
        options.gateway_settings = toml::from_str("[hints]\npoll = '1s'").unwrap();
    })
    .await;
    for gateway in fabric.gateways().filter(|one| !one.name().starts_with("ap")) {
        let raised = wait::until(PATIENCE, async || {
            alarms(gateway).await.contains("natively").then_some(())
        });
        assert!(raised.await.is_some(), "{}: {}", gateway.name(), alarms(gateway).await);
    }
    assert_each_answers_once(&fabric).await;
    assert_nothing_was_forwarded(&fabric).await;

    separate(&mut fabric).await;
    assert_each_answers_once(&fabric).await;
    for gateway in fabric.gateways() {
        let alarms = alarms(gateway).await;
        assert!(!alarms.contains("natively"), "{}: {alarms}", gateway.name());
    }
    assert!(forwarded(&fabric).await > 0, "what crosses is forwarded");
}

/// Removes the join, as an operator does who migrates, and waits until gateways know.
async fn separate(fabric: &mut Fabric) {
    let broker = fabric.lab.region_mut("eu").unwrap().broker_mut();
    let server = &mut broker.servers_mut()[0];
    let text = fs::read_to_string(server.config()).unwrap();
    let rest = text.lines().filter(|line| !line.starts_with("leafnodes"));
    fs::write(server.config(), rest.map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    server.process_mut().kill();
    server.start().await.unwrap();
    let forwards = wait::until(PATIENCE, async || {
        fabric.ping("eu").await;
        (forwarded(fabric).await > 0).then_some(())
    });
    assert!(forwards.await.is_some(), "nothing is forwarded after the join is gone");
    fabric.whole().await;
}

async fn assert_each_answers_once(fabric: &Fabric) {
    for region in ["eu", "us", "ap"] {
        let answers = wait::until(PATIENCE, async || {
            let answers = fabric.ping(region).await;
            let all = answers.len() == fabric.identities().len();
            (all && answers.values().all(|count| *count == 1)).then_some(())
        });
        assert!(answers.await.is_some(), "{region}: {:?}", fabric.ping(region).await);
    }
}

/// Between the two regions nothing is forwarded: a request from either reaches the other natively.
async fn assert_nothing_was_forwarded(fabric: &Fabric) {
    let before = forwarded(fabric).await;
    for region in ["eu", "us"] {
        fabric.ping(region).await;
    }
    assert_eq!(forwarded(fabric).await, before);
}

/// Requests that crossed between the two.
async fn forwarded(fabric: &Fabric) -> u64 {
    created(fabric, "eu", "us").await + created(fabric, "us", "eu").await
}

/// Requests that the gateways of one region routed to another.
async fn created(fabric: &Fabric, from: &str, to: &str) -> u64 {
    let mut count = 0;
    for gateway in fabric.gateways().filter(|one| one.name().starts_with(from)) {
        for collective in antiphon_tests::collectives(gateway).await {
            let regions = collective["regions"].as_array().cloned().unwrap_or_default();
            let there = regions.iter().filter(|one| one["region"] == to);
            count += there.filter_map(|one| one["requests"]["created"].as_u64()).sum::<u64>();
        }
    }
    count
}
