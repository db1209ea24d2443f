//! Links, the sessions over them, and the frames on them.

use super::*;
use crate::gateway::passing::TOLD;

#[test]
fn a_frame_that_has_been_here_or_has_no_hops_left_ends() {
    let mut bench = Bench::new();
    let mut seen = reply_frame("us", "eu", 1);
    seen.hop.visited.push("eu-1".parse().unwrap());
    assert_eq!(dropped(&bench.frame(0, seen)), [DropReason::Visited]);
    let mut tired = reply_frame("ap", "us", 2);
    tired.hop.limit = 0;
    assert_eq!(dropped(&bench.frame(1, tired)), [DropReason::HopLimit]);
    let mut old = reply_frame("us", "eu", 3);
    old.hop.age = Duration::from_secs(61);
    assert_eq!(dropped(&bench.frame(2, old)), [DropReason::Expired]);
}

#[test]
fn a_region_without_transit_carries_nothing_for_others() {
    let mut settings = config("eu", "eu-1");
    settings.transit = false;
    let mut bench = Bench::with(settings);
    assert_eq!(dropped(&bench.frame(0, reply_frame("ap", "us", 1))), [DropReason::TransitRefused]);
}

#[test]
fn frames_of_a_lost_session_are_in_doubt_and_not_sent_again() {
    let mut bench = Bench::new();
    let (subject, payload) = golden("v1-ping.json", 0);
    bench.publish(&subject, payload);
    bench.handle(Event::LinkDown { link: LINK, reason: "reset".to_owned() });
    bench.seconds += 10;
    bench.handle(Event::Tick);
    assert_eq!((bench.created().created, bench.created().in_doubt), (1, 1));
    assert_eq!(bench.sent.len(), 1);
}

#[test]
fn a_resumed_session_repeats_what_was_not_acknowledged() {
    let mut bench = Bench::new();
    let (subject, payload) = golden("v1-ping.json", 0);
    bench.publish(&subject, payload);
    bench.handle(Event::LinkDown { link: LINK, reason: "reset".to_owned() });
    let peer = hello("us", "us-1", 5);
    let link = LinkId(2);
    let actions = bench.handle(Event::LinkUp { link, peer, dialed: None });
    let epoch = opened(&actions).unwrap();
    let accept = Accept { epoch, next: Some(0), granted: 1 << 24 };
    bench.handle(Event::FromPeer { link, message: Control::Accept(accept) });
    assert_eq!(bench.sent.len(), 2);
    assert_eq!(bench.sent[0], bench.sent[1]);
    assert_eq!(bench.created().created, 1);
}

#[test]
fn a_receipt_settles_the_account_of_this_life_alone() {
    let mut bench = Bench::new();
    let (subject, payload) = golden("v1-ping.json", 0);
    bench.publish(&subject, payload);
    let unit = bench.sent[0].end.unit;
    for (incarnation, delivered) in [(9, 0), (1, 1)] {
        let receipts = Receipts {
            to: "eu-1".parse().unwrap(),
            incarnation: Incarnation(incarnation),
            limit: 8,
            receipts: vec![Receipt { unit, count: 1, outcome: Outcome::Delivered }],
        };
        bench.handle(Event::FromPeer { link: LINK, message: Control::Receipts(receipts) });
        assert_eq!(bench.created().delivered, delivered);
    }
}

#[test]
fn a_silent_link_is_closed_and_a_breach_of_numbers_too() {
    let mut bench = Bench::new();
    bench.seconds += 3;
    let closed =
        |actions: &[Action]| actions.iter().any(|one| matches!(one, Action::CloseLink { .. }));
    assert!(closed(&bench.handle(Event::Tick)));
    let mut bench = Bench::new();
    assert!(closed(&bench.frame(5, reply_frame("us", "eu", 1))));
}

#[test]
fn a_breach_is_told_until_the_peer_has_kept_to_the_protocol_for_a_while() {
    let mut bench = Bench::new();
    let told = |actions: &[Action]| -> Vec<bool> {
        let raised = actions.iter().filter_map(|one| match one {
            Action::Alarm { alarm: Alarm::PeerMisbehaves { .. }, raised } => Some(*raised),
            _ => None,
        });
        raised.collect()
    };
    assert_eq!(told(&bench.frame(5, reply_frame("us", "eu", 1))), [true]);
    let stands = |bench: &Bench| {
        let view = bench.gateway.snapshot(at(bench.seconds));
        view.alarms.iter().any(|one| one.alarm.kind() == "peer-misbehaves")
    };
    assert!(stands(&bench));
    bench.seconds += TOLD.as_secs() - 1;
    assert!(told(&bench.handle(Event::Tick)).is_empty());
    assert!(stands(&bench));
    bench.seconds += 1;
    assert_eq!(told(&bench.handle(Event::Tick)), [false]);
    assert!(!stands(&bench));
}

