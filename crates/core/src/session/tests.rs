use super::*;
use crate::testing::reply_frame;

const WINDOW: u64 = 1000;

fn frame(unit: u64) -> Arc<Frame> {
    Arc::new(reply_frame("us", "eu", unit))
}

fn soon() -> Duration {
    Duration::from_millis(5)
}

/// A pair of directions that have agreed on an epoch.
fn opened() -> (Outbox, Inbox) {
    let mut outbox = Outbox::new(Epoch(1));
    let mut inbox = Inbox::new(Epoch(1), WINDOW);
    assert!(outbox.on_accept(inbox.accept()).unwrap().unwrap().is_empty());
    (outbox, inbox)
}

#[test]
fn frames_are_sent_within_credit_and_retained_until_acknowledged() {
    let (mut outbox, mut inbox) = opened();
    for unit in 0..2 {
        assert!(outbox.has_room(500, u64::MAX));
        let number = outbox.send(frame(unit), 500);
        assert_eq!(inbox.on_frame(Epoch(1), number, 500, soon()), Arrival::Accepted);
    }
    assert!(!outbox.has_room(1, u64::MAX), "credit is used up");
    inbox.release(500, soon());
    outbox.on_ack(inbox.ack()).unwrap();
    assert!(outbox.is_empty());
    assert_eq!(outbox.credit(), 500);
}

#[test]
fn retention_bounds_what_is_sent_but_lets_one_frame_pass() {
    let (mut outbox, _) = opened();
    assert!(outbox.has_room(600, 100));
    outbox.send(frame(1), 600);
    assert!(!outbox.has_room(50, 100));
}

#[test]
fn a_resumed_session_sends_again_what_did_not_arrive_and_nothing_else() {
    let (mut outbox, mut inbox) = opened();
    for unit in 0..3 {
        outbox.send(frame(unit), 10);
    }
    assert_eq!(inbox.on_frame(Epoch(1), 0, 10, soon()), Arrival::Accepted);
    let again = outbox.on_accept(inbox.accept()).unwrap().unwrap();
    assert_eq!(again.iter().map(|one| one.number).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(outbox.retransmissions(), 2);
    assert_eq!(inbox.on_frame(Epoch(1), 0, 10, soon()), Arrival::Stale);
}

#[test]
fn an_epoch_that_the_receiver_forgot_leaves_its_frames_in_doubt() {
    let (mut outbox, _) = opened();
    outbox.send(frame(1), 10);
    let unknown = Accept { epoch: Epoch(1), next: None, granted: 0 };
    assert!(outbox.on_accept(unknown).unwrap().is_none());
    assert_eq!(outbox.abandon(Epoch(2)).len(), 1);
    assert!(outbox.open().fresh);
    assert_eq!(outbox.credit(), 0, "nothing is sent before the new epoch is accepted");
}

#[test]
fn a_receiver_takes_the_next_number_only() {
    let (_, mut inbox) = opened();
    assert!(matches!(inbox.on_frame(Epoch(1), 1, 10, soon()), Arrival::Breach(_)));
    assert_eq!(inbox.on_frame(Epoch(2), 0, 10, soon()), Arrival::Stale);
    assert!(matches!(inbox.on_frame(Epoch(1), 0, WINDOW + 1, soon()), Arrival::Breach(_)));
    assert_eq!(inbox.on_frame(Epoch(1), 0, WINDOW, soon()), Arrival::Accepted);
}

#[test]
fn a_sender_is_not_fooled_by_acknowledgements_that_cannot_be() {
    let (mut outbox, _) = opened();
    outbox.send(frame(1), 10);
    let ack = |epoch, next| Ack { epoch: Epoch(epoch), next, granted: WINDOW };
    assert!(outbox.on_ack(ack(1, 2)).is_err());
    assert!(outbox.on_ack(ack(9, 2)).is_ok(), "of an epoch that ended");
    assert_eq!(outbox.retained_weight(), 10);
}

#[test]
fn credit_is_told_early_when_a_quarter_of_the_window_is_free() {
    let (_, mut inbox) = opened();
    inbox.on_frame(Epoch(1), 0, 250, soon());
    assert!(!inbox.is_urgent());
    inbox.release(250, soon());
    assert!(inbox.is_urgent());
    assert_eq!(inbox.ack().granted, WINDOW + 250);
    assert_eq!(inbox.ack_due(), None);
}
