//! What enters the fabric from our broker.

use super::*;

#[test]
fn a_recorded_ping_becomes_one_frame_for_the_other_region() {
    let mut bench = Bench::new();
    let (subject, payload) = golden("v1-ping.json", 0);
    bench.publish(&subject, payload.clone());
    let [frame] = bench.sent.as_slice() else { panic!("{:?}", bench.sent) };
    assert_eq!(frame.end.to.as_str(), "us");
    assert_eq!(frame.hop.visited, ["eu-1".parse().unwrap()]);
    let Body::Request(request) = &frame.end.body else { panic!("{frame:?}") };
    assert_eq!(request.payload, payload, "the client's bytes, untouched");
    assert_eq!(request.target, Target::Broadcast { agent: "discovery".to_owned() });
}

#[test]
fn what_cannot_be_carried_is_refused_by_name() {
    let (subject, good) = golden("v1-ping.json", 0);
    let text = std::str::from_utf8(&good).unwrap();
    let swap = |from: &str, to: &str| Bytes::from(text.replacen(from, to, 1));
    let cases = [
        (subject.as_str(), Bytes::from_static(b"\x00\xff"), DropReason::NotTransport),
        (&subject, swap("choria:transport:1", "choria:transport:9"), DropReason::UnknownProtocol),
        (&subject, swap("\"headers\":{", "\"headers\":null,\"x\":{"), DropReason::HeadersMissing),
        (
            &subject,
            swap("\"headers\":", "\"HEADERS\":null,\"headers\":"),
            DropReason::AmbiguousJson,
        ),
        (&subject, swap("\"reply-to\"", "\"reply-\\u0074o\""), DropReason::AmbiguousJson),
        (&subject, swap("\"reply-to\"", "\"reply-xx\""), DropReason::ReplyToMissing),
        (&subject, swap("mcollective.reply.", "mcollective.*."), DropReason::ReplySubjectRefused),
        (
            &subject,
            swap("\"headers\":{", "\"headers\":{\"federation\":{},"),
            DropReason::AlreadyFederated,
        ),
        (&subject, swap("\"data\":\"eyJ", "\"data\":\"!!!"), DropReason::RequestUnreadable),
        ("mcollective.broadcast.agent.rpcutil", good.clone(), DropReason::SubjectMismatch),
        ("mcollective.broadcast.agent.registration", good.clone(), DropReason::Registration),
        ("other.broadcast.agent.discovery", good.clone(), DropReason::NotExported),
        ("mcollective.broadcast.service.discovery", good.clone(), DropReason::ServiceNowhere),
    ];
    for (subject, payload, reason) in cases {
        let mut bench = Bench::new();
        assert_eq!(dropped(&bench.publish(subject, payload)), [reason]);
        assert!(bench.sent.is_empty());
        assert_eq!(bench.created().created, 0, "refused before routing: no unit");
    }
}

#[test]
fn a_message_that_came_out_of_the_fabric_does_not_go_in_again() {
    let mut bench = Bench::new();
    let (subject, payload) = golden("v1-ping.json", 0);
    let mark = Some("us.us-1".to_owned());
    let actions =
        bench.handle(Event::FromBroker(FromBroker { subject, mark, payload, more: false }));
    assert!(dropped(&actions).is_empty() && bench.sent.is_empty());
}

#[test]
fn another_regions_beacon_stops_forwarding_and_raises_an_alarm() {
    let mut bench = Bench::new();
    let beacon = crate::Beacon {
        region: "us".parse().unwrap(),
        gateway: "us-1".parse().unwrap(),
        incarnation: Incarnation(5),
        state: GatewayState::Active,
        joined: true,
        regions: 1,
        made: at(0).unix,
    };
    let stale = crate::Beacon { made: at(0).unix - Duration::from_secs(600), ..beacon.clone() };
    assert!(!alarmed(&bench.handle(Event::BeaconHeard(stale))));
    assert!(alarmed(&bench.handle(Event::BeaconHeard(beacon))));
    let (subject, payload) = golden("v1-ping.json", 0);
    assert_eq!(dropped(&bench.publish(&subject, payload.clone())), [DropReason::NativelyJoined]);
    for _ in 0..11 {
        bench.wait(1);
    }
    bench.publish(&subject, payload);
    assert_eq!(bench.sent.len(), 1, "the beacon is forgotten");
}
