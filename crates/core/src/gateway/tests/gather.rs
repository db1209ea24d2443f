//! Copies of a directed request cross a link once, and in order.

use super::*;

/// A directed request, and its bytes.
fn request() -> Bytes {
    golden("v1-rpc-directed.json", 0).1
}

fn node(number: usize) -> String {
    format!("mcollective.node.n{number}.example.net")
}

/// The targets of the frames that were sent.
fn targets(bench: &Bench) -> Vec<Target> {
    let target = |frame: &Frame| match &frame.end.body {
        Body::Request(request) => request.target.clone(),
        Body::Reply(_) => panic!("{frame:?}"),
    };
    bench.sent.iter().map(target).collect()
}

fn directed(numbers: &[usize]) -> Target {
    let identity = |number: &usize| format!("n{number}.example.net");
    Target::Directed { identities: numbers.iter().map(identity).collect() }
}

#[test]
fn copies_cross_once_and_each_is_a_unit() {
    let mut bench = Bench::new();
    bench.publish_one_of_many(&node(1), request());
    bench.publish_one_of_many(&node(2), request());
    assert!(bench.sent.is_empty(), "more may come");
    bench.publish(&node(3), request());
    assert_eq!(targets(&bench), [directed(&[1, 2, 3])]);
    let Body::Request(body) = &bench.sent[0].end.body else { panic!("a request") };
    assert_eq!(body.payload, request());
    assert_eq!((bench.created().created, bench.gateway.account.pending()), (3, 3));
}

#[test]
fn a_single_request_does_not_wait() {
    let mut bench = Bench::new();
    bench.publish(&node(1), request());
    assert_eq!(targets(&bench), [directed(&[1])]);
}

#[test]
fn what_follows_with_the_same_reply_subject_stays_behind() {
    let mut bench = Bench::new();
    bench.publish_one_of_many(&node(1), request());
    bench.publish_one_of_many("mcollective.broadcast.agent.rpcutil", request());
    bench.publish(&node(2), request());
    let broadcast = Target::Broadcast { agent: "rpcutil".to_owned() };
    assert_eq!(targets(&bench), [directed(&[1]), broadcast, directed(&[2])]);
}

#[test]
fn a_copy_that_the_client_itself_sends_stays_a_copy() {
    let mut bench = Bench::new();
    for number in [1, 2, 1] {
        bench.publish_one_of_many(&node(number), request());
    }
    bench.publish(&node(3), request());
    assert_eq!(targets(&bench), [directed(&[1, 2]), directed(&[1, 3])]);
}

#[test]
fn a_batch_ends_with_its_window_and_with_whatever_is_the_last_message() {
    let mut bench = Bench::new();
    bench.publish_one_of_many(&node(1), request());
    let due = bench.gateway.next_deadline().unwrap();
    assert!(due <= at(bench.seconds).mono + crate::coalesce::WINDOW);
    bench.wait(1);
    assert_eq!(targets(&bench), [directed(&[1])]);

    bench.publish_one_of_many(&node(2), request());
    bench.publish("other.broadcast.agent.discovery", request());
    assert_eq!(targets(&bench)[1..], [directed(&[2])]);
}

#[test]
fn a_drain_waits_for_what_is_gathered() {
    let mut bench = Bench::new();
    bench.publish_one_of_many(&node(1), request());
    bench.handle(Event::Drain { grace: Duration::from_secs(5) });
    bench.wait(1);
    assert_eq!(targets(&bench), [directed(&[1])]);
}
