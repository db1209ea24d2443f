//! Peers that lie, and unlucky orders of events.

use super::*;
use crate::DialFailure;

fn dials(actions: &[Action]) -> usize {
    actions.iter().filter(|one| matches!(one, Action::Dial { .. })).count()
}

fn closes(actions: &[Action]) -> bool {
    actions.iter().any(|one| matches!(one, Action::CloseLink { .. }))
}

/// A gateway with one place to dial, and that place.
fn seeded() -> (Gateway, DialTarget) {
    let mut settings = config("eu", "eu-1");
    let endpoint: crate::Endpoint = "fabric.example.net:7440".parse().unwrap();
    settings.seeds = vec![endpoint.clone()];
    (Gateway::new(settings, 1, at(0)), DialTarget::Seed { endpoint })
}

#[test]
fn a_name_is_not_taken_over_from_another_region() {
    let mut bench = Bench::new();
    let up = Event::LinkUp { link: LinkId(9), peer: hello("evil", "us-1", 6), dialed: None };
    let actions = bench.handle(up);
    assert!(closes(&actions) && alarmed(&actions), "{actions:?}");
    let mut usurped = topology_of("us-1", "evil", "eu-1");
    usurped.draft.stamp.version = 99;
    let message = Control::Adverts { adverts: vec![usurped], answered: false };
    bench.handle(Event::FromPeer { link: LINK, message });
    let (region, _) = bench.gateway.database.topology(&"us-1".parse().unwrap()).unwrap();
    assert_eq!(region.as_str(), "us");
}

#[test]
fn one_regions_word_takes_nothing_from_another() {
    let mut bench = Bench::new();
    let mut liar = topology_of("ap-1", "ap", "us-1");
    place_of(&mut liar).native = ["us".parse().unwrap()].into();
    let adverts = vec![liar, offer_of("ap-1", "ap")];
    let message = Control::Adverts { adverts, answered: false };
    bench.handle(Event::FromPeer { link: LINK, message });
    let (subject, payload) = golden("v1-ping.json", 0);
    bench.publish(&subject, payload);
    assert!(bench.sent.iter().any(|frame| frame.end.to.as_str() == "us"), "{:?}", bench.sent);
}

#[test]
fn a_frame_weighs_what_it_is() {
    let mut bench = Bench::new();
    let frame = Ok(Box::new(request_frame(1, broadcast(), None)));
    let light = Event::Frame { link: LINK, epoch: THEIR_EPOCH, number: 0, weight: 0, frame };
    assert!(closes(&bench.handle(light)));
}

#[test]
fn numbers_at_the_end_of_their_range_are_harmless() {
    let mut bench = Bench::new();
    let identities = ["a", "b"].map(str::to_owned).to_vec();
    bench.frame(0, request_frame(u64::MAX, Target::Directed { identities }, None));
    let receipt = |unit, count| Receipt { unit: UnitId(unit), count, outcome: Outcome::Delivered };
    for to in ["zz-1", "eu-1"] {
        let receipts = vec![receipt(u64::MAX, 1), receipt(1, u64::MAX), receipt(0, u64::MAX)];
        let to = to.parse().unwrap();
        let receipts = Receipts { to, incarnation: Incarnation(1), limit: 5, receipts };
        bench.handle(Event::FromPeer { link: LINK, message: Control::Receipts(receipts) });
    }
}

#[test]
fn names_that_a_peer_makes_up_are_no_keys() {
    let mut settings = config("eu", "eu-1");
    settings.transit = false;
    let mut bench = Bench::with(settings);
    for number in 0..100 {
        bench.frame(number, reply_frame("us", &format!("nowhere-{number}"), number + 1));
    }
    assert_eq!(bench.gateway.drops.counts.len(), 1);
}

#[test]
fn an_advert_that_expired_does_not_come_back() {
    let mut bench = Bench::new();
    let adverts = || Control::Adverts {
        adverts: vec![topology_of("ap-1", "ap", "us-1"), offer_of("ap-1", "ap")],
        answered: false,
    };
    let known = |bench: &Bench| bench.gateway.database.topology(&"ap-1".parse().unwrap()).is_some();
    bench.handle(Event::FromPeer { link: LINK, message: adverts() });
    assert!(known(&bench));
    for _ in 0..105 {
        bench.wait(1);
    }
    bench.handle(Event::FromPeer { link: LINK, message: adverts() });
    assert!(!known(&bench));
}

#[test]
fn a_beacon_that_is_played_again_counts_once() {
    let mut bench = Bench::new();
    let beacon = crate::Beacon {
        region: "eu".parse().unwrap(),
        gateway: "eu-2".parse().unwrap(),
        incarnation: Incarnation(1),
        state: GatewayState::Active,
        joined: true,
        regions: 1,
        made: at(0).unix,
    };
    for _ in 0..11 {
        bench.handle(Event::BeaconHeard(beacon.clone()));
        bench.wait(1);
    }
    assert!(!bench.gateway.sibling_is_connected());
}

