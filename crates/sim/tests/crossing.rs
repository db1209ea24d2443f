//! Requests and replies between regions, in a virtual world.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, time::Duration};

use antiphon_core::{Config, GatewayId, Incarnation, Limits, Periods, RegionId};
use antiphon_sim::{Path, World, request};
use antiphon_wire::Transport;

const LATENCY: Duration = Duration::from_millis(20);

fn region(name: &str) -> RegionId {
    name.parse().unwrap()
}

fn gateway(name: &str) -> GatewayId {
    name.parse().unwrap()
}

fn config(region: &str, name: &str) -> Config {
    Config {
        fabric: "acme".parse().unwrap(),
        region: region.parse().unwrap(),
        gateway: name.parse().unwrap(),
        incarnation: Incarnation(0),
        export: ["mcollective".parse().unwrap()].into(),
        reply_template: "choria.federation.{region}.collective".to_owned(),
        reply_subjects: Vec::new(),
        federation: [("eu", "eu"), ("us", "us"), ("ap", "ap")]
            .into_iter()
            .map(|(name, region)| (name.to_owned(), region.parse().unwrap()))
            .collect(),
        transit: true,
        seeds: vec!["eu-1:7440".parse().unwrap()],
        peers: None,
        costs: [].into(),
        limits: Limits::default(),
        periods: Periods::default(),
    }
}

/// Three regions, two gateways and three nodes each.
fn three_regions() -> World {
    let mut world = World::new(LATENCY);
    for name in ["eu", "us", "ap"] {
        world.add_region(&region(name), 3);
        for number in 1..=2 {
            world.start(config(name, &format!("{name}-{number}")));
        }
    }
    assert!(world.run_until(Duration::from_secs(20), converged), "{:#?}", states(&world));
    world
}

fn converged(world: &World) -> bool {
    world.living().iter().all(|one| {
        world.snapshot(one).is_some_and(|view| {
            let reached = view.regions.iter().filter(|region| region.route.is_some());
            let up = view.links.iter().filter(|link| link.state == "up");
            view.joined && reached.count() == 3 && up.count() == world.living().len() - 1
        })
    })
}

fn states(world: &World) -> BTreeMap<String, String> {
    let living = world.living();
    let views = living.iter().filter_map(|one| world.snapshot(one));
    views
        .map(|view| {
            let links: Vec<_> =
                view.links.iter().map(|link| format!("{}={}", link.gateway, link.state)).collect();
            (view.gateway.to_string(), format!("joined={} {links:?}", view.joined))
        })
        .collect()
}

fn ping(world: &mut World, from: &str, id: u32) -> String {
    let id = format!("{id:032x}");
    let (payload, reply_to) = request(
        &"mcollective".parse().unwrap(),
        &"discovery".parse().unwrap(),
        &id,
        world.now().unix,
    );
    world.publish(&region(from), "mcollective.broadcast.agent.discovery", payload);
    reply_to
}

/// Who answered on this subject in this region, and how often.
fn answers(world: &World, at: &str, reply_to: &str) -> BTreeMap<String, u32> {
    let mut answers = BTreeMap::new();
    for delivered in &world.regions[&region(at)].clients {
        if delivered.subject == reply_to {
            let transport = Transport::decode(delivered.payload.clone()).unwrap();
            assert!(transport.federation().is_none(), "federation must be stripped");
            *answers.entry(transport.sender().unwrap().to_owned()).or_default() += 1;
        }
    }
    answers
}

fn assert_conserved(world: &World) {
    for one in world.living() {
        let view = world.snapshot(&one).unwrap();
        for tally in &view.tallies {
            let dropped: u64 = tally.tally.dropped.values().sum();
            let sum = tally.tally.delivered + dropped + tally.tally.in_doubt + tally.pending;
            assert_eq!(tally.tally.created, sum, "{one}: {tally:?}");
        }
    }
}

/// Units that have not ended as delivered.
fn undelivered(world: &World) -> Vec<String> {
    let living = world.living();
    let views = living.iter().filter_map(|one| world.snapshot(one));
    views
        .flat_map(|view| {
            view.tallies
                .into_iter()
                .filter(|one| one.tally.delivered != one.tally.created)
                .map(move |one| format!("{}: {one:?}", view.gateway))
        })
        .collect()
}

