//! The ways that bytes of others come in, as functions that panic if an invariant does not hold.
//!
//! The fuzz targets drive them with the bytes of a fuzzer, `robustness.rs` with random and mutated ones.
#![allow(dead_code, reason = "each user takes a part of it")]
#![allow(clippy::unwrap_used, reason = "a failure is what is looked for")]

use std::time::Duration;

use antiphon_wire::{
    Federation, NewRequest, NewSecureReply, NewSecureRequest, NewTransport, ReplySubject, Request,
    Subject, Transport, Version, legal_publish_subject,
};
use bytes::Bytes;
use serde::de::IgnoredAny;

/// Decodes `bytes` as a transport, edits its headers, and undoes the edit.
pub(crate) fn transport(bytes: &[u8]) {
    let Ok(original) = Transport::decode(Bytes::copy_from_slice(bytes)) else {
        return;
    };
    assert_json(bytes);
    let federation = Federation {
        request: "4cfb6f9893c94b78bb869e7c9026da94".into(),
        reply_to: "antiphon.eu.eu-1.mcollective.reply.x.y".into(),
        targets: Vec::new(),
    };
    let there = original.edit().reply_to(Some("choria.federation.us.collective"));
    let there = decode(there.federation(Some(&federation)).finish());
    assert_eq!(there.reply_to(), Some("choria.federation.us.collective"));
    assert_eq!(there.federation(), Some(&federation));
    assert_same_but_edited(&original, &there);

    let undo = |transport: &Transport| {
        let edit = transport.edit().reply_to(original.reply_to());
        edit.federation(original.federation()).finish()
    };
    let back = undo(&there);
    // Writing a header anew changes the bytes if it was null, empty, escaped or spaced out.
    if undo(&original) == original.payload() {
        assert_eq!(&back, original.payload());
    }
    let back = decode(back);
    assert_eq!(back.reply_to(), original.reply_to());
    assert_eq!(back.federation(), original.federation());
    assert_same_but_edited(&original, &back);

    let seen = decode(original.edit().append_seen_by(["in", "us \"1\"", "out"]).finish());
    let (last, hops) = seen.seen_by().split_last().map(|(l, h)| (l.clone(), h.to_vec())).unwrap();
    assert_eq!(
        (last, hops),
        (["in", "us \"1\"", "out"].map(String::from).into(), original.seen_by())
    );

    let bare = decode(original.edit().reply_to(None).federation(None).finish());
    assert_eq!((bare.reply_to(), bare.federation()), (None, None));
    assert_same_but_edited(&original, &bare);
}

/// Reads `bytes` as each layer of a request.
pub(crate) fn request(bytes: &[u8]) {
    for version in [Version::V1, Version::V2] {
        request_of(decode(wrap(version, bytes)));
    }
    if std::str::from_utf8(bytes).is_ok() {
        let secure = NewSecureRequest::X509 { request: bytes, signature: b"s", pubcert: "p" };
        request_of(decode(wrap(Version::V1, &secure.encode().unwrap())));
    }
    let secure =
        NewSecureRequest::Jwt { request: bytes, signature: b"s", caller: "c", signer: None };
    request_of(decode(wrap(Version::V2, &secure.encode().unwrap())));
    if let Ok(transport) = Transport::decode(Bytes::copy_from_slice(bytes)) {
        request_of(transport);
    }
}

/// Reads `bytes` as each layer of a reply.
pub(crate) fn reply(bytes: &[u8]) {
    for version in [Version::V1, Version::V2] {
        reply_of(&decode(wrap(version, bytes)));
    }
    if std::str::from_utf8(bytes).is_ok() {
        let secure = NewSecureReply::V1 { reply: bytes }.encode().unwrap();
        reply_of(&decode(wrap(Version::V1, &secure)));
    }
    let secure = NewSecureReply::V2 { reply: bytes, proof: None }.encode().unwrap();
    reply_of(&decode(wrap(Version::V2, &secure)));
    if let Ok(transport) = Transport::decode(Bytes::copy_from_slice(bytes)) {
        reply_of(&transport);
    }
}

