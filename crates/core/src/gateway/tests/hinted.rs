//! Hints: what they rule out, and what they never do.

use std::{collections::BTreeMap, time::Duration};

use super::*;
use crate::{
    CollectiveHints, CollectiveInterest, Filter, Hints, HintsConfig, HintsPart, Holding,
    IdentityHash, InterestRead, NameList, Rejection, Slice,
};

/// `eu-1`, which reads its brokers, linked with `us-1`, beyond which is `ap-1`.
pub(super) fn bench() -> Bench {
    let mut config = config("eu", "eu-1");
    config.hints = HintsConfig { monitors: true, ..HintsConfig::default() };
    let mut bench = Bench::with(config);
    let mut us = topology_of("us-1", "us", "eu-1");
    us.draft.stamp.version = 2;
    let topology = place_of(&mut us);
    topology.adjacencies.insert("ap-1".parse().unwrap(), 1);
    hear(&mut bench, vec![us, topology_of("ap-1", "ap", "us-1"), offer_of("ap-1", "ap")]);
    bench
}

pub(super) fn hear(bench: &mut Bench, adverts: Vec<Advert>) {
    let message = Control::Adverts { adverts, answered: false };
    bench.handle(Event::FromPeer { link: LINK, message });
}

/// What a gateway says of the nodes and services of its region.
pub(super) fn hints_of(
    (gateway, region): (&str, &str),
    version: u64,
    complete: bool,
    nodes: &[&str],
    services: &[&str],
) -> Vec<Advert> {
    let collective: antiphon_wire::Collective = "mcollective".parse().unwrap();
    let hashes = nodes.iter().map(|one| IdentityHash::of(one));
    let slice = Slice {
        collective: collective.clone(),
        shard: 0,
        shards: 1,
        filter: Filter::build(hashes, nodes.len()),
    };
    let slices = if nodes.is_empty() { Vec::new() } else { vec![slice] };
    let services: Vec<antiphon_wire::Agent> =
        services.iter().map(|one| one.parse().unwrap()).collect();
    let said = CollectiveHints {
        complete,
        identities: nodes.len() as u64,
        read: Duration::from_secs(7),
        agents: NameList::default(),
        services: NameList::new(&services),
    };
    let hints = Hints {
        monitors: true,
        generation: version,
        parts: 1,
        collectives: [(collective, said)].into(),
    };
    let part = HintsPart { index: 0, generation: version, slices };
    let mut adverts = vec![
        advert(gateway, region, AdvertContent::HintsPart(part.into())),
        advert(gateway, region, AdvertContent::Hints(hints.into())),
    ];
    for advert in &mut adverts {
        advert.draft.stamp.version = version;
    }
    adverts
}

pub(super) fn reading(complete: bool, nodes: &[&str]) -> Event {
    let mut identities: Vec<_> = nodes.iter().map(|one| IdentityHash::of(one)).collect();
    identities.sort_unstable();
    let found = CollectiveInterest {
        collective: "mcollective".parse().unwrap(),
        identities,
        agents: Vec::new(),
        services: Vec::new(),
    };
    Event::InterestRead(InterestRead {
        complete,
        servers: 1,
        collectives: vec![found],
        problem: String::new(),
        names: Vec::new(),
    })
}

/// Asks one node; the regions that get it, and why nobody does.
fn ask(bench: &mut Bench, node: &str) -> (Vec<String>, Vec<DropReason>) {
    let before = bench.sent.len();
    let (_, payload) = golden("v1-rpc-directed.json", 0);
    let actions = bench.publish(&format!("mcollective.node.{node}"), payload);
    let frames = bench.sent.iter().skip(before).map(|frame| frame.end.to.to_string());
    (frames.collect(), dropped(&actions))
}

fn regions(bench: &mut Bench, node: &str) -> Vec<String> {
    ask(bench, node).0
}

/// What this gateway last told of its own region.
fn told(actions: &[Action]) -> Option<Hints> {
    actions.iter().rev().find_map(|action| match action {
        Action::Originate { draft } => match &draft.content {
            AdvertContent::Hints(hints) => Some((**hints).clone()),
            _ => None,
        },
        _ => None,
    })
}

#[test]
fn a_node_is_looked_for_where_it_may_be() {
    let mut bench = bench();
    assert_eq!(regions(&mut bench, "n1.us"), ["ap", "us"], "nothing is known yet");
    hear(&mut bench, hints_of(("us-1", "us"), 2, true, &["n1.us"], &[]));
    assert_eq!(regions(&mut bench, "n1.us"), ["ap", "us"], "nothing is known of ap");
    hear(&mut bench, hints_of(("ap-1", "ap"), 2, true, &["n1.ap"], &[]));
    assert_eq!(regions(&mut bench, "n1.us"), ["us"]);
    assert_eq!(regions(&mut bench, "n1.ap"), ["ap"]);
    assert_eq!(regions(&mut bench, "new.us"), ["ap", "us"], "no region holds it: all are asked");
}

