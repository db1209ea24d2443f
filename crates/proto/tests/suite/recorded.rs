//! Messages recorded once, in hex: every later version must read them as they were meant.
//!
//! `UPDATE=1` records what is missing. A recording that exists is never rewritten: if it no longer
//! fits, a shipped field has changed its meaning.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use antiphon_core::{
    Accept, Ack, AdvertContent, AdvertDraft, Answer, AnswerPart, Asked, Beacon, Body, Control,
    Creator, DropReason, EndToEnd, Epoch, Frame, GatewayState, Hello, Hop, Incarnation, Member,
    Offer, Order, Orders, Outcome, Question, Receipt, Receipts, ReplyBody, RequestBody, Stamp,
    Stop, Target, Topology, UnitId,
};
use antiphon_proto::{
    ControlIn, Greeting, Statement, StatementBody, control, decode_sequenced, sequenced, v1,
};
use bytes::Bytes;
use prost::Message;

#[test]
fn recorded_messages_are_still_what_we_write() {
    for (name, bytes) in messages() {
        assert_eq!(recording(name, &bytes), bytes, "{name}");
    }
}

#[test]
fn recorded_frames_are_read_as_they_were_meant() {
    for (name, frame) in [("frame-request", request()), ("frame-reply", reply())] {
        let bytes = recording(name, &encoded_frame(&frame));
        let read = decode_sequenced(v1::SequencedFrame::decode(bytes).unwrap());
        assert_eq!((read.epoch, read.number, read.weight), (Epoch(3), 41, 300), "{name}");
        let read = read.frame.unwrap();
        assert_eq!((read.hop, read.end), (frame.hop, frame.end), "{name}");
    }
}

#[test]
fn recorded_control_messages_are_read_as_they_were_meant() {
    for (name, message) in controls() {
        let bytes = recording(name, &control(&message).encode_to_vec().into());
        let read = ControlIn::try_from(v1::ControlMessage::decode(bytes).unwrap()).unwrap();
        assert_eq!(read, ControlIn::Message(message), "{name}");
    }
}

#[test]
fn recorded_statements_are_read_as_they_were_meant() {
    for (name, statement) in statements() {
        let bytes = recording(name, &statement.encode());
        assert_eq!(Statement::decode(bytes).unwrap(), statement, "{name}");
    }
}

#[test]
fn a_recorded_hello_is_read_as_it_was_meant() {
    let bytes = recording("hello", &v1::Hello::from(&greeting()).encode_to_vec().into());
    let read = Greeting::try_from(v1::Hello::decode(bytes).unwrap()).unwrap();
    assert_eq!(read, greeting());
}

/// All that is recorded: names and today's bytes.
pub(crate) fn messages() -> Vec<(&'static str, Bytes)> {
    let mut messages = vec![
        ("frame-request", encoded_frame(&request())),
        ("frame-reply", encoded_frame(&reply())),
        ("hello", v1::Hello::from(&greeting()).encode_to_vec().into()),
    ];
    for (name, message) in controls() {
        messages.push((name, control(&message).encode_to_vec().into()));
    }
    for (name, statement) in statements() {
        messages.push((name, statement.encode()));
    }
    messages
}

/// The recorded request, for tests that bend it.
pub(crate) fn request_frame() -> v1::SequencedFrame {
    sequenced(Epoch(3), 41, 300, &request())
}

fn recording(name: &str, today: &Bytes) -> Bytes {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/suite/recorded")
        .join(format!("{name}.hex"));
    if !path.exists() && std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, to_hex(today)).unwrap();
    }
    let hex = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; record it with UPDATE=1", path.display()));
    from_hex(&hex)
}

fn to_hex(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.chunks(48).map(|line| line.concat() + "\n").collect()
}

fn from_hex(text: &str) -> Bytes {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect::<Vec<u8>>().into()
}

fn encoded_frame(frame: &Frame) -> Bytes {
    sequenced(Epoch(3), 41, 300, frame).encode_to_vec().into()
}

fn creator() -> Creator {
    Creator {
        region: "eu".parse().unwrap(),
        gateway: "eu-1".parse().unwrap(),
        incarnation: Incarnation(1_700_000_000_000_000),
    }
}

fn hop() -> Hop {
    let visited = vec!["eu-1".parse().unwrap(), "ap-1".parse().unwrap()];
    Hop { limit: 7, visited, age: Duration::from_micros(1234) }
}