/// Parses `text` as a subject and writes it again.
pub(crate) fn subject(text: &str) {
    let parsed = Subject::parse(text);
    assert_eq!(parsed.is_ok(), legal_publish_subject(text).is_ok());
    let reply = ReplySubject::try_from(text);
    let Ok(subject) = parsed else {
        assert!(reply.is_err(), "a reply subject is one to publish on: {text:?}");
        return;
    };
    assert_eq!(subject.to_string(), text);
    assert_eq!(matches!(subject, Subject::Reply(_)), reply.is_ok());
    if let Ok(reply) = reply {
        let (collective, hash, id) = (reply.collective(), reply.caller_hash(), reply.id());
        assert_eq!(format!("{collective}.reply.{hash}.{id}"), text);
    }
}

fn request_of(transport: Transport) {
    let head = transport.request_head();
    let request = match transport.request() {
        Ok(request) => request,
        Err(error) => {
            let v2_message =
                head.is_ok() && error.to_string() == "request: `message` is not base64";
            assert!(v2_message || head == Err(error));
            return;
        }
    };
    assert_eq!(head.as_ref(), Ok(&request.head));
    assert_json(&request.proof.signed);
    let _payload = request.payload();
    let _accepted = request.check_schema();
    let _action = request.action();
    let rebuilt = decode(wrap(request.head.version, &rebuild(&request))).request().unwrap();
    assert_eq!(rebuilt.head, request.head);
    assert_eq!(rebuilt.sender, request.sender);
    assert_eq!(rebuilt.filter, request.filter);
    assert_eq!(rebuilt.message, request.message);
}

/// The same request, encoded by us.
fn rebuild(request: &Request) -> Bytes {
    let head = &request.head;
    let request = NewRequest {
        version: head.version,
        id: &head.id,
        caller: &head.caller,
        sender: &request.sender,
        collective: &head.collective,
        agent: &head.agent,
        ttl: head.ttl,
        time: head.time,
        filter: &request.filter,
        message: &request.message,
    };
    let request = &request.encode().unwrap();
    let signature = b"signature";
    match head.version {
        Version::V1 => NewSecureRequest::X509 { request, signature, pubcert: "certificate" },
        Version::V2 => NewSecureRequest::Jwt { request, signature, caller: "token", signer: None },
    }
    .encode()
    .unwrap()
}

fn reply_of(transport: &Transport) {
    let Ok(secure) = transport.secure_reply() else {
        return;
    };
    let reply = transport.reply();
    assert_eq!(reply, secure.reply());
    if let Ok(reply) = reply {
        assert!(secure.hash_matches());
        assert!(reply.time < Duration::MAX);
        assert_json(&secure.hashed);
    }
}

/// A transport with `data` in it.
fn wrap(version: Version, data: &[u8]) -> Bytes {
    let (reply_to, sender) = (Some("dev.null"), "n1.example.net");
    NewTransport { version, data, reply_to, sender, seen_by: &[], federation: None }.encode()
}

fn decode(payload: Bytes) -> Transport {
    Transport::decode(payload).unwrap()
}

/// An independent parser agrees that it is JSON.
fn assert_json(bytes: &[u8]) {
    let parsed: Result<IgnoredAny, _> = serde_json::from_slice(bytes);
    parsed.unwrap();
}

/// Nothing differs but the reply subject and `federation`.
fn assert_same_but_edited(one: &Transport, other: &Transport) {
    assert_eq!(one.version(), other.version());
    assert_eq!(one.data(), other.data());
    assert_eq!(one.sender(), other.sender());
    assert_eq!(one.seen_by(), other.seen_by());
    let after = |t: &Transport| t.payload().len() - t.data_range().end;
    let headers_after_data = one.payload().len() != other.payload().len()
        && one.data_range().start == other.data_range().start;
    assert!(headers_after_data || after(one) == after(other));
}
