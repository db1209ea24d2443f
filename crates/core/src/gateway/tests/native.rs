//! Regions whose brokers are joined without us.

use super::*;
use crate::Beacon;

fn beacon(gateway: &str, region: &str, now: Now) -> Event {
    Event::BeaconHeard(Beacon {
        region: region.parse().unwrap(),
        gateway: gateway.parse().unwrap(),
        incarnation: Incarnation(5),
        state: GatewayState::Active,
        joined: true,
        regions: 1,
        made: now.unix,
    })
}

/// Whether a ping of ours crosses to `us`.
fn crosses(bench: &mut Bench) -> bool {
    let before = bench.sent.len();
    let (subject, payload) = golden("v1-ping.json", 0);
    bench.publish(&subject, payload);
    bench.sent.len() > before
}

/// A gateway says anew which regions it hears natively.
fn hears(bench: &mut Bench, gateway: &str, region: &str, version: u64, native: &[&str]) {
    let mut advert = topology_of(gateway, region, "eu-1");
    advert.draft.stamp.version = version;
    let topology = place_of(&mut advert);
    topology.native = native.iter().map(|one| one.parse().unwrap()).collect();
    let message = Control::Adverts { adverts: vec![advert], answered: false };
    bench.handle(Event::FromPeer { link: LINK, message });
}

#[test]
fn a_region_whose_beacon_we_hear_gets_no_second_copy_until_it_falls_silent() {
    let mut bench = Bench::new();
    assert!(crosses(&mut bench));
    bench.handle(beacon("us-1", "us", at(0)));
    assert!(!crosses(&mut bench));
    for _ in 0..10 {
        bench.wait(1);
    }
    assert!(crosses(&mut bench));
}

#[test]
fn one_that_hears_us_gets_no_second_copy_either() {
    let mut bench = Bench::new();
    hears(&mut bench, "us-1", "us", 2, &["eu"]);
    assert!(!crosses(&mut bench));
    hears(&mut bench, "us-1", "us", 3, &["ap"]);
    assert!(crosses(&mut bench));
}

#[test]
fn what_a_sibling_hears_counts_as_if_we_heard_it() {
    let mut bench = Bench::new();
    hears(&mut bench, "eu-2", "eu", 1, &["us"]);
    assert!(!crosses(&mut bench));
    hears(&mut bench, "eu-2", "eu", 2, &[]);
    assert!(crosses(&mut bench));
}