fn request() -> Frame {
    let body = Body::Request(RequestBody {
        request: "f8e1c8f0d1e84c6ba4d5f2f1d7e5b4aa".parse().unwrap(),
        collective: "mcollective".into(),
        target: Target::Directed {
            identities: vec!["n1.us.example.net".into(), "n2.us.example.net".into()],
        },
        reply_to: "mcollective.reply.d41d8cd98f00b204e9800998ecf8427e.4711.1".into(),
        federated: Some("nats://eu.example.net:4222".into()),
        payload: Bytes::from_static(br#"{"protocol":"choria:transport:1"}"#),
    });
    Frame { hop: hop(), end: end(body), verbatim: None }
}

fn reply() -> Frame {
    let body = Body::Reply(ReplyBody {
        request: "f8e1c8f0d1e84c6ba4d5f2f1d7e5b4aa".into(),
        subject: "mcollective.reply.d41d8cd98f00b204e9800998ecf8427e.4711.1".into(),
        federated: None,
        payload: Bytes::from_static(b"{}"),
    });
    let end = EndToEnd { prefer: Some("us-2".parse().unwrap()), ..end(body) };
    Frame { hop: hop(), end, verbatim: None }
}

fn end(body: Body) -> EndToEnd {
    EndToEnd {
        creator: creator(),
        unit: UnitId(9001),
        to: "us".parse().unwrap(),
        prefer: None,
        flow: 0x0123_4567_89ab_cdef,
        lifetime: Duration::from_secs(60),
        body,
    }
}

fn controls() -> Vec<(&'static str, Control)> {
    let epoch = Epoch(3);
    let receipt = |unit, outcome| Receipt { unit: UnitId(unit), count: 2, outcome };
    let receipts = vec![
        receipt(1, Outcome::Delivered),
        receipt(3, Outcome::Dropped(DropReason::NoRoute)),
        receipt(5, Outcome::InDoubt),
    ];
    let to = "eu-1".parse().unwrap();
    vec![
        ("control-accept", Control::Accept(Accept { epoch, next: Some(0), granted: 1 << 24 })),
        ("control-ack", Control::Ack(Ack { epoch, next: 42, granted: 1 << 25 })),
        (
            "control-receipts",
            Control::Receipts(Receipts { to, incarnation: Incarnation(5), limit: 8, receipts }),
        ),
        ("control-goodbye", Control::Goodbye),
        ("control-undrain", Control::Undrain),
        ("control-question", Control::Question(question())),
        ("control-answer", Control::Answer(answer())),
    ]
}

fn question() -> Question {
    Question {
        asked: asked(),
        to: "us-1".parse().unwrap(),
        limit: 7,
        part: 1,
        topic: "report".into(),
        body: Bytes::from_static(b"{}"),
    }
}

fn answer() -> Answer {
    let content = AnswerPart::Part { part: 1, parts: 2, body: Bytes::from_static(b"{}") };
    Answer { asked: asked(), from: "us-1".parse().unwrap(), limit: 6, content }
}

fn asked() -> Asked {
    let Creator { gateway: from, incarnation, .. } = creator();
    Asked { from, incarnation, number: 9 }
}

fn statements() -> Vec<(&'static str, Statement)> {
    let draft = |content| AdvertDraft {
        gateway: "eu-1".parse().unwrap(),
        region: "eu".parse().unwrap(),
        stamp: Stamp { incarnation: Incarnation(5), version: 6 },
        content,
    };
    let topology = Topology {
        state: GatewayState::Active,
        broker: true,
        transit: true,
        transit_ruled: false,
        adjacencies: BTreeMap::from([("us-1".parse().unwrap(), 80)]),
        native: ["ap".parse().unwrap()].into(),
    };
    let offer = Offer { collectives: ["mcollective".parse().unwrap()].into() };
    let order = Order {
        stop: Stop::pair("us".parse().unwrap(), "eu".parse().unwrap()),
        stands: true,
        by: "root at eu-1".into(),
        reason: "leak".into(),
        made: Duration::from_secs(100),
        until: Duration::from_secs(200),
    };
    let orders = Orders { orders: vec![order] };
    let advert = |content| StatementBody::Advert(draft(content));
    let statement = |body| Statement { fabric: "acme".parse().unwrap(), body };
    vec![
        ("statement-topology", statement(advert(AdvertContent::Topology(topology.into())))),
        ("statement-offer", statement(advert(AdvertContent::Offer(offer)))),
        ("statement-orders", statement(advert(AdvertContent::Orders(orders)))),
        ("statement-endpoint", statement(StatementBody::Endpoint(member()))),
        ("statement-beacon", statement(StatementBody::Beacon(beacon()))),
    ]
}

fn member() -> Member {
    let Creator { region, gateway, incarnation } = creator();
    let endpoint = "eu-1.example.net:7440".parse().unwrap();
    let state = GatewayState::Draining;
    Member { gateway, region, incarnation, endpoint, state, version: "0.1.0".into() }
}

fn beacon() -> Beacon {
    let Creator { region, gateway, incarnation } = creator();
    let made = Duration::from_micros(1_700_000_000_123_456);
    Beacon {
        region,
        gateway,
        incarnation,
        state: GatewayState::Active,
        joined: true,
        regions: 2,
        made,
    }
}

fn greeting() -> Greeting {
    let Creator { region, gateway, incarnation } = creator();
    let endpoint = "eu-1.example.net:7440".parse().unwrap();
    let hello = Hello { region, gateway, incarnation, version: "0.1.0".into(), endpoint };
    let features = ["compression".to_owned()].into();
    Greeting { fabric: "acme".parse().unwrap(), hello, protocol: 1, protocol_oldest: 1, features }
}
