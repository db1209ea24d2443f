//! A drain that is called off.

use super::*;

fn drain(bench: &mut Bench) -> Vec<Action> {
    bench.handle(Event::Drain { grace: Duration::from_secs(20) })
}

fn says(actions: &[Action], what: &Control) -> bool {
    actions.iter().any(|one| matches!(one, Action::Control { message, .. } if message == what))
}

#[test]
fn a_gateway_that_drains_goes_back_to_work_and_tells_whom_it_told() {
    let mut bench = Bench::new();
    assert!(bench.gateway.is_ready() && !bench.gateway.can_undrain());
    let leaving = drain(&mut bench);
    assert!(bench.gateway.can_undrain());
    assert!(says(&unsubscribed(&mut bench, &leaving), &Control::DrainRequest));
    assert!(!bench.gateway.is_ready());
    let actions = bench.handle(Event::Undrain);
    assert!(says(&actions, &Control::Undrain));
    assert!(!bench.gateway.is_ready(), "the broker has not read it yet");
    bench.pass(&actions);
    assert!(bench.gateway.is_ready());
    assert_eq!(bench.gateway.state, GatewayState::Active);
    for _ in 0..30 {
        let actions = bench.wait(1);
        assert!(!actions.contains(&Action::Stop), "{actions:?}");
    }
}

/// A peer that was out of reach when the drain was called off hears it on its next link.
#[test]
fn a_peer_that_missed_the_end_of_a_drain_is_told_when_a_link_opens() {
    let mut bench = Bench::new();
    // Not acknowledged: the drain is not over.
    let (subject, payload) = golden("v1-ping.json", 0);
    bench.publish(&subject, payload);
    let leaving = drain(&mut bench);
    unsubscribed(&mut bench, &leaving);
    bench.handle(Event::LinkDown { link: LINK, reason: String::new() });
    assert!(bench.gateway.can_undrain());
    bench.handle(Event::Undrain);
    let link = LinkId(2);
    let up = Event::LinkUp { link, peer: hello("us", "us-1", 5), dialed: None };
    let epoch = opened(&bench.handle(up)).unwrap();
    let accept = Control::Accept(Accept { epoch, next: Some(0), granted: 1 << 24 });
    let actions = bench.handle(Event::FromPeer { link, message: accept });
    assert!(says(&actions, &Control::Undrain), "{actions:?}");
}

#[test]
fn one_that_has_said_goodbye_is_gone() {
    let mut bench = Bench::new();
    let leaving = drain(&mut bench);
    unsubscribed(&mut bench, &leaving);
    let answered = Control::LastFrame { epoch: THEIR_EPOCH, next: 0 };
    bench.handle(Event::FromPeer { link: LINK, message: answered });
    bench.wait(1);
    assert!(!bench.gateway.can_undrain());
    assert!(bench.handle(Event::Undrain).is_empty());
}

#[test]
fn a_peer_that_went_back_to_work_gets_frames_again() {
    let mut bench = Bench::new();
    let crosses = |bench: &mut Bench| {
        let before = bench.sent.len();
        let (subject, payload) = golden("v1-ping.json", 0);
        bench.publish(&subject, payload);
        bench.sent.len() > before
    };
    bench.handle(Event::FromPeer { link: LINK, message: Control::DrainRequest });
    assert!(!crosses(&mut bench));
    bench.handle(Event::FromPeer { link: LINK, message: Control::Undrain });
    assert!(crosses(&mut bench));
}
