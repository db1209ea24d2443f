use std::sync::Arc;

use bytes::Bytes;

use super::*;
use crate::{servers::Servers, stats::Stats};

const ONE: SubscriptionId = SubscriptionId(1);

/// A session with everything that it touches.
struct Desk {
    session: Session,
    ledger: Ledger,
}

impl Desk {
    fn new() -> Self {
        let servers = ["a:1", "b:2"].map(|url| url.parse().unwrap());
        let mut ledger =
            Ledger::new(Servers::new(servers.into(), true), Arc::new(Stats::default()));
        let server = ledger.servers.take_turn().unwrap();
        let session = Session::new(server, &info(""), Subscribed::No, &mut ledger);
        Self { session, ledger }
    }

    fn order(&mut self, order: BrokerCommand) -> String {
        self.session.order(order, &mut self.ledger).unwrap();
        self.written()
    }

    /// What was written since the last look, with `|` for line ends.
    fn written(&mut self) -> String {
        let written = String::from_utf8(self.session.out.chunk().to_vec()).unwrap();
        self.session.out.advance(written.len());
        written.replace("\r\n", "|")
    }

    fn op(&mut self, op: ServerOp) -> Result<(), Ended> {
        self.session.on_op(op, &mut self.ledger)
    }

    fn error(&mut self, text: &str) -> Result<(), Ended> {
        self.op(ServerOp::Error(text.to_owned()))
    }

    fn facts(&mut self) -> Vec<String> {
        self.ledger.facts.drain(..).map(|fact| format!("{fact:?}")).collect()
    }
}

