//! A link that comes and goes.

use super::*;

/// The link goes down and comes back at once, so many times.
fn flap(bench: &mut Bench, times: u32) {
    for _ in 0..times {
        bench.handle(Event::LinkDown { link: LINK, reason: "reset".to_owned() });
        bench.link("us-1", "us");
    }
}

/// Whether the adjacency is advertised at its own cost, not as a last resort.
fn is_advertised(bench: &Bench) -> bool {
    let (_, topology) = bench.gateway.database.topology(&bench.gateway.me.gateway).unwrap();
    topology.adjacencies["us-1"] < 1_000_000
}

#[test]
fn the_first_flaps_delay_nothing() {
    let mut bench = Bench::new();
    flap(&mut bench, 3);
    bench.wait(1);
    assert!(is_advertised(&bench));
    let (subject, payload) = golden("v1-ping.json", 0);
    bench.publish(&subject, payload);
    assert_eq!(bench.sent.len(), 1);
}

#[test]
fn a_flapping_adjacency_is_a_last_resort_until_it_has_been_quiet() {
    let mut bench = Bench::new();
    flap(&mut bench, 4);
    bench.wait(1);
    let view = bench.gateway.snapshot(at(bench.seconds));
    let [link] = &view.links[..] else { panic!("{view:?}") };
    assert!(link.suppressed && link.penalty > 3500, "{link:?}");
    assert_eq!(link.state, "up", "it still carries adverts and receipts");
    assert!(!is_advertised(&bench));
    let us = view.regions.iter().find(|region| region.region.as_str() == "us").unwrap();
    assert!(us.route.as_ref().is_some_and(|route| route.cost > 1_000_000), "the only way is used");
    for _ in 0..30 {
        assert!(bench.gateway.next_deadline().is_some_and(|due| due <= at(31).mono));
        bench.wait(1);
    }
    assert!(is_advertised(&bench));
    assert!(!bench.gateway.snapshot(at(bench.seconds)).links[0].suppressed);
}

#[test]
fn a_configured_cost_is_advertised_from_the_first() {
    let mut config = config("eu", "eu-1");
    config.costs.insert("us".parse().unwrap(), 2);
    let bench = Bench::with(config);
    assert_eq!(bench.gateway.snapshot(at(0)).links[0].cost, 2);
}
