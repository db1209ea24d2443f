//! Requests that leave the fabric on our broker, and what the broker says of them.

use super::*;

#[test]
fn a_request_is_published_with_the_way_back_in_its_headers_and_confirmed() {
    let mut bench = Bench::new();
    let actions = bench.frame(0, request_frame(9, broadcast(), None));
    let [(subject, payload)] = &published(&actions)[..] else { panic!("{actions:?}") };
    assert_eq!(subject, "mcollective.broadcast.agent.discovery");
    let transport = Transport::decode(payload.clone()).unwrap();
    assert_eq!(transport.reply_to(), Some(REPLY_SUBJECT));
    let federation = transport.federation().unwrap();
    assert!(federation.reply_to.starts_with("antiphon.return.us.us-1.c.0.mcollective.reply."));
    bench.handle(Event::BarrierPassed { barrier: barrier(&actions).unwrap() });
    let receipts = bench.wait(1).into_iter().find_map(|action| match action {
        Action::Control { message: Control::Receipts(receipts), .. } => Some(receipts),
        _ => None,
    });
    let receipt = Receipt { unit: UnitId(9), count: 1, outcome: Outcome::Delivered };
    assert_eq!(receipts.unwrap().receipts, [receipt]);
}

#[test]
fn a_peers_text_never_becomes_a_subject() {
    let mut bench = Bench::new();
    let identities = [">", "n1", "*", "a b", ""].map(str::to_owned).to_vec();
    let mut frame = request_frame(1, Target::Directed { identities }, None);
    frame.hop.age = Duration::ZERO;
    let actions = bench.frame(0, frame);
    assert_eq!(dropped(&actions), [DropReason::TokenInvalid; 4]);
    assert_eq!(published(&actions)[0].0, "mcollective.node.n1");
}

#[test]
fn what_was_published_on_a_lost_broker_connection_is_in_doubt() {
    let mut bench = Bench::new();
    bench.frame(0, request_frame(9, broadcast(), None));
    bench.handle(Event::BrokerDown);
    let receipts = bench.wait(1).into_iter().find_map(|action| match action {
        Action::Control { message: Control::Receipts(receipts), .. } => Some(receipts.receipts),
        _ => None,
    });
    assert_eq!(receipts.unwrap()[0].outcome, Outcome::InDoubt);
    assert!(!bench.gateway.is_ready());
}

#[test]
fn a_publication_that_the_broker_denies_is_a_drop_with_an_alarm() {
    let mut bench = Bench::new();
    bench.frame(0, request_frame(9, broadcast(), None));
    let refused = Event::PublishRefused {
        subject: "mcollective.broadcast.agent.discovery".to_owned(),
        reason: DropReason::PublishDenied,
    };
    let actions = bench.handle(refused);
    assert_eq!(dropped(&actions), [DropReason::PublishDenied]);
    assert!(actions.iter().any(|one| matches!(one, Action::Alarm { raised: true, .. })));
}

#[test]
fn a_payload_that_the_broker_would_refuse_is_not_published() {
    let mut bench = Bench::new();
    let info = BrokerInfo { max_payload: 1000, ..broker() };
    bench.handle(Event::BrokerUp(info));
    let actions = bench.frame(0, request_frame(9, broadcast(), None));
    assert_eq!(dropped(&actions), [DropReason::PayloadTooLarge]);
}
