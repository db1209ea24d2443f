//! Spellings that Go's decoder and ours could take differently are refused in every layer.
#![allow(clippy::unwrap_used, reason = "a recorded message is good or the test fails")]
#![allow(clippy::indexing_slicing, reason = "likewise")]

mod common;

use antiphon_wire::{
    DecodeError, Fault, FaultKind, Federation, Layer, NewSecureReply, NewSecureRequest,
    NewTransport, TARGETS_MAX, Transport, Version,
};
use bytes::Bytes;
use common::Recorded;

/// A text of one layer, and what reads a message whose text of that layer is another.
struct Sample {
    layer: Layer,
    /// What the object begins after.
    opening: &'static str,
    keys: &'static [&'static str],
    text: String,
    read: fn(&str) -> Result<(), DecodeError>,
}

impl Sample {
    /// The text up to the object's first member, and from there.
    fn split(&self) -> (&str, &str) {
        self.text.split_at(self.text.find(self.opening).unwrap() + self.opening.len())
    }

    /// Reads the text with `member` put first into the object.
    fn read_with(&self, member: &str) -> Result<(), DecodeError> {
        let (before, members) = self.split();
        (self.read)(&format!("{before}{member},{members}"))
    }
}

fn samples() -> Vec<Sample> {
    use Layer::*;
    let mut samples = Vec::new();
    let mut add = |layer, opening, keys, text: &str, read| {
        samples.push(Sample { layer, opening, keys, text: text.to_owned(), read });
    };
    let (v1, v2) = (&federated("v1-federated-ping.json"), &federated("v2-federated.json"));
    for text in [v1, v2] {
        add(Transport, "{", &["protocol", "data", "headers"], text, read_transport);
    }
    let keys = &["reply-to", "mc_sender", "seen-by", "federation"];
    add(Headers, "\"headers\":{", keys, v1, read_transport);
    add(Headers, "\"headers\":{", &["reply", "sender", "trace", "federation"], v2, read_transport);
    add(Federation, "\"federation\":{", &["req", "reply-to", "target"], v1, read_transport);
    add(Federation, "\"federation\":{", &["request", "reply", "targets"], v2, read_transport);

    let (secure1, request1) = request("v1-rpc-filtered.json");
    let (secure2, request2) = request("v2-ping-and-rpc.json");
    let secure2 = secure2.replacen('{', "{\"signer\":\"token\",", 1);
    let keys = &["protocol", "message", "signature", "pubcert"];
    add(SecureRequest, "{", keys, &secure1, read_secure_request_v1);
    let keys = &["protocol", "request", "signature", "caller", "signer"];
    add(SecureRequest, "{", keys, &secure2, read_secure_request_v2);
    add(Request, "{", &["protocol", "message", "envelope"], &request1, read_request_v1);
    let keys = &["protocol", "message", "id", "sender", "caller", "collective", "agent", "ttl"];
    add(Request, "{", keys, &request2, read_request_v2);
    add(Request, "{", &["time", "filter"], &request2, read_request_v2);
    let keys =
        &["requestid", "senderid", "callerid", "collective", "agent", "ttl", "time", "filter"];
    add(Envelope, "\"envelope\":{", keys, &request1, read_request_v1);
    let keys = &["fact", "cf_class", "agent", "identity", "compound"];
    add(Filter, "\"filter\":{", keys, &request1, read_request_v1);
    add(Filter, "\"filter\":{", keys, &request2, read_request_v2);
    add(Filter, "\"fact\":[{", &["fact", "operator", "value"], &request1, read_request_v1);

    let (secure1, reply1) = reply("v1-ping.json");
    let (secure2, reply2) = reply("v2-ping-and-rpc.json");
    add(SecureReply, "{", &["protocol", "message", "hash"], &secure1, read_secure_reply_v1);
    let keys = &["protocol", "reply", "hash", "signature", "sender"];
    add(SecureReply, "{", keys, &secure2, read_secure_reply_v2);
    add(Reply, "{", &["protocol", "message", "envelope"], &reply1, read_reply_v1);
    let keys = &["protocol", "message", "request", "sender", "agent", "time"];
    add(Reply, "{", keys, &reply2, read_reply_v2);
    let keys = &["requestid", "senderid", "agent", "time"];
    add(Envelope, "\"envelope\":{", keys, &reply1, read_reply_v1);
    samples
}