#[test]
fn a_drain_asks_again_over_a_link_that_replaces_another() {
    let mut bench = Bench::new();
    let leaving = bench.handle(Event::Drain { grace: Duration::from_secs(1000) });
    unsubscribed(&mut bench, &leaving);
    let link = LinkId(2);
    let up = Event::LinkUp { link, peer: hello("us", "us-1", 5), dialed: None };
    let epoch = opened(&bench.handle(up)).unwrap();
    let accept = Control::Accept(Accept { epoch, next: Some(0), granted: 1 << 24 });
    let actions = bench.handle(Event::FromPeer { link, message: accept });
    let asked =
        |one: &Action| matches!(one, Action::Control { message: Control::DrainRequest, .. });
    assert!(actions.iter().any(asked), "{actions:?}");
    let last = Control::LastFrame { epoch: THEIR_EPOCH, next: 0 };
    let mut actions = bench.handle(Event::FromPeer { link, message: last });
    bench.seconds += 1;
    actions.extend(bench.handle(Event::Tick));
    assert!(actions.contains(&Action::Stop), "{actions:?}");
}

#[test]
fn a_gateway_that_gossip_lost_is_still_dialled_now_and_then() {
    let (mut gateway, seed) = seeded();
    gateway.handle(Event::Tick, at(0));
    let dialed = Some(seed);
    let sibling = hello("eu", "eu-2", 5);
    gateway.handle(Event::LinkUp { link: LinkId(1), peer: sibling, dialed }, at(0));
    gateway.handle(Event::MemberSeen(crate::testing::member("us", "us-1")), at(0));
    let up = Event::LinkUp { link: LinkId(2), peer: hello("us", "us-1", 5), dialed: None };
    gateway.handle(up, at(0));
    gateway.handle(Event::LinkDown { link: LinkId(2), reason: String::new() }, at(10));
    let target = DialTarget::Member {
        gateway: "us-1".parse().unwrap(),
        endpoint: "us-1.example.net:7440".parse().unwrap(),
    };
    let failure = || DialFailure::Unreachable { reason: String::new() };
    let failed = || Event::DialFailed { target: target.clone(), failure: failure() };
    gateway.handle(failed(), at(11));
    gateway.handle(Event::MemberGone { gateway: "us-1".parse().unwrap() }, at(25));
    gateway.handle(failed(), at(26)); // whatever was under way
    let dialled: usize =
        (27..60).map(|second| dials(&gateway.handle(Event::Tick, at(second)))).sum();
    assert!(dialled > 0);
}

#[test]
fn a_link_that_falls_as_soon_as_it_stands_is_not_dialled_in_a_storm() {
    let (mut gateway, target) = seeded();
    let mut dialled = dials(&gateway.handle(Event::Tick, at(0)));
    for number in 1..100 {
        let (link, dialed) = (LinkId(number), Some(target.clone()));
        gateway.handle(Event::LinkUp { link, peer: hello("us", "us-1", 5), dialed }, at(0));
        let down = Event::LinkDown { link, reason: String::new() };
        dialled += dials(&gateway.handle(down, at(0)));
    }
    assert_eq!(dialled, 1);
}

#[test]
fn a_peer_that_is_turned_away_is_not_dialled_in_a_storm_and_told_for_a_while() {
    let (mut gateway, target) = seeded();
    let up = Event::LinkUp { link: LinkId(1), peer: hello("us", "us-1", 5), dialed: None };
    let mut dialled = dials(&gateway.handle(up, at(0)));
    for number in 2..100 {
        let (link, dialed) = (LinkId(number), Some(target.clone()));
        let actions =
            gateway.handle(Event::LinkUp { link, peer: hello("evil", "us-1", 6), dialed }, at(0));
        assert!(closes(&actions));
        dialled += dials(&actions);
    }
    assert_eq!(dialled, 1);
    let told = |gateway: &Gateway, second| !gateway.snapshot(at(second)).alarms.is_empty();
    gateway.handle(Event::Tick, at(599));
    assert!(told(&gateway, 599));
    gateway.handle(Event::Tick, at(600));
    assert!(!told(&gateway, 600), "it did not happen again");
}

#[test]
fn nobody_is_dialled_twice_at_a_time() {
    let (mut gateway, target) = seeded();
    gateway.handle(Event::Tick, at(0));
    let dialed = Some(target);
    let peer = hello("us", "us-1", 5);
    gateway.handle(Event::LinkUp { link: LinkId(1), peer, dialed }, at(0));
    gateway.handle(Event::MemberSeen(crate::testing::member("us", "us-1")), at(1));
    let down = Event::LinkDown { link: LinkId(1), reason: String::new() };
    assert_eq!(dials(&gateway.handle(down, at(9))), 1);
}
