//! Replies of `rpcutil get_fact` as recorded, from as many nodes as wanted: names, times, keys and
//! signatures are each node's own, the rest is the recording's.

use std::time::Duration;

use antiphon_core::{Body, Creator, EndToEnd, Epoch, Frame, Hop, Incarnation, ReplyBody, UnitId};
use antiphon_proto::{sequenced, v1::SequencedFrame};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::Value;

const V1: &str = include_str!("../../../../wire/tests/vectors/v1-rpc-replies.json");
const V2: &str = include_str!("../../../../wire/tests/vectors/v2-ping-and-rpc.json");

/// A recorded reply to `get_fact` and its subject.
pub(super) struct Recorded {
    payload: String,
    subject: String,
    identity: &'static str,
}

impl Recorded {
    pub(super) fn v1() -> Self {
        Self::find(V1, 11, "n1.example.net")
    }

    pub(super) fn v2() -> Self {
        Self::find(V2, 5, "n4.example.net")
    }

    fn find(vector: &str, index: usize, identity: &'static str) -> Self {
        let vector: Value = serde_json::from_str(vector).unwrap();
        let message = &vector["messages"][index];
        let text = |key: &str| message[key].as_str().unwrap().to_owned();
        Self { payload: text("payload"), subject: text("subject"), identity }
    }

    /// The frames of that many nodes' replies, numbered from `first`.
    pub(super) fn frames(&self, first: u64, count: u64) -> Vec<SequencedFrame> {
        (first..first + count).map(|number| self.frame(number)).collect()
    }

    fn frame(&self, number: u64) -> SequencedFrame {
        let request = self.subject.rsplit('.').next().unwrap().to_owned();
        let body = Body::Reply(ReplyBody {
            request,
            subject: self.subject.clone(),
            federated: None,
            payload: self.payload(number).into(),
        });
        let end = EndToEnd {
            creator: Creator {
                region: "us".parse().unwrap(),
                gateway: "us-1".parse().unwrap(),
                incarnation: Incarnation(1_795_486_000_123_456),
            },
            unit: UnitId(number),
            to: "eu".parse().unwrap(),
            prefer: Some("eu-1".parse().unwrap()),
            flow: 0x0123_4567_89ab_cdef,
            lifetime: Duration::from_secs(60),
            body,
        };
        let age = Duration::from_micros(40 + number % 900);
        let visited = vec!["us-1".parse().unwrap()];
        let frame = Frame { hop: Hop { limit: 8, visited, age }, end, verbatim: None };
        sequenced(Epoch(1_795_486_000_123_457), number, frame.weight(), &frame)
    }

    /// The node's transport.
    pub(super) fn payload(&self, number: u64) -> String {
        let identity = format!("web{}.fra.example.net", number * 7919 % 100_000);
        let mut transport: Value = serde_json::from_str(&self.payload).unwrap();
        let data = STANDARD.decode(transport["data"].as_str().unwrap()).unwrap();
        let mut secure: Value = serde_json::from_slice(&data).unwrap();
        let own = |text: &str| self.own(text, &identity, number);
        if let Some(message) = secure["message"].as_str() {
            secure["message"] = own(message).into();
        }
        if let Some(reply) = secure["reply"].as_str() {
            let reply = STANDARD.decode(reply).unwrap();
            let reply = own(std::str::from_utf8(&reply).unwrap());
            secure["reply"] = STANDARD.encode(reply).into();
            secure["signature"] = STANDARD.encode(noise(number, 1, 64)).into();
            secure["sender"] = token(secure["sender"].as_str().unwrap(), own, number).into();
        }
        secure["hash"] = STANDARD.encode(noise(number, 2, 32)).into();
        transport["data"] = STANDARD.encode(secure.to_string()).into();
        self.own(&transport.to_string(), &identity, number)
    }

    /// The text as this node would have written it, at its own time.
    fn own(&self, text: &str, identity: &str, number: u64) -> String {
        let nanos = format!("859{:06}", number * 7919 % 1_000_000);
        text.replace(self.identity, identity).replace("859706247", &nanos)
    }
}

/// The node's own token: another key, another id, another signature.
fn token(recorded: &str, own: impl Fn(&str) -> String, number: u64) -> String {
    let parts: Vec<&str> = recorded.split('.').collect();
    let claims = URL_SAFE_NO_PAD.decode(parts[1]).unwrap();
    let mut claims = own(std::str::from_utf8(&claims).unwrap());
    let key: String = noise(number, 3, 32).iter().map(|byte| format!("{byte:02x}")).collect();
    let id = URL_SAFE_NO_PAD.encode(noise(number, 4, 20)).replace(['-', '_'], "x");
    for (field, value) in [("public_key", key), ("jti", id)] {
        let start = claims.find(field).unwrap() + field.len() + 3;
        let end = start + claims[start..].find('"').unwrap();
        claims.replace_range(start..end, &value);
    }
    let signature = URL_SAFE_NO_PAD.encode(noise(number, 5, 64));
    format!("{}.{}.{signature}", parts[0], URL_SAFE_NO_PAD.encode(claims))
}

/// Bytes that nothing compresses.
pub(super) fn noise(number: u64, what: u8, length: usize) -> Vec<u8> {
    let mut seed = number.to_be_bytes().to_vec();
    seed.push(what);
    let mut bytes = Vec::with_capacity(length + 64);
    while bytes.len() < length {
        seed = ring::digest::digest(&ring::digest::SHA512, &seed).as_ref().to_vec();
        bytes.extend_from_slice(&seed);
    }
    bytes.truncate(length);
    bytes
}
