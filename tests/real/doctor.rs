//! What the doctor says of a fabric in trouble: these codes, and no others.

use std::{collections::BTreeSet, sync::OnceLock, time::Duration};

use antiphon_lab::{pki::Profile, wait};
use antiphon_tests::{Fabric, run};
use serde_json::Value;

/// Long enough for a certificate to be read again, and for beacons and adverts to settle.
const PATIENCE: Duration = Duration::from_secs(90);
/// Slow answers, reports and clocks that jump: what a busy machine does to any fabric.
const OF_THE_MACHINE: [&str; 4] = ["E2E-006", "E2E-007", "RUNT-008", "RUNT-009"];

/// The document of `antiphon check`, and its exit code.
async fn check(fabric: &Fabric, more: &[&str]) -> (Option<i32>, Value) {
    let dir = fabric.lab.dir().display().to_string();
    let output = run(&[&["check", "--lab", &dir, "-o", "json"], more].concat()).await;
    let value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), value)
}

/// Each code with a finding that says something of the fabric.
fn codes(value: &Value) -> BTreeSet<String> {
    let checks = value["checks"].as_array().expect("checks").iter();
    let found = checks.filter(|check| !check["findings"].as_array().expect("findings").is_empty());
    let codes = found.map(|check| check["code"].as_str().expect("a code").to_owned());
    codes.filter(|code| !OF_THE_MACHINE.contains(&code.as_str())).collect()
}

/// Waits until the doctor finds exactly this, whatever it finds on the way.
async fn finds(fabric: &Fabric, expected: &[&str]) -> Value {
    let expected: BTreeSet<String> = expected.iter().map(|code| (*code).to_owned()).collect();
    let mut last = Value::Null;
    let found = wait::until(PATIENCE, async || {
        last = check(fabric, &[]).await.1;
        (codes(&last) == expected).then_some(())
    });
    if found.await.is_none() {
        let checks = last["checks"].as_array().expect("checks").iter();
        let wrong: Vec<_> =
            checks.flat_map(|check| check["findings"].as_array()).flatten().collect();
        panic!("expected {expected:?}, found {:?}: {wrong:#?}", codes(&last));
    }
    last
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_names_what_was_broken_and_nothing_else() {
    let mut fabric = Fabric::up(|_| {}).await;

    // Healthy: every pair of regions is pinged for real.
    let healthy = finds(&fabric, &[]).await;
    let pairs = healthy["pairs"].as_array().expect("pairs");
    assert_eq!(pairs.len(), 6);
    assert!(pairs.iter().all(|pair| pair["by"] == "ping" && pair["nodes"] == 2), "{pairs:#?}");
    let expected = ["--expect-regions", "3", "--expect-gateways", "6", "--wait", "30s"];
    assert_eq!(check(&fabric, &expected).await.0, Some(0));
    let (code, missed) = check(&fabric, &["--expect-gateways", "7", "--no-ping"]).await;
    assert_eq!((code, codes(&missed)), (Some(2), ["MEMB-011".to_owned()].into()));

    // A certificate is replaced by one of a week that ends within the hour.
    let [week, hour] = [7 * 24, 1].map(|hours| Duration::from_secs(hours * 3600));
    let profile = Profile::gateway("lab", "us", "us-2").lasting(hour).aged(week);
    fabric.lab.pki().issue(&[profile], &|_| {}).expect("a certificate");
    let ending = finds(&fabric, &["IDENT-002"]).await;
    assert_eq!(ending["verdict"], "problem");

    // A broker is dead.
    let server = &mut fabric.lab.region_mut("ap").expect("a region").broker_mut().servers_mut()[0];
    server.process_mut().kill();
    // Our own pings are what finds no route.
    finds(&fabric, &["BROK-001", "IDENT-002", "MEMB-013", "RUNT-005"]).await;

    // A gateway is drained and does not come back.
    let dir = fabric.lab.dir().display().to_string();
    let drained = run(&["drain", "--lab", &dir, "--gateway", "us-2", "--wait"]).await;
    assert!(drained.status.success(), "{drained:?}");
    let codes = ["BROK-001", "MEMB-001", "MEMB-012", "MEMB-013", "MEMB-016", "RUNT-005"];
    finds(&fabric, &codes).await;
}

/// Where the broker of eu takes leaf nodes.
static LEAF_PORT: OnceLock<u16> = OnceLock::new();

fn leaf(region: &str) -> String {
    let port = LEAF_PORT.get_or_init(|| antiphon_lab::ports::free().expect("a port"));
    match region {
        "eu" => format!("leafnodes {{ listen: \"127.0.0.1:{port}\" }}\n"),
        _ => format!("leafnodes {{ remotes: [{{ url: \"nats-leaf://127.0.0.1:{port}\" }}] }}\n"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_finds_regions_that_are_joined_by_leaf_nodes() {
    let fabric = Fabric::up(|options| {
        options.regions = 2;
        options.nodes = 1;
        options.broker_extra = leaf;
    })
    .await;
    let found = wait::until(PATIENCE, async || {
        let (code, value) = check(&fabric, &[]).await;
        let codes = codes(&value);
        let both = codes.contains("BROK-009") && codes.contains("BROK-015");
        (both && code == Some(2)).then_some(())
    });
    assert!(found.await.is_some(), "{:?}", codes(&check(&fabric, &[]).await.1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_is_tried_before_the_first_start() {
    let mut fabric = Fabric::up(|options| {
        options.regions = 2;
        options.nodes = 1;
    })
    .await;
    let config = fabric.lab.gateway("us-2").expect("a gateway").config().display().to_string();
    let pre = ["check", "--pre", "--config", &config, "-o", "json"];

    // While it runs, its places are taken; the broker, the seeds and the permissions are good.
    let running: Value = serde_json::from_slice(&run(&pre).await.stdout).expect("JSON");
    let taken = ["PRE-007", "PRE-008", "PRE-009", "PRE-013"].map(str::to_owned);
    assert_eq!(codes(&running), taken.into(), "{running:#}");

    // Once it is gone nothing is wrong but that a lab advertises localhost.
    let gateway = fabric.lab.gateway_mut("us-2").expect("a gateway");
    gateway.process().terminate();
    gateway.process_mut().end(PATIENCE).await;
    let output = run(&pre).await;
    let stopped: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(codes(&stopped), ["PRE-013".to_owned()].into(), "{stopped:#}");
    assert_eq!(output.status.code(), Some(0), "a warning");

    // Nor does it start with a certificate that has ended.
    let profile = Profile::gateway("lab", "us", "us-2").lasting(Duration::from_secs(1));
    fabric.lab.pki().issue(&[profile], &|_| {}).expect("a certificate");
    let expired = wait::until(PATIENCE, async || {
        let output = run(&pre).await;
        let value: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let told = output.stdout.windows(7).any(|word| word == b"expired");
        (codes(&value) == ["PRE-001".to_owned()].into() && told).then_some(())
    });
    assert!(expired.await.is_some(), "an expired certificate is found");

    // None of the tries was mistaken for a message by those who run.
    for gateway in ["eu-1", "eu-2", "us-1"] {
        let gateway = fabric.lab.gateway(gateway).expect("a gateway");
        let drops = antiphon_tests::drops(gateway).await;
        assert!(drops.is_empty(), "{}: {drops:?}", gateway.name());
    }
    finds(&fabric, &["MEMB-001", "MEMB-012", "MEMB-016"]).await;
}
