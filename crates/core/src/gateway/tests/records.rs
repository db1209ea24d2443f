//! What is remembered of each request.

use super::*;
use crate::{RequestView, RequestsAsked};

fn record(bench: &Bench, request: &str) -> RequestView {
    let wanted = RequestsAsked { request: Some(request.to_owned()), after: 0, limit: 2 };
    let [view] = bench.gateway.requests(&wanted, at(bench.seconds)).requests.try_into().unwrap();
    view
}

fn id(payload: &Bytes) -> String {
    Transport::decode(payload.clone()).unwrap().request_head().unwrap().id.to_string()
}

#[test]
fn a_request_is_remembered_with_its_caller_its_units_and_the_answers_that_came() {
    let mut bench = Bench::new();
    let (subject, payload) = golden("v1-ping.json", 0);
    let request = id(&payload);
    bench.publish(&subject, payload);
    let view = record(&bench, &request);
    let asked = view.asked.unwrap();
    assert!(asked.caller.starts_with("choria="), "{asked:?}");
    assert_eq!(asked.target, subject);
    assert_eq!((view.messages, view.sent[0].region.as_str(), view.sent[0].pending), (1, "us", 1));

    let receipts = vec![Receipt { unit: UnitId(1), count: 1, outcome: Outcome::Delivered }];
    let to = "eu-1".parse().unwrap();
    let receipts = Receipts { to, incarnation: Incarnation(1), limit: 3, receipts };
    bench.handle(Event::FromPeer { link: LINK, message: Control::Receipts(receipts) });
    for (number, payload) in [golden("v1-ping.json", 1).1, Bytes::new()].into_iter().enumerate() {
        let mut reply = reply_frame("us", "eu", 7 + number as u64);
        let Body::Reply(body) = &mut reply.end.body else { panic!() };
        (body.request, body.payload) = (request.clone(), payload);
        bench.frame(number as u64, reply);
    }
    let view = record(&bench, &request);
    assert_eq!((view.sent[0].tally.delivered, view.sent[0].pending), (1, 0));
    assert_eq!(view.returned[0].published, 1);
    assert_eq!(view.returned[0].dropped, [(DropReason::NotTransport, 1)].into());
}

#[test]
fn what_was_refused_is_remembered_under_its_request() {
    let mut bench = Bench::new();
    let (subject, payload) = golden("v1-ping.json", 0);
    bench.handle(Event::LinkDown { link: LINK, reason: "reset".to_owned() });
    hold_nothing(&mut bench);
    bench.publish(&subject, payload.clone());
    bench.publish("mcollective.broadcast.agent.other", payload.clone());
    let view = record(&bench, &id(&payload));
    let refused: Vec<_> = view.refused.iter().map(|one| (one.reason, one.count)).collect();
    assert_eq!(refused, [(DropReason::SubjectMismatch, 1), (DropReason::NoRegion, 1)]);
    assert!(view.sent.is_empty());
}

/// Lets what `us` has advertised expire.
fn hold_nothing(bench: &mut Bench) {
    bench.seconds += 101;
    bench.handle(Event::Tick);
}

#[test]
fn the_region_that_answers_remembers_what_it_published_and_sent_back() {
    let mut bench = Bench::new();
    let frame = request_frame(9, broadcast(), None);
    let Body::Request(body) = &frame.end.body else { panic!() };
    let request = body.request.to_string();
    bench.frame(0, frame);
    let federation = Federation {
        request: request.clone(),
        reply_to: "antiphon.return.us.us-1.c.0.mcollective.reply.a.b".to_owned(),
        targets: Vec::new(),
    };
    let reply = Transport::decode(golden("v1-ping.json", 1).1).unwrap();
    bench.publish(REPLY_SUBJECT, reply.edit().federation(Some(&federation)).finish());
    let view = record(&bench, &request);
    assert_eq!(view.asked, None, "it did not enter here");
    assert_eq!((view.published[0].region.as_str(), view.published[0].count), ("us", 1));
    assert_eq!((view.answered[0].region.as_str(), view.answered[0].tally.created), ("us", 1));
}