#[test]
fn a_ping_is_answered_by_every_node_of_every_region_once() {
    let mut world = three_regions();
    for from in ["eu", "us", "ap"] {
        let reply_to = ping(&mut world, from, 1);
        world.run_for(Duration::from_secs(1));
        let answers = answers(&world, from, &reply_to);
        assert_eq!(answers.len(), 9, "{answers:?}");
        assert!(answers.values().all(|count| *count == 1), "{answers:?}");
    }
    assert_conserved(&world);
    assert_eq!(undelivered(&world), [""; 0]);
}

#[test]
fn a_directed_request_reaches_its_node_alone() {
    let mut world = three_regions();
    let (payload, reply_to) = request(
        &"mcollective".parse().unwrap(),
        &"rpcutil".parse().unwrap(),
        &"7".repeat(32),
        world.now().unix,
    );
    world.publish(&region("eu"), "mcollective.node.n2.us.example.net", payload);
    world.run_for(Duration::from_secs(1));
    let answers = answers(&world, "eu", &reply_to);
    assert_eq!(answers.into_iter().collect::<Vec<_>>(), [("n2.us.example.net".to_owned(), 1)]);
}

#[test]
fn a_cut_between_two_regions_is_routed_around() {
    let mut world = three_regions();
    for a in ["eu-1", "eu-2"] {
        for b in ["us-1", "us-2"] {
            world.set_path(&gateway(a), &gateway(b), Path::Cut);
        }
    }
    world.run_for(Duration::from_millis(500));
    let reply_to = ping(&mut world, "eu", 2);
    world.run_for(Duration::from_secs(1));
    let answers = answers(&world, "eu", &reply_to);
    assert_eq!(answers.len(), 9, "{answers:?} {:#?}", states(&world));
    assert_conserved(&world);
}

#[test]
fn a_black_hole_is_out_of_use_after_the_link_timeout() {
    let mut world = three_regions();
    for a in ["eu-1", "eu-2"] {
        for b in ["us-1", "us-2"] {
            world.set_path(&gateway(a), &gateway(b), Path::BlackHole);
        }
    }
    world.run_for(Duration::from_millis(3500));
    let reply_to = ping(&mut world, "eu", 3);
    world.run_for(Duration::from_secs(1));
    assert_eq!(answers(&world, "eu", &reply_to).len(), 9, "{:#?}", states(&world));
}

#[test]
fn after_a_gateway_is_killed_the_next_ping_is_complete() {
    let mut world = three_regions();
    world.kill(&gateway("us-1"));
    world.run_for(Duration::from_secs(1));
    let reply_to = ping(&mut world, "eu", 4);
    world.run_for(Duration::from_secs(1));
    let answers = answers(&world, "eu", &reply_to);
    assert_eq!(answers.len(), 9, "{answers:?} {:#?}", states(&world));
    assert!(answers.values().all(|count| *count == 1));
}

#[test]
fn a_rolling_restart_under_load_loses_nothing() {
    let mut world = three_regions();
    let mut expected = Vec::new();
    let mut number = 100;
    for name in ["us-1", "us-2", "eu-1", "eu-2"] {
        world.drain(&gateway(name), Duration::from_secs(30));
        for tick in 0..400 {
            number += 1;
            expected.push(ping(&mut world, "eu", number));
            world.run_for(Duration::from_millis(5));
            if tick == 300 {
                assert!(!world.is_alive(&gateway(name)), "{name} should have left");
                world.restart(&gateway(name));
            }
        }
        assert!(world.run_until(Duration::from_secs(20), converged), "{:#?}", states(&world));
    }
    world.run_for(Duration::from_secs(2));
    for reply_to in expected {
        let answers = answers(&world, "eu", &reply_to);
        assert_eq!(answers.len(), 9, "{reply_to}: {answers:?}");
        assert!(answers.values().all(|count| *count == 1), "{reply_to}: {answers:?}");
    }
    assert_conserved(&world);
    assert_eq!(undelivered(&world), [""; 0]);
}