/// A gateway that goes without a word is missed for days, though its session and its adverts go before.
#[test]
fn a_gateway_that_is_gone_stays_a_link_that_is_down_and_a_region_without_a_route() {
    let gone = |mut bench: Bench| {
        bench.handle(Event::MemberSeen(crate::testing::member("us", "us-1")));
        bench.handle(Event::LinkDown { link: LINK, reason: "no route to host".to_owned() });
        bench.handle(Event::MemberGone { gateway: "us-1".parse().unwrap() });
        bench
    };
    let looks = |bench: &mut Bench, second| {
        bench.seconds = second;
        bench.handle(Event::Tick);
        let view = bench.gateway.snapshot(at(second));
        let links = view.links.iter().map(|one| (one.state.clone(), one.since, one.reason.clone()));
        let us = view.regions.iter().find(|one| one.region.as_str() == "us");
        (links.collect::<Vec<_>>(), us.map(|one| (one.gateways, one.route.is_some())))
    };
    let mut bench = gone(Bench::new());
    let begun = bench.seconds;
    let down = |second| {
        ("down".to_owned(), Duration::from_secs(second - begun), "no route to host".to_owned())
    };
    for second in [begun + 5, begun + 60, begun + 300, begun + 200_000] {
        assert_eq!(looks(&mut bench, second), (vec![down(second)], Some((1, false))), "{second}");
    }
    assert_eq!(looks(&mut bench, begun + 72 * 3600), (vec![], None), "for good");

    let mut bench = Bench::new();
    bench.handle(Event::MemberSeen(crate::testing::member("us", "us-1")));
    bench.handle(Event::FromPeer { link: LINK, message: Control::Goodbye });
    assert_eq!(looks(&mut bench, 60).0, [], "it said that it goes");
    let mut back = gone(Bench::new());
    looks(&mut back, 60);
    let up = Event::LinkUp { link: LinkId(2), peer: hello("us", "us-1", 6), dialed: None };
    back.handle(up);
    assert_eq!(looks(&mut back, 61).0.len(), 1, "one row a gateway");
}

#[test]
fn of_two_links_the_one_that_the_lower_id_dialled_stays() {
    let mut bench = Bench::new();
    let peer = bench.gateway.peers.values().next().unwrap().hello.clone();
    let target = DialTarget::Seed { endpoint: peer.endpoint.clone() };
    let mut up = |link, dialed| {
        let event = Event::LinkUp { link: LinkId(link), peer: peer.clone(), dialed };
        bench.handle(event);
        bench.gateway.links.keys().next().copied().unwrap()
    };
    assert_eq!(up(2, Some(target)), LinkId(2), "eu-1 is lower and dialled");
    assert_eq!(up(3, None), LinkId(2));
}

/// A second passes, and the ping of it is answered after so long; what the link costs then.
fn answered_after(bench: &mut Bench, millis: u64) -> u32 {
    let asked = bench.wait(1).into_iter().find_map(|action| match action {
        Action::Ping { link, connection: connection @ Connection::Control, nonce } => {
            Some(Event::Pong { link, connection, nonce })
        }
        _ => None,
    });
    let mut now = at(bench.seconds);
    now.mono += Duration::from_millis(millis);
    bench.gateway.handle(asked.unwrap(), now);
    bench.gateway.snapshot(now).links[0].cost
}

#[test]
fn a_cost_follows_the_shortest_round_trip_of_a_while() {
    let mut bench = Bench::new();
    assert_eq!(answered_after(&mut bench, 20), 20, "the first is all that is known");
    let busy =
        (1..60).map(|second| answered_after(&mut bench, if second % 5 == 0 { 21 } else { 90 }));
    assert!(busy.into_iter().all(|cost| cost == 20), "the path has not become longer");
    let longer: Vec<u32> = (0..20).map(|_| answered_after(&mut bench, 90)).collect();
    let changed = longer.iter().position(|cost| *cost == 90).unwrap();
    assert!((1..20).contains(&changed), "not at once, and not late: {longer:?}");
    assert!(longer[..changed].iter().all(|cost| *cost == 20));
    assert!(longer[changed..].iter().all(|cost| *cost == 90));
}