/// A known key, spelled in every way that Go would take for it.
fn spellings(key: &str) -> Vec<String> {
    let mut spellings = vec![
        key.to_owned(),
        key.to_uppercase(),
        key[..1].to_uppercase() + &key[1..],
        format!("\\u{:04x}{}", u32::from(key.as_bytes()[0]), &key[1..]),
        format!("\\u{:04X}{}", u32::from(key.as_bytes()[0].to_ascii_uppercase()), &key[1..]),
    ];
    for (letter, double, escaped) in [('s', "\u{17f}", "\\u017f"), ('k', "\u{212a}", "\\u212a")] {
        if key.contains(letter) {
            spellings.push(key.replacen(letter, double, 1));
            spellings.push(key.to_uppercase().replacen(letter.to_ascii_uppercase(), escaped, 1));
        }
    }
    spellings
}

#[test]
fn another_spelling_of_a_known_key_is_refused_in_every_layer() {
    for sample in samples() {
        for key in sample.keys {
            for spelling in spellings(key) {
                let read = sample.read_with(&format!("\"{spelling}\":null"));
                let error = read.expect_err(&format!("{} {spelling}", sample.layer));
                let ambiguous =
                    matches!(error.fault, Fault::AmbiguousKey { key: k, .. } if k == *key);
                assert!(ambiguous, "{} {spelling}: {error}", sample.layer);
                assert_eq!(error.layer, sample.layer);
                assert_eq!(error.kind(), FaultKind::AmbiguousKey);
            }
        }
    }
}

#[test]
fn unknown_members_are_allowed_in_every_layer() {
    for sample in samples() {
        for member in [
            "\"x\":1",
            "\"x\":1,\"x\":[{\"headers\":2}],\"X\":null",
            "\"proto col\":{}",
            "\"\":\"\"",
        ] {
            assert_eq!(sample.read_with(member), Ok(()), "{} {member}", sample.layer);
        }
    }
}

#[test]
fn depth_bombs_are_refused_in_every_layer() {
    for sample in samples() {
        for open in ["[", "{\"a\":"] {
            let error = sample.read_with(&format!("\"x\":{}", open.repeat(200_000))).unwrap_err();
            assert_eq!(error.kind(), FaultKind::TooDeep, "{}", sample.layer);
        }
    }
}

#[test]
fn members_of_a_wrong_type_are_refused_in_every_layer() {
    for sample in samples() {
        for key in sample.keys {
            let (before, members) = sample.split();
            let members = members.replace(&format!("\"{key}\":"), "\"renamed\":");
            let text = format!("{before}\"{key}\":true,{members}");
            let error = (sample.read)(&text).expect_err(key);
            let expected = [FaultKind::BadField, FaultKind::HeadersMissing];
            assert!(expected.contains(&error.kind()), "{} {key}: {error}", sample.layer);
        }
    }
}

#[test]
fn what_follows_the_value_is_refused_in_every_layer() {
    for sample in samples().iter().filter(|sample| sample.opening == "{") {
        let error = (sample.read)(&format!("{} {{}}", sample.text)).unwrap_err();
        assert_eq!((error.layer, error.kind()), (sample.layer, FaultKind::NotJson));
        assert!(matches!(error.fault, Fault::TrailingBytes { .. }));
        assert_eq!((sample.read)(&format!(" {}\n", sample.text)), Ok(()));
    }
}

