//! Certificates that are replaced under load.

use std::time::Duration;

use antiphon_lab::{http, pki::Profile, wait};
use antiphon_tests::{Fabric, Load};

use crate::rolling::RATE;

/// The seed of a lab is the first gateway of the first region: that of the other dials it.
const DIALS: &str = "us";
const ACCEPTS: &str = "eu";
/// How often the certificate of the gateway that dials is replaced.
const REPLACEMENTS: u32 = 50;
/// After so many of those the one of the gateway that accepts is replaced too. The link takes it up when
/// it is set up anew next.
const OTHER_EVERY: u32 = 10;
/// Requests that must have been under way during each replacement, or nothing was shown.
const REQUESTS_EACH: u32 = 20;
/// How long a replaced certificate may take to be used everywhere.
const PATIENCE: Duration = Duration::from_secs(20);

/// One gateway a region, so that no sibling hides a loss. In a lab the same certificate serves links
/// and the broker connection: both are made anew each time.
#[tokio::test(flavor = "multi_thread")]
async fn certificates_replaced_fifty_times_under_load_lose_and_double_nothing() {
    let fabric = Fabric::up(|options| {
        options.regions = 2;
        options.gateways = 1;
    })
    .await;
    let load = Load::begin(&fabric, "eu", RATE).await;
    for number in 0..REPLACEMENTS {
        replace(&fabric, DIALS, number + 1, 1.0).await;
        if number % OTHER_EVERY == 0 {
            replace(&fabric, ACCEPTS, number / OTHER_EVERY + 1, 0.0).await;
        }
    }
    let answered = load.end().await;
    let (mut links, mut brokers, mut doubt) = (0.0, 0.0, 0.0);
    for region in [DIALS, ACCEPTS] {
        links += count(&fabric, region, "antiphon_link_handovers_total").await;
        brokers += count(&fabric, region, "antiphon_broker_handovers_total").await;
        doubt += count(&fabric, region, "antiphon_units_in_doubt").await;
    }
    println!(
        "{REPLACEMENTS} certificates replaced under load: {answered}; {doubt} in doubt; {links} \
         handovers of links (both ends count), {brokers} of broker connections",
    );
    answered.is_whole(&fabric).await;
    assert!(doubt < 1.0, "receipts were lost: {doubt} units are in doubt");
    assert!(answered.requests() >= (REPLACEMENTS * REQUESTS_EACH) as usize, "{answered}");
    let all = f64::from(REPLACEMENTS);
    assert!(links >= all && brokers >= all, "{links} {brokers}");
    fabric.conserved().await;
}

/// Replaces a gateway's certificate and key, and waits until so many more links and one more broker
/// connection use it.
async fn replace(fabric: &Fabric, region: &str, times: u32, more_links: f64) {
    let [before_links, before_broker] = handovers(fabric, region).await;
    let name = format!("{region}-1");
    let profile = Profile::gateway(&fabric.lab.manifest().fabric, region, &name);
    tokio::task::block_in_place(|| fabric.lab.pki().issue(&[profile], &|_| {})).unwrap();
    let used = wait::until(PATIENCE, async || {
        let [links, broker] = handovers(fabric, region).await;
        let renewed = count(fabric, region, "antiphon_certificate_renewals_total").await;
        let all = renewed >= f64::from(2 * times)
            && links >= before_links + more_links
            && broker > before_broker;
        all.then_some(())
    });
    if used.await.is_none() {
        let [links, broker] = handovers(fabric, region).await;
        let renewed = count(fabric, region, "antiphon_certificate_renewals_total").await;
        let links = links - before_links;
        let broker = broker - before_broker;
        panic!(
            "certificate {times} of {name} is not used: {renewed} renewals, {links} links, {broker}"
        );
    }
}

async fn handovers(fabric: &Fabric, region: &str) -> [f64; 2] {
    let links = count(fabric, region, "antiphon_link_handovers_total").await;
    [links, count(fabric, region, "antiphon_broker_handovers_total").await]
}

/// The sum of a metric's rows.
async fn count(fabric: &Fabric, region: &str, metric: &str) -> f64 {
    let gateway = fabric.gateways().find(|one| one.name().starts_with(region)).unwrap();
    let page = http::get(gateway.http(), "/metrics").await.map(|answer| answer.body);
    let page = page.unwrap_or_default();
    let rows = page
        .lines()
        .filter(|line| line.strip_prefix(metric).is_some_and(|rest| rest.starts_with(['{', ' '])));
    rows.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}
