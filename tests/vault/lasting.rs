//! A quarter of an hour with a real OpenBao and real gateways, no clock moved: `make soak-vault`.

use std::{fs, time::Duration};

use antiphon_lab::{Gateway, http, wait};
use antiphon_tests::{Fabric, Load, run};
use tokio::time::{Instant, sleep};

use crate::{
    gateways::{settings, status},
    server::{Bao, ROLE},
};

/// Requests a second, while certificates come and go.
const RATE: u32 = 50;
/// Certificates that each gateway must have been given under load.
const RENEWALS: u64 = 5;
/// How long they may take: each comes after two thirds of a minute, or a little less.
const RENEWED: Duration = Duration::from_secs(6 * 60);
/// How long it may take until renewal is due, and is tried.
const DUE: Duration = Duration::from_secs(120);
const SEALED: Duration = Duration::from_secs(10 * 60);
/// How long a gateway may take to renew once it can: the longest pause between two attempts, and a
/// look at the files.
const RECOVERED: Duration = Duration::from_secs(120);

async fn fabric(bao: &Bao, ttl: &str) -> Fabric {
    Fabric::up(|options| {
        options.regions = 2;
        options.gateways = 1;
        options.gateway_settings = settings(bao, ttl);
    })
    .await
}

/// A page of a gateway.
async fn page(gateway: &Gateway, path: &str) -> String {
    http::get(gateway.http(), path).await.expect("the gateway answers").body
}