/// Ten regions, ours and nine others, all of whose hints are complete: what is for the nodes of one goes
/// there, and to each other one no more often than its filter errs.
#[test]
fn of_ten_regions_only_the_one_that_has_the_nodes_is_asked() {
    const NODES: usize = 1000;
    let others: Vec<String> = (2..10).map(|number| format!("r{number}")).collect();
    let mut bench = bench();
    let mut us = topology_of("us-1", "us", "eu-1");
    us.draft.stamp.version = 3;
    let topology = place_of(&mut us);
    let gateways = others.iter().map(|region| format!("{region}-1"));
    topology.adjacencies.extend(gateways.map(|gateway| (gateway.parse().unwrap(), 1)));
    let mut adverts = vec![us];
    let names = |region: &str| -> Vec<String> {
        (0..NODES).map(|number| format!("n{number}.{region}.example.net")).collect()
    };
    for region in others.iter().map(String::as_str).chain(["us"]) {
        let gateway = format!("{region}-1");
        if region != "us" {
            adverts.push(topology_of(&gateway, region, "us-1"));
            adverts.push(offer_of(&gateway, region));
        }
        let nodes = names(region);
        let nodes: Vec<&str> = nodes.iter().map(String::as_str).collect();
        adverts.extend(hints_of((&gateway, region), 1, true, &nodes, &[]));
    }
    adverts.extend(hints_of(("ap-1", "ap"), 1, true, &[], &[]));
    hear(&mut bench, adverts);
    bench.handle(reading(true, &["n1.eu"]));
    let mut wrong: BTreeMap<String, usize> = BTreeMap::new();
    for node in names("us") {
        let asked = regions(&mut bench, &node);
        assert!(asked.iter().any(|region| region == "us"), "{node}: {asked:?}");
        for region in asked.into_iter().filter(|region| region != "us") {
            *wrong.entry(region).or_default() += 1;
        }
    }
    let all: usize = wrong.values().sum();
    assert!(all < others.len() * NODES / 100, "{wrong:?}");
    assert!(wrong.values().all(|count| *count < NODES / 50), "{wrong:?}");
}

#[test]
fn a_node_of_our_own_is_not_looked_for_elsewhere() {
    let mut bench = bench();
    hear(&mut bench, hints_of(("us-1", "us"), 2, true, &["n1.us"], &[]));
    hear(&mut bench, hints_of(("ap-1", "ap"), 2, true, &[], &[]));
    assert_eq!(regions(&mut bench, "n1.eu"), ["ap", "us"]);
    bench.handle(reading(true, &["n1.eu"]));
    assert_eq!(ask(&mut bench, "n1.eu"), (vec![], vec![DropReason::LocalNode]));
    hear(&mut bench, hints_of(("ap-1", "ap"), 3, false, &[], &[]));
    assert_eq!(regions(&mut bench, "n1.eu"), ["ap"], "ap is not sure");
}

#[test]
fn only_complete_hints_rule_out() {
    let mut bench = bench();
    hear(&mut bench, hints_of(("us-1", "us"), 2, true, &["n1.us"], &[]));
    hear(&mut bench, hints_of(("ap-1", "ap"), 2, false, &["n1.ap"], &[]));
    assert_eq!(regions(&mut bench, "n1.us"), ["ap", "us"]);
    let mut without_filter = hints_of(("ap-1", "ap"), 3, true, &["n1.ap"], &[]);
    hear(&mut bench, vec![without_filter.remove(1)]);
    assert_eq!(regions(&mut bench, "n1.us"), ["ap", "us"], "a filter is missing");
    hear(&mut bench, without_filter);
    assert_eq!(regions(&mut bench, "n1.us"), ["us"]);
}

#[test]
fn hints_of_a_gateway_that_is_gone_or_cut_off_rule_nothing_out() {
    for (state, broker) in [(GatewayState::Draining, true), (GatewayState::Active, false)] {
        let mut bench = bench();
        hear(&mut bench, hints_of(("us-1", "us"), 2, true, &["n1.us"], &[]));
        hear(&mut bench, hints_of(("ap-1", "ap"), 2, true, &["n1.ap"], &[]));
        assert_eq!(regions(&mut bench, "n1.us"), ["us"]);
        let mut ap = topology_of("ap-1", "ap", "us-1");
        ap.draft.stamp.version = 2;
        let topology = place_of(&mut ap);
        (topology.state, topology.broker) = (state, broker);
        hear(&mut bench, vec![ap]);
        let hint =
            bench.gateway.hint(&"ap".parse().unwrap(), &"mcollective".parse().unwrap(), "n1.us");
        assert_eq!(hint.holding, Holding::Unknown, "{state:?} {broker}");
    }
}

