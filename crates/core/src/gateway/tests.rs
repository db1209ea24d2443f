#![allow(clippy::wildcard_enum_match_arm, reason = "tests look for one kind of action")]

use antiphon_wire::{Federation, Transport};
use bytes::Bytes;

use super::*;
use crate::{
    Accept, AdvertContent, AdvertDraft, Body, BrokerInfo, Connection, Control, DialTarget,
    DropReason, Epoch, Frame, FromBroker, Hello, Incarnation, Offer, Open, Outcome, Receipt,
    Receipts, Stamp, Target, Topology, UnitId,
    advert::Advert,
    testing::{at, config, reply_frame},
};

mod explain;
mod flapping;
mod gather;
mod hinted;
mod hostile;
mod native;
mod orders;
mod policing;
mod probes;
mod questions;
mod random;
mod records;
mod services;
mod twins;
mod undrain;

const REPLY_SUBJECT: &str = "choria.federation.eu.collective";

/// A golden request, recorded from a real client.
fn golden(file: &str, index: usize) -> (String, Bytes) {
    let path = format!("{}/../wire/tests/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let file: serde_json::Value = serde_json::from_str(&text).unwrap();
    let message = &file["messages"][index];
    let payload = message["payload"].as_str().unwrap().to_owned();
    (message["subject"].as_str().unwrap().to_owned(), Bytes::from(payload))
}

/// `eu-1`, with a broker, linked to `us-1`, which can publish in `us`.
struct Bench {
    gateway: Gateway,
    seconds: u64,
    sent: Vec<Frame>,
}

const LINK: LinkId = LinkId(1);
const THEIR_EPOCH: Epoch = Epoch(77);

impl Bench {
    fn new() -> Self {
        Self::with(config("eu", "eu-1"))
    }

    fn with(config: Config) -> Self {
        let mut bench =
            Self { gateway: Gateway::new(config, 1, at(0)), seconds: 0, sent: Vec::new() };
        bench.handle(Event::BrokerUp(broker()));
        bench.link("us-1", "us");
        bench
    }

    fn link(&mut self, gateway: &str, region: &str) {
        let peer = Hello {
            region: region.parse().unwrap(),
            gateway: gateway.parse().unwrap(),
            incarnation: Incarnation(5),
            version: "0.1.0".to_owned(),
            endpoint: "us-1:7440".parse().unwrap(),
        };
        let actions = self.handle(Event::LinkUp { link: LINK, peer, dialed: None });
        let epoch = opened(&actions).unwrap();
        let adverts = vec![topology_of(gateway, region, "eu-1"), offer_of(gateway, region)];
        for message in [
            Control::Open(Open { epoch: THEIR_EPOCH, base: 0, fresh: true }),
            Control::Accept(Accept { epoch, next: Some(0), granted: 1 << 24 }),
            Control::Adverts { adverts, answered: true },
        ] {
            self.handle(Event::FromPeer { link: LINK, message });
        }
    }

    fn handle(&mut self, event: Event) -> Vec<Action> {
        let mut actions = self.gateway.handle(event, at(self.seconds));
        for draft in actions.clone() {
            if let Action::Originate { draft } = draft {
                let advert = Advert { draft, sealed: Bytes::new() };
                actions.extend(self.gateway.handle(Event::Originated { advert }, at(self.seconds)));
            }
        }
        self.sent.extend(actions.iter().filter_map(|action| match action {
            Action::Send { frame, .. } => Some((**frame).clone()),
            _ => None,
        }));
        actions
    }

    fn wait(&mut self, seconds: u64) -> Vec<Action> {
        self.seconds += seconds;
        let heard = [Connection::Control, Connection::Data]
            .map(|connection| self.handle(Event::Heard { link: LINK, connection }));
        heard.into_iter().flatten().chain(self.handle(Event::Tick)).collect()
    }

    fn publish(&mut self, subject: &str, payload: Bytes) -> Vec<Action> {
        let subject = subject.to_owned();
        self.handle(Event::FromBroker(FromBroker { subject, mark: None, payload, more: false }))
    }

    /// Publishes something behind which more waits.
    fn publish_one_of_many(&mut self, subject: &str, payload: Bytes) -> Vec<Action> {
        let subject = subject.to_owned();
        self.handle(Event::FromBroker(FromBroker { subject, mark: None, payload, more: true }))
    }

    fn frame(&mut self, number: u64, frame: Frame) -> Vec<Action> {
        let weight = frame.weight();
        let frame = Ok(Box::new(frame));
        self.handle(Event::Frame { link: LINK, epoch: THEIR_EPOCH, number, weight, frame })
    }

    fn created(&self) -> Tally {
        let tallies = self.gateway.account.tallies().values();
        tallies.fold(Tally::default(), |mut sum, one| {
            sum.created += one.created;
            sum.delivered += one.delivered;
            sum.in_doubt += one.in_doubt;
            sum
        })
    }
}

use crate::Tally;

fn broker() -> BrokerInfo {
    BrokerInfo {
        url: "nats://localhost:4222".to_owned(),
        name: "b".to_owned(),
        version: "2.15.1".to_owned(),
        max_payload: 1 << 20,
    }
}

fn opened(actions: &[Action]) -> Option<Epoch> {
    actions.iter().find_map(|action| match action {
        Action::Control { message: Control::Open(open), .. } => Some(open.epoch),
        _ => None,
    })
}

fn advert(gateway: &str, region: &str, content: AdvertContent) -> Advert {
    let draft = AdvertDraft {
        gateway: gateway.parse().unwrap(),
        region: region.parse().unwrap(),
        stamp: Stamp { incarnation: Incarnation(5), version: 1 },
        content,
    };
    Advert { draft, sealed: Bytes::new() }
}

fn topology_of(gateway: &str, region: &str, adjacent: &str) -> Advert {
    let topology = Topology {
        state: GatewayState::Active,
        broker: true,
        transit: true,
        adjacencies: [(adjacent.parse().unwrap(), 1)].into(),
        native: [].into(),
    };
    advert(gateway, region, AdvertContent::Topology(topology))
}

fn offer_of(gateway: &str, region: &str) -> Advert {
    let collectives = ["mcollective".parse().unwrap()].into();
    advert(gateway, region, AdvertContent::Offer(Offer { collectives }))
}

fn dropped(actions: &[Action]) -> Vec<DropReason> {
    let reasons = actions.iter().filter_map(|action| match action {
        Action::Dropped(dropped) => Some(dropped.reason),
        _ => None,
    });
    reasons.collect()
}

fn published(actions: &[Action]) -> Vec<(String, Bytes)> {
    let published = actions.iter().filter_map(|action| match action {
        Action::Publish { subject, payload, .. } => Some((subject.clone(), payload.clone())),
        _ => None,
    });
    published.collect()
}

fn barrier(actions: &[Action]) -> Option<crate::BarrierId> {
    actions.iter().find_map(|action| match action {
        Action::Barrier { barrier } => Some(*barrier),
        _ => None,
    })
}

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

fn request_frame(unit: u64, target: Target, federated: Option<&str>) -> Frame {
    let (_, payload) = golden("v1-ping.json", 0);
    let transport = Transport::decode(payload.clone()).unwrap();
    let mut frame = reply_frame("us", "eu", unit);
    frame.end.body = Body::Request(crate::RequestBody {
        request: transport.request_head().unwrap().id,
        collective: "mcollective".to_owned(),
        target,
        reply_to: transport.reply_to().unwrap().to_owned(),
        federated: federated.map(str::to_owned),
        payload,
    });
    frame
}

fn broadcast() -> Target {
    Target::Broadcast { agent: "discovery".to_owned() }
}

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
fn a_nodes_answer_finds_its_way_back_without_any_memory() {
    let mut bench = Bench::new();
    let actions = bench.frame(0, request_frame(1, broadcast(), None));
    let request = Transport::decode(published(&actions)[0].1.clone()).unwrap();
    let (_, reply) = golden("v1-ping.json", 1);
    let reply = Transport::decode(reply).unwrap();
    let answer = reply.edit().federation(request.federation()).finish();
    bench.publish(REPLY_SUBJECT, answer);
    let [frame] = bench.sent.as_slice() else { panic!("{:?}", bench.sent) };
    let Body::Reply(body) = &frame.end.body else { panic!("{frame:?}") };
    assert_eq!(
        (frame.end.to.as_str(), frame.end.prefer.as_ref()),
        ("us", Some(&"us-1".parse().unwrap()))
    );
    assert!(body.subject.starts_with("mcollective.reply."));
    assert_eq!(body.payload, *reply.payload(), "the node's bytes, federation stripped");
}

#[test]
fn replies_with_a_forged_way_back_go_nowhere() {
    let (_, reply) = golden("v1-ping.json", 1);
    let reply = Transport::decode(reply).unwrap();
    let forged = |reply_to: &str| {
        let federation =
            Federation { request: "x".to_owned(), reply_to: reply_to.to_owned(), targets: vec![] };
        reply.edit().federation(Some(&federation)).finish()
    };
    for (address, reason) in [
        ("antiphon.return.us.us-1.c.0.$SYS.>", DropReason::ReturnAddressInvalid),
        ("antiphon.return.us.us-1.c.0.a b", DropReason::ReturnAddressInvalid),
        ("antiphon.return.eu.eu-1.c.0.mcollective.reply.x.y", DropReason::ReturnAddressInvalid),
        ("antiphon.return.moon.m-1.c.0.mcollective.reply.x.y", DropReason::OriginUnknown),
    ] {
        let mut bench = Bench::new();
        assert_eq!(dropped(&bench.publish(REPLY_SUBJECT, forged(address))), [reason], "{address}");
    }
    let mut bench = Bench::new();
    let actions = bench.publish(REPLY_SUBJECT, forged("mcollective.reply.x.y"));
    assert!(dropped(&actions).is_empty(), "Choria's own broker may share the subject");
}

#[test]
fn a_reply_is_published_on_reply_subjects_alone() {
    let hash = "0".repeat(32);
    let refused = [
        "$SYS.REQ.x",
        "$JS.API.x",
        "_INBOX.a.b",
        "us.broadcast.agent.rpcutil",
        "mcollective.node.n1",
        "choria.federation.us.collective",
        "mcollective.reply.>",
        "mcollective.reply.a.\u{1}b",
        "dev.null",
        "antiphon.beacon.acme.eu.eu-1",
        "configured",
    ];
    let mut config = config("eu", "eu-1");
    config.reply_subjects = vec![
        "$SYS.>".to_owned(),
        "_INBOX.>".to_owned(),
        "mcollective.>".to_owned(),
        "configured.*".to_owned(),
    ];
    let mut bench = Bench::with(config);
    for (number, subject) in refused.iter().enumerate() {
        let mut frame = reply_frame("us", "eu", number as u64 + 1);
        set_reply(&mut frame, subject);
        let actions = bench.frame(number as u64, frame);
        assert_eq!(dropped(&actions), [DropReason::ReplySubjectRefused], "{subject}");
        assert!(published(&actions).is_empty(), "{subject}");
    }
    for (number, subject) in
        [format!("mcollective.reply.{hash}.{hash}"), "configured.x".to_owned()].iter().enumerate()
    {
        let mut frame = reply_frame("us", "eu", 100 + number as u64);
        set_reply(&mut frame, subject);
        let actions = bench.frame((refused.len() + number) as u64, frame);
        assert_eq!(published(&actions).len(), 1, "{subject} {actions:?}");
    }
}

fn set_reply(frame: &mut Frame, subject: &str) {
    let (_, payload) = golden("v1-ping.json", 1);
    if let Body::Reply(reply) = &mut frame.end.body {
        reply.subject = subject.to_owned();
        reply.payload = payload;
    }
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
fn a_federated_client_is_served_as_by_choria_and_sees_one_more_hop_each_way() {
    let mut settings = config("eu", "eu-1");
    settings.federation = [("london".to_owned(), "us".parse().unwrap())].into();
    let mut bench = Bench::with(settings);
    let (_, request) = golden("v1-federated-ping.json", 0);
    bench.publish("choria.federation.london.federation", request);
    let frame = bench.sent.pop().unwrap();
    let Body::Request(body) = &frame.end.body else { panic!("{frame:?}") };
    assert_eq!(body.federated.as_deref(), Some("nats://localhost:4222"));
    let mut here = frame.clone();
    here.end.to = "eu".parse().unwrap();
    here.end.creator = reply_frame("us", "eu", 1).end.creator;
    here.hop.visited = vec!["us-1".parse().unwrap()];
    let actions = bench.frame(0, here);
    let published = Transport::decode(published(&actions)[0].1.clone()).unwrap();
    assert_eq!(published.seen_by().len(), 2);
    assert_eq!(published.seen_by()[1], ["nats://localhost:4222", "eu-1", "nats://localhost:4222"]);
    assert!(published.federation().unwrap().targets.is_empty());
    assert!(published.federation().unwrap().reply_to.starts_with("antiphon.return.us.us-1.f.0."));
}

#[test]
fn targets_outside_the_exported_collectives_are_refused_one_by_one() {
    let mut settings = config("eu", "eu-1");
    settings.federation = [("us".to_owned(), "us".parse().unwrap())].into();
    let mut bench = Bench::with(settings);
    let (_, request) = golden("v1-federated-directed.json", 0);
    let request = Transport::decode(request).unwrap();
    let mut federation = request.federation().unwrap().clone();
    federation
        .targets
        .extend(["$SYS.x", "secret.node.n1", "mcollective.reply.a.b"].map(str::to_owned));
    let payload = request.edit().federation(Some(&federation)).finish();
    let actions = bench.publish("choria.federation.us.federation", payload);
    assert_eq!(dropped(&actions), [DropReason::TargetRefused; 3]);
    assert_eq!(bench.sent[0].units(), 2, "both identities in one frame");
    assert_eq!(bench.created().created, 2);
}

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
    let peer = Hello {
        region: "us".parse().unwrap(),
        gateway: "us-1".parse().unwrap(),
        incarnation: Incarnation(5),
        version: String::new(),
        endpoint: "us-1:7440".parse().unwrap(),
    };
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

fn alarmed(actions: &[Action]) -> bool {
    actions.iter().any(|one| matches!(one, Action::Alarm { raised: true, .. }))
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