#[test]
fn headers_must_be_an_object() {
    for headers in
        ["", "\"headers\":null,", "\"headers\":[],", "\"headers\":\"{}\",", "\"headers\":1,"]
    {
        let error =
            read_transport(&format!(r#"{{{headers}"protocol":"choria:transport:1","data":""}}"#));
        assert_eq!(error.unwrap_err().kind(), FaultKind::HeadersMissing, "{headers}");
    }
    assert_eq!(
        read_transport(r#"{"protocol":"choria:transport:1","data":"","headers":{}}"#),
        Ok(())
    );
}

#[test]
fn invalid_utf8_is_refused_anywhere() {
    let mut bytes = federated("v1-federated-ping.json").into_bytes();
    for at in (0..bytes.len()).step_by(97) {
        let kept = std::mem::replace(&mut bytes[at], 0xff);
        let error = Transport::decode(Bytes::copy_from_slice(&bytes)).unwrap_err();
        assert_eq!(error.fault, Fault::NotUtf8 { at });
        bytes[at] = kept;
    }
}

#[test]
fn payloads_over_the_bound_are_refused_unread() {
    let payload = Bytes::from(vec![b' '; antiphon_wire::PAYLOAD_BYTES_MAX + 1]);
    assert_eq!(Transport::decode(payload).unwrap_err().kind(), FaultKind::TooLarge);
}

#[test]
fn targets_over_the_bound_are_refused() {
    let payload = |count: usize| {
        let targets = vec!["\"\""; count].join(",");
        let headers = format!("\"headers\":{{\"federation\":{{\"target\":[{targets}]}}}}");
        format!("{{\"protocol\":\"choria:transport:1\",\"data\":\"\",{headers}}}")
    };
    assert_eq!(read_transport(&payload(TARGETS_MAX)), Ok(()));
    let error = read_transport(&payload(TARGETS_MAX + 1)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "federation header: `target` is not a list of at most 4096 subjects"
    );
}

#[test]
fn a_secure_layer_of_the_other_version_is_refused() {
    let (secure, _) = request("v1-ping.json");
    let error = read_secure_request_v2(&secure).unwrap_err();
    assert_eq!((error.layer, error.kind()), (Layer::SecureRequest, FaultKind::UnknownProtocol));
    assert_eq!(error.to_string(), "secure request: unknown protocol \"choria:secure:request:1\"");
}

#[test]
fn a_reply_whose_hash_differs_is_refused() {
    let (secure, _) = reply("v1-ping.json");
    let error = read_secure_reply_v1(&secure.replace("pong", "pang")).unwrap_err();
    assert_eq!(error.fault, Fault::HashMismatch);
}

/// The payload of a federated request, with all members of `federation` in it.
fn federated(file: &'static str) -> String {
    let transport = common::messages_of(file).iter().find(|m| m.is_request()).unwrap().transport();
    let mut federation = transport.federation().unwrap().clone();
    federation.reply_to = "r".to_owned();
    let federation = Federation { targets: vec!["t".to_owned()], ..federation };
    text(&transport.edit().federation(Some(&federation)).finish())
}

/// A secure request and the request in it.
fn request(file: &'static str) -> (String, String) {
    let transport = common::messages_of(file).iter().find(|m| m.is_request()).unwrap().transport();
    let request = transport.request().unwrap();
    (data(&transport), text(&request.proof.signed))
}

/// A secure reply and the reply in it.
fn reply(file: &'static str) -> (String, String) {
    let is_reply = |message: &&Recorded| !message.is_request();
    let transport = common::messages_of(file).iter().find(is_reply).unwrap().transport();
    (data(&transport), text(&transport.secure_reply().unwrap().hashed))
}

fn data(transport: &Transport) -> String {
    use base64::Engine as _;
    text(&base64::engine::general_purpose::STANDARD.decode(transport.data()).unwrap())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn read_transport(text: &str) -> Result<(), DecodeError> {
    Transport::decode(Bytes::copy_from_slice(text.as_bytes())).map(drop)
}

fn wrapped(version: Version, data: &[u8]) -> Transport {
    let new = NewTransport {
        version,
        data,
        reply_to: None,
        sender: "n1",
        seen_by: &[],
        federation: None,
    };
    Transport::decode(new.encode()).unwrap()
}

/// Reads a request twice, as gateways and as nodes do; both must say the same.
fn read_request(transport: &Transport) -> Result<(), DecodeError> {
    let whole = transport.request().map(drop);
    assert_eq!(transport.request_head().map(drop), whole);
    whole
}

fn read_secure_request_v1(secure: &str) -> Result<(), DecodeError> {
    read_request(&wrapped(Version::V1, secure.as_bytes()))
}

fn read_secure_request_v2(secure: &str) -> Result<(), DecodeError> {
    read_request(&wrapped(Version::V2, secure.as_bytes()))
}

fn read_request_v1(request: &str) -> Result<(), DecodeError> {
    let request = request.as_bytes();
    let secure = NewSecureRequest::X509 { request, signature: b"s", pubcert: "p" };
    read_request(&wrapped(Version::V1, &secure.encode().unwrap()))
}

fn read_request_v2(request: &str) -> Result<(), DecodeError> {
    let request = request.as_bytes();
    let secure = NewSecureRequest::Jwt { request, signature: b"s", caller: "c", signer: None };
    read_request(&wrapped(Version::V2, &secure.encode().unwrap()))
}

fn read_secure_reply_v1(secure: &str) -> Result<(), DecodeError> {
    wrapped(Version::V1, secure.as_bytes()).reply().map(drop)
}

fn read_secure_reply_v2(secure: &str) -> Result<(), DecodeError> {
    wrapped(Version::V2, secure.as_bytes()).reply().map(drop)
}

fn read_reply_v1(reply: &str) -> Result<(), DecodeError> {
    let secure = NewSecureReply::V1 { reply: reply.as_bytes() };
    wrapped(Version::V1, &secure.encode().unwrap()).reply().map(drop)
}

fn read_reply_v2(reply: &str) -> Result<(), DecodeError> {
    let secure = NewSecureReply::V2 { reply: reply.as_bytes(), proof: None };
    wrapped(Version::V2, &secure.encode().unwrap()).reply().map(drop)
}