/// What `antiphon status` shows.
async fn shown(gateway: &Gateway) -> String {
    let output = run(&["status", "--admin", &gateway.admin()]).await;
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

/// Which certificates are in use on links, one a gateway.
async fn fingerprints(fabric: &Fabric) -> Vec<String> {
    let mut all = Vec::new();
    for gateway in fabric.gateways() {
        let status = status(gateway).await;
        all.push(status["certificate"]["fingerprint"].as_str().expect("a fingerprint").to_owned());
    }
    all
}

/// Everything that tells an operator that Vault is sealed.
async fn tells_sealed(gateway: &Gateway) {
    let status = run(&["status", "--strict", "--admin", &gateway.admin()]).await;
    let shown = String::from_utf8(status.stdout).unwrap();
    assert!(shown.contains("unseal it (vault operator unseal)"), "{shown}");
    assert_ne!(status.status.code(), Some(0), "{shown}");
    let metrics = page(gateway, "/metrics").await;
    let alarm = "antiphon_alarms{kind=\"certificate-not-renewed\"} 1.0";
    assert!(metrics.lines().any(|line| line == alarm), "{metrics}");
    let ready = page(gateway, "/readyz").await;
    assert!(ready.contains("(sealed): ") && ready.contains("unseal it"), "{ready}");
}

/// Waits until every gateway fulfils something that its status tells.
async fn until(
    fabric: &Fabric,
    what: &str,
    patience: Duration,
    met: impl Fn(&serde_json::Value) -> bool,
) {
    for gateway in fabric.gateways() {
        let met = wait::until(patience, async || met(&status(gateway).await).then_some(()));
        let name = gateway.name();
        assert!(met.await.is_some(), "{name} is not {what}: {:#}", status(gateway).await);
    }
}

/// Certificates of a minute follow each other under load; then Vault is sealed until they have ended.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a quarter of an hour: make soak-vault"]
async fn certificates_of_a_minute_are_renewed_under_load_and_end_when_vault_stays_sealed() {
    let bao = Bao::up().await;
    let fabric = fabric(&bao, "60s").await;
    let load = Load::begin(&fabric, "eu", RATE).await;
    until(&fabric, "renewed", RENEWED, |status| {
        status["enrolment"]["renewals"].as_u64() > Some(RENEWALS)
    })
    .await;
    let answered = load.end().await;
    println!("{RENEWALS} renewals of certificates of a minute at each gateway: {answered}");
    answered.is_whole(&fabric).await;
    for gateway in fabric.gateways() {
        let handovers = page(gateway, "/metrics").await;
        let handovers =
            handovers.lines().find_map(|line| line.strip_prefix("antiphon_link_handovers_total "));
        let handovers: f64 = handovers.expect("the metric is there").parse().unwrap();
        assert!(handovers >= RENEWALS as f64, "{}: {handovers} handovers", gateway.name());
    }
    fabric.conserved().await;

    bao.seal();
    for gateway in fabric.gateways() {
        let ended = wait::until(RENEWED, async || {
            shown(gateway).await.contains("its certificate has ended").then_some(())
        });
        assert!(ended.await.is_some(), "{}", shown(gateway).await);
    }
    until(&fabric, "without links", RECOVERED, |status| status["links"]["up"] == 0).await;
    for gateway in fabric.gateways() {
        tells_sealed(gateway).await;
        let other = if gateway.name().starts_with("eu") { "us" } else { "eu" };
        let shown = shown(gateway).await;
        assert!(shown.contains(&format!("no route to region {other}")), "{shown}");
        let log = fs::read_to_string(gateway.process().log()).unwrap();
        assert!(log.contains("its certificates have ended"), "{log}");
    }
    assert_eq!(fabric.ping("eu").await.len(), 2, "a region stands alone");

    let ended = fingerprints(&fabric).await;
    bao.unseal().await;
    let unsealed = Instant::now();
    until(&fabric, "linked again", RECOVERED, |status| {
        status["links"]["up"] == 1 && status["enrolment"]["trouble"].is_null()
    })
    .await;
    println!("links stand {} s after Vault was unsealed", unsealed.elapsed().as_secs());
    for (before, after) in ended.iter().zip(fingerprints(&fabric).await) {
        assert_ne!(*before, after);
    }
    let whole = wait::until(RECOVERED, async || (fabric.ping("us").await.len() == 4).then_some(()));
    assert!(whole.await.is_some(), "every node answers again");
    fabric.conserved().await;
}

/// Vault is sealed for ten minutes, in which renewal is due from the second on: the certificates say that they
/// have been good for 28 minutes, so that little more than a third of their life is left.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a quarter of an hour: make soak-vault"]
async fn ten_sealed_minutes_leave_the_old_certificate_in_force() {
    let bao = Bao::up().await;
    bao.run(&["patch", &format!("pki/roles/{ROLE}"), "not_before_duration=28m"]);
    let mut fabric = fabric(&bao, "16m").await;
    // Of a certificate that a gateway finds when it starts, the whole life counts.
    for gateway in ["eu-1", "us-1"] {
        fabric.restart(gateway).await;
    }
    fabric.whole().await;
    let before = fingerprints(&fabric).await;
    bao.seal();
    let sealed = Instant::now();
    let load = Load::begin(&fabric, "eu", RATE).await;
    until(&fabric, "in trouble", DUE, |status| status["enrolment"]["trouble"]["kind"] == "sealed")
        .await;
    println!("{} s after Vault was sealed both gateways tell of it", sealed.elapsed().as_secs());
    while sealed.elapsed() < SEALED {
        for gateway in fabric.gateways() {
            tells_sealed(gateway).await;
            assert!(page(gateway, "/readyz").await.starts_with("ready\n"), "{}", gateway.name());
            assert_eq!(status(gateway).await["links"]["up"], 1, "{}", gateway.name());
        }
        sleep(Duration::from_secs(10)).await;
    }
    assert_eq!(fingerprints(&fabric).await, before, "the old ones stay in force");
    bao.unseal().await;
    let unsealed = Instant::now();
    until(&fabric, "renewed", RECOVERED, |status| {
        status["enrolment"]["trouble"].is_null() && status["links"]["up"] == 1
    })
    .await;
    let used = wait::until(RECOVERED, async || {
        let now = fingerprints(&fabric).await;
        before.iter().zip(&now).all(|(before, now)| before != now).then_some(())
    });
    assert!(used.await.is_some(), "the new certificates are in use");
    let answered = load.end().await;
    println!(
        "sealed for {} s, renewed {} s after it was unsealed: {answered}",
        (unsealed - sealed).as_secs(),
        unsealed.elapsed().as_secs()
    );
    answered.is_whole(&fabric).await;
    fabric.conserved().await;
}