#[test]
fn the_decision_says_how_old_the_hint_is() {
    let mut bench = bench();
    hear(&mut bench, hints_of(("ap-1", "ap"), 2, true, &["n1.ap"], &[]));
    let region = "ap".parse().unwrap();
    let hint = bench.gateway.hint(&region, &"mcollective".parse().unwrap(), "n1.us");
    assert_eq!((hint.holding, hint.read), (Holding::No, Duration::from_secs(7)));
    let rejection = Rejection::NotThere { read: hint.read };
    assert_eq!((rejection.label(), rejection.reason()), ("not-there", DropReason::LocalNode));
}

#[test]
fn what_is_read_is_told_in_full_and_doubted_after_two_polls() {
    let mut bench = Bench::with(bench().gateway.config.clone());
    let complete = |hints: &Hints| hints.collectives.values().any(|one| one.complete);
    bench.handle(reading(true, &["n1.eu", "n2.eu"]));
    let said = told(&bench.wait(1)).or_else(|| told(&bench.wait(1))).expect("a summary");
    assert!(complete(&said) && said.monitors);
    assert_eq!(said.collectives.values().next().unwrap().identities, 2);
    let mut last = said;
    for _ in 0..245 {
        last = told(&bench.wait(1)).unwrap_or(last);
    }
    assert!(!complete(&last), "the reading of 120 s later was never answered");
    assert_eq!(last.collectives.values().next().unwrap().identities, 2, "they are kept");
}

#[test]
fn a_node_that_starts_or_answers_is_known_at_once() {
    let mut bench = bench();
    bench.handle(reading(true, &[]));
    let (eu, collective) = ("eu".parse().unwrap(), "mcollective".parse().unwrap());
    let hint = |bench: &Bench, node| bench.gateway.hint(&eu, &collective, node).holding;
    bench.wait(1);
    assert_eq!(hint(&bench, "n5.example.net"), Holding::No);
    let (subject, startup) = golden("lifecycle-and-registration.json", 0);
    bench.publish(&subject, startup);
    assert_eq!(hint(&bench, "n5.example.net"), Holding::Yes);
    let told = told(&[bench.wait(1), bench.wait(1)].concat()).expect("it is told");
    assert_eq!(told.collectives.values().next().unwrap().identities, 1);
}

#[test]
fn what_a_lost_broker_hid_is_read_before_anything_is_ruled_out() {
    let mut bench = bench();
    bench.handle(reading(true, &["n1.eu"]));
    let (eu, collective) = ("eu".parse().unwrap(), "mcollective".parse().unwrap());
    let hint = |bench: &Bench, node| bench.gateway.hint(&eu, &collective, node).holding;
    assert_eq!(hint(&bench, "n2.eu"), Holding::No);
    bench.handle(Event::BrokerDown);
    assert_eq!(hint(&bench, "n2.eu"), Holding::Unknown);
    let actions = bench.handle(Event::BrokerUp(broker()));
    assert!(actions.iter().any(|action| matches!(action, Action::ReadInterest { .. })));
    assert_eq!(hint(&bench, "n2.eu"), Holding::Unknown);
    bench.handle(reading(true, &["n1.eu"]));
    assert_eq!(hint(&bench, "n2.eu"), Holding::No);
}

#[test]
fn one_gateway_of_a_region_reads_for_all() {
    let config = {
        let mut config = config("eu", "eu-2");
        config.hints = HintsConfig { monitors: true, ..HintsConfig::default() };
        config
    };
    let mut bench = Bench { gateway: Gateway::new(config, 1, at(0)), seconds: 0, sent: Vec::new() };
    bench.link("eu-1", "eu");
    let mut sibling = topology_of("eu-1", "eu", "eu-2");
    sibling.draft.stamp.version = 2;
    hear(&mut bench, vec![sibling]);
    hear(&mut bench, hints_of(("eu-1", "eu"), 2, true, &["n1.eu"], &[]));
    let reads =
        |actions: &[Action]| actions.iter().any(|one| matches!(one, Action::ReadInterest { .. }));
    assert!(!reads(&bench.handle(Event::BrokerUp(broker()))));
    let (eu, collective) = ("eu".parse().unwrap(), "mcollective".parse().unwrap());
    assert_eq!(bench.gateway.hint(&eu, &collective, "n1.eu").holding, Holding::Yes);
    assert_eq!(bench.gateway.hint(&eu, &collective, "n2.eu").holding, Holding::No);
    bench.handle(Event::LinkDown { link: LINK, reason: String::new() });
    assert_eq!(bench.gateway.hint(&eu, &collective, "n2.eu").holding, Holding::Unknown);
    assert!((0..6).any(|_| reads(&bench.wait(1))), "the first by name is gone");
}