fn info(extra: &str) -> Info {
    let json = format!(r#"{{"max_payload":10,"headers":true{extra}}}"#);
    serde_json::from_str(&json).unwrap()
}

fn subscribe(id: SubscriptionId) -> BrokerCommand {
    BrokerCommand::Subscribe { id, subject: "a.>".to_owned(), group: Some("g".to_owned()) }
}

fn publish(subject: &str, payload: &'static str) -> BrokerCommand {
    let payload = Bytes::from_static(payload.as_bytes());
    BrokerCommand::Publish(Publication {
        subject: subject.to_owned(),
        headers: Vec::new(),
        payload,
    })
}

fn message(sid: u64) -> ServerOp {
    let (subject, headers) = ("a.b".to_owned(), Bytes::new());
    let payload = Bytes::from_static(b"x");
    ServerOp::Message(ServerMessage { sid, subject, reply: None, headers, payload })
}

fn barrier(id: u64) -> BrokerCommand {
    BrokerCommand::Barrier { id: BarrierId(id) }
}

#[test]
fn a_leave_delivers_until_its_pong() {
    let mut desk = Desk::new();
    assert_eq!(desk.order(subscribe(ONE)), "SUB a.> g 1|");
    assert_eq!(desk.order(BrokerCommand::Unsubscribe { id: ONE }), "UNSUB 1|PING|");
    desk.op(message(1)).unwrap();
    desk.op(ServerOp::Pong).unwrap();
    let facts = desk.facts();
    assert!(facts[0].starts_with("Message("), "{facts:?}");
    assert_eq!(facts[1..], ["Unsubscribed { id: SubscriptionId(1) }"]);
}

#[test]
fn a_leave_of_what_is_not_subscribed_is_done_at_once_and_a_second_one_not_twice() {
    let mut desk = Desk::new();
    assert_eq!(desk.order(BrokerCommand::Unsubscribe { id: ONE }), "");
    assert_eq!(desk.facts(), ["Unsubscribed { id: SubscriptionId(1) }"]);
    desk.order(subscribe(ONE));
    desk.order(BrokerCommand::Unsubscribe { id: ONE });
    assert_eq!(desk.order(BrokerCommand::Unsubscribe { id: ONE }), "");
    desk.op(ServerOp::Pong).unwrap();
    assert_eq!(desk.facts(), ["Unsubscribed { id: SubscriptionId(1) }"]);
}

#[test]
fn pongs_answer_pings_in_order() {
    let mut desk = Desk::new();
    assert_eq!(desk.order(publish("x", "1")), "PUB x 1|1|");
    assert_eq!(desk.order(barrier(7)), "PING|");
    desk.session.on_tick(Life::Heard, &mut desk.ledger).unwrap();
    assert_eq!(desk.order(barrier(8)), "PING|PING|");
    desk.op(ServerOp::Pong).unwrap();
    assert_eq!(desk.facts(), ["BarrierPassed { id: BarrierId(7) }"]);
    desk.op(ServerOp::Pong).unwrap();
    assert_eq!(desk.facts(), [""; 0]);
    desk.op(ServerOp::Pong).unwrap();
    assert_eq!(desk.facts(), ["BarrierPassed { id: BarrierId(8) }"]);
    let surplus = desk.op(ServerOp::Pong).unwrap_err();
    assert_eq!(surplus, Ended::Lost("a PONG without a PING".to_owned()));
}

#[test]
fn what_cannot_be_published_is_refused_with_its_reason() {
    let mut desk = Desk::new();
    let with_header = |name: &str, value: &str| {
        let headers = vec![(name.to_owned(), value.to_owned())];
        let subject = "x".to_owned();
        BrokerCommand::Publish(Publication { subject, headers, payload: Bytes::new() })
    };
    assert_eq!(desk.order(publish("x.*", "")), "");
    assert_eq!(desk.order(publish("x", "12345678901")), "");
    assert_eq!(desk.order(with_header("a", "b\r\nc: d")), "");
    assert_eq!(desk.order(with_header("a", "b")), "", "headers count as payload");
    let reasons = ["BadSubject", "TooLarge { max_payload: 10 }", "BadHeaders", "TooLarge"];
    for (fact, reason) in desk.facts().iter().zip(reasons) {
        assert!(fact.starts_with("PublishRefused") && fact.contains(reason), "{fact}");
    }
}

#[test]
fn a_server_without_headers_gets_none() {
    let mut desk = Desk::new();
    let plain = serde_json::from_str(r#"{"max_payload":100}"#).unwrap();
    desk.op(ServerOp::Info(Box::new(plain))).unwrap();
    let headers = vec![("a".to_owned(), "b".to_owned())];
    let (subject, payload) = ("x".to_owned(), Bytes::new());
    desk.order(BrokerCommand::Publish(Publication { subject, headers, payload }));
    assert_eq!(desk.facts(), [r#"PublishRefused { subject: "x", reason: NoHeaders }"#]);
}

#[test]
fn what_was_denied_is_asked_for_again_until_it_is_allowed() {
    const DENIED: &str = r#"Permissions Violation for Subscription to "a.>" using queue "g""#;
    let mut desk = Desk::new();
    let written = desk.order(subscribe(ONE));
    desk.error(DENIED).unwrap();
    let told = [r#"PermissionDenied { operation: Subscribe, subject: "a.>" }"#];
    assert_eq!(desk.facts(), told);
    // The answer to each PING comes before the next.
    let attempts = |desk: &mut Desk, answer: Option<&str>| {
        let mut attempts = 0;
        for _ in 0..30 {
            desk.session.on_tick(Life::Heard, &mut desk.ledger).unwrap();
            let said = desk.written();
            if said.contains(&written) {
                attempts += 1;
                answer.into_iter().for_each(|error| desk.error(error).unwrap());
            }
            said.matches("PING|").for_each(|_| desk.op(ServerOp::Pong).unwrap());
        }
        attempts
    };
    assert_eq!(attempts(&mut desk, Some(DENIED)), 2);
    assert!(desk.facts().is_empty(), "it is known");
    assert_eq!(attempts(&mut desk, None), 1, "once is enough");
    assert_eq!(desk.facts(), [r#"SubscriptionAllowed { subject: "a.>" }"#]);
    desk.order(BrokerCommand::Unsubscribe { id: ONE });
    assert_eq!(attempts(&mut desk, None), 0);
}

#[test]
fn an_illegal_subscription_never_reaches_the_server() {
    let mut desk = Desk::new();
    let subject = "a\r\nUNSUB 1".to_owned();
    assert_eq!(desk.order(BrokerCommand::Subscribe { id: ONE, subject, group: None }), "");
    let facts = desk.facts();
    assert!(facts[0].starts_with("PermissionDenied { operation: Subscribe"), "{facts:?}");
}

#[test]
fn errors_of_the_server_end_the_connection_unless_they_name_a_subject() {
    let mut desk = Desk::new();
    desk.error(r#"Permissions Violation for Publish to "x""#).unwrap();
    assert_eq!(desk.facts(), [r#"PermissionDenied { operation: Publish, subject: "x" }"#]);
    let stale = desk.error("Stale Connection").unwrap_err();
    assert_eq!(stale, Ended::Lost("the server says: Stale Connection".to_owned()));
    assert!(!desk.session.is_behind());
    desk.error("Slow Consumer").unwrap_err();
    assert!(desk.session.is_behind());
}

#[test]
fn a_hold_is_over_when_a_ping_written_after_it_is_answered() {
    let mut desk = Desk::new();
    desk.session.on_hold(&desk.ledger);
    desk.session.on_release();
    desk.session.on_hold(&desk.ledger);
    desk.session.on_release();
    assert_eq!(desk.written(), "PING|", "one question at a time");
    desk.op(ServerOp::Pong).unwrap();
    assert!(desk.session.is_behind(), "the answer is to the first hold");
    assert_eq!(desk.written(), "PING|");
    desk.op(ServerOp::Pong).unwrap();
    assert!(!desk.session.is_behind());
}

#[test]
fn two_pings_without_any_answer_end_the_connection_but_not_while_held() {
    let mut desk = Desk::new();
    desk.session.on_tick(Life::Silent, &mut desk.ledger).unwrap();
    desk.session.on_tick(Life::Silent, &mut desk.ledger).unwrap();
    assert_eq!(desk.written(), "PING|PING|");
    desk.session.on_tick(Life::Held, &mut desk.ledger).unwrap();
    assert_eq!(desk.written(), "PONG|", "what the server may have asked while we did not read");
    let ended = desk.session.on_tick(Life::Silent, &mut desk.ledger).unwrap_err();
    assert_eq!(ended, Ended::Lost("the server gave no sign of life".to_owned()));
}

#[test]
fn a_lame_duck_is_left_without_loss_once_nothing_is_under_way() {
    let mut desk = Desk::new();
    desk.order(subscribe(ONE));
    desk.op(ServerOp::Info(Box::new(info(r#","ldm":true"#)))).unwrap();
    assert_eq!(desk.written(), "UNSUB 1|PING|");
    assert_eq!(desk.order(publish("x", "1")), "PUB x 1|1|", "publications still go out");
    assert_eq!(desk.order(barrier(7)), "PING|");
    assert_eq!(desk.order(subscribe(SubscriptionId(2))), "", "for the next connection");
    desk.op(message(1)).unwrap();
    desk.op(ServerOp::Pong).unwrap();
    assert_eq!(desk.written(), "PING|", "the barrier is still open");
    assert!(!desk.session.takes_orders(&desk.ledger));
    desk.op(ServerOp::Pong).unwrap();
    assert_eq!(desk.op(ServerOp::Pong), Err(Ended::Moved));
    assert_eq!(desk.ledger.subscriptions.live().count(), 2);
    assert_eq!(desk.facts().len(), 2, "the message and the barrier");
}

#[test]
fn a_lame_duck_without_a_cluster_is_kept_to_its_end() {
    let mut desk = Desk::new();
    let servers = Servers::new(vec!["a:1".parse().unwrap()], true);
    desk.ledger.servers = servers;
    desk.op(ServerOp::Info(Box::new(info(r#","ldm":true"#)))).unwrap();
    assert_eq!(desk.written(), "");
}

#[test]
fn after_a_failed_write_orders_are_taken_as_without_connection() {
    let mut desk = Desk::new();
    desk.order(subscribe(ONE));
    desk.order(BrokerCommand::Unsubscribe { id: ONE });
    desk.session.on_write_failed("cannot write: broken pipe".to_owned());
    assert_eq!(desk.order(publish("x", "1")), "");
    assert_eq!(desk.order(barrier(1)), "");
    desk.op(message(1)).unwrap();
    let facts = desk.facts();
    assert_eq!(facts[0], r#"PublishRefused { subject: "x", reason: Disconnected }"#);
    assert!(facts[1].starts_with("Message("), "what was sent to us is still read: {facts:?}");
    let ended = desk.session.on_end("the server closed the connection".to_owned());
    assert_eq!(ended, Ended::Lost("cannot write: broken pipe".to_owned()));
    desk.ledger.end_connection("lost".to_owned());
    assert_eq!(desk.facts()[1..], ["Unsubscribed { id: SubscriptionId(1) }"]);
}

#[test]
fn closing_waits_for_the_server_to_have_processed_everything() {
    let mut desk = Desk::new();
    desk.order(publish("x", "1"));
    assert_eq!(desk.order(BrokerCommand::Close), "PING|");
    assert!(desk.session.is_closing() && !desk.session.takes_orders(&desk.ledger));
    assert_eq!(desk.op(ServerOp::Pong), Err(Ended::Closed));
}

#[test]
fn barriers_without_end_and_facts_that_nobody_takes_stop_the_intake_of_orders() {
    let mut desk = Desk::new();
    for id in 0..AWAITED_MAX as u64 {
        assert!(desk.session.takes_orders(&desk.ledger));
        desk.order(barrier(id));
    }
    assert!(!desk.session.takes_orders(&desk.ledger));
    let mut desk = Desk::new();
    while desk.session.takes_orders(&desk.ledger) {
        desk.order(publish("*", ""));
    }
    assert_eq!(desk.facts().len(), 1024);
}

#[test]
fn a_new_connection_starts_with_every_live_subscription() {
    let mut desk = Desk::new();
    desk.order(subscribe(ONE));
    desk.order(subscribe(SubscriptionId(2)));
    desk.order(BrokerCommand::Unsubscribe { id: ONE });
    let server = desk.ledger.servers.take_turn().unwrap();
    desk.session = Session::new(server, &info(""), Subscribed::No, &mut desk.ledger);
    assert_eq!(desk.written(), "SUB a.> g 2|");
}
