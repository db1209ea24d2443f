//! Another link to a peer, beside one that is good: for renewed certificates.

use super::*;

const SECOND: LinkId = LinkId(2);

fn again() -> Hello {
    hello("us", "us-1", 5)
}

fn reaches_us(bench: &Bench) -> bool {
    let snapshot = bench.gateway.snapshot(at(bench.seconds));
    let us = snapshot.regions.iter().find(|region| region.region.as_str() == "us");
    us.is_some_and(|region| region.route.is_some())
}

fn closes(actions: &[Action], old: LinkId) -> bool {
    actions.iter().any(|action| matches!(action, Action::CloseLink { link, .. } if *link == old))
}

fn receipts_of(bench: &mut Bench, link: LinkId, unit: UnitId) {
    let receipts = Receipts {
        to: "eu-1".parse().unwrap(),
        incarnation: bench.gateway.me.incarnation,
        limit: 8,
        receipts: vec![Receipt { unit, count: 1, outcome: Outcome::Delivered }],
    };
    bench.handle(Event::FromPeer { link, message: Control::Receipts(receipts) });
}

#[test]
fn a_receipt_on_the_old_link_counts_until_it_is_closed() {
    let mut bench = Bench::new();
    let (subject, payload) = golden("v1-ping.json", 0);
    bench.publish(&subject, payload);
    let unit = bench.sent[0].end.unit;
    bench.handle(Event::LinkUp { link: SECOND, peer: again(), dialed: None });
    receipts_of(&mut bench, LINK, unit);
    assert_eq!(bench.created().delivered, 1);
}

#[test]
fn what_was_not_received_follows_over_the_new_link_once() {
    let mut bench = Bench::new();
    let (subject, payload) = golden("v1-ping.json", 0);
    bench.publish(&subject, payload.clone());
    let actions = bench.handle(Event::LinkUp { link: SECOND, peer: again(), dialed: None });
    bench.publish(&subject, payload);
    assert_eq!(bench.sent.len(), 1, "frames wait for the new link");
    let epoch = opened(&actions).unwrap();
    let accept = Control::Accept(Accept { epoch, next: Some(1), granted: 1 << 24 });
    bench.handle(Event::FromPeer { link: SECOND, message: accept });
    assert_eq!(bench.sent.len(), 2, "the first had arrived");
}

#[test]
fn if_the_new_link_fails_before_it_carries_both_end() {
    let mut bench = Bench::new();
    bench.handle(Event::LinkUp { link: SECOND, peer: again(), dialed: None });
    let actions = bench.handle(Event::LinkDown { link: SECOND, reason: String::new() });
    assert!(closes(&actions, LINK));
    assert!(!reaches_us(&bench), "the session resumes over the next");
}

#[test]
fn a_link_that_takes_over_takes_no_path_away() {
    let mut bench = Bench::new();
    for round in 0..10 {
        let (old, new) = (LinkId(1 + round), LinkId(2 + round));
        let actions = bench.handle(Event::LinkUp { link: new, peer: again(), dialed: None });
        assert!(!closes(&actions, old), "the old one stays");
        assert!(reaches_us(&bench), "while the new one opens");
        let epoch = opened(&actions).unwrap();
        let accept = Control::Accept(Accept { epoch, next: Some(0), granted: 1 << 24 });
        let actions = bench.handle(Event::FromPeer { link: new, message: accept });
        assert!(closes(&actions, old), "until the new one carries");
        bench.handle(Event::LinkDown { link: old, reason: String::new() });
        assert!(reaches_us(&bench));
    }
    let snapshot = bench.gateway.snapshot(at(bench.seconds));
    assert_eq!(snapshot.links.len(), 1);
    assert_eq!(snapshot.links[0].state, "up");
    assert!(!snapshot.links[0].suppressed, "ten of them are no flapping");
}

#[test]
fn a_peer_that_has_started_anew_is_no_handover() {
    let mut bench = Bench::new();
    let peer = Hello { incarnation: Incarnation(6), ..again() };
    bench.handle(Event::LinkUp { link: SECOND, peer, dialed: None });
    assert!(!reaches_us(&bench), "its session begins first");
}
