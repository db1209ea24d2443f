//! Choria messages of virtual clients and nodes: real bytes, with signatures that nobody checks.

use std::time::Duration;

use antiphon_wire::{
    Agent, CallerId, Collective, Filter, NewReply, NewRequest, NewSecureReply,
    NewSecureRequest, NewTransport, ReplySubject, RequestId, Transport, Version,
};
use bytes::Bytes;

/// A v1 request of `choria=alice.mcollective`, and the subject on which its replies come.
///
/// # Panics
/// When `id` is not 32 lower-case hexadecimal characters.
#[must_use]
pub fn request(collective: &Collective, agent: &Agent, id: &str, at: Duration) -> (Bytes, String) {
    let caller = CallerId::try_from("choria=alice.mcollective").expect("a legal caller id");
    let id = RequestId::try_from(id).expect("a legal request id");
    let filter = Filter { agent: vec![agent.to_string()], ..Filter::default() };
    let request = NewRequest {
        version: Version::V1,
        id: &id,
        caller: &caller,
        sender: "shell.example.net",
        collective,
        agent,
        ttl: Duration::from_secs(60),
        time: Duration::from_secs(at.as_secs()),
        filter: &filter,
        message: b"cGluZw==",
    };
    let signed = request.encode().expect("v1 text is UTF-8");
    let secure = NewSecureRequest::X509 {
        request: &signed,
        signature: b"not checked here",
        pubcert: "insecure",
    };
    let data = secure.encode().expect("v1 text is UTF-8");
    let reply_to = ReplySubject::for_caller(collective, &caller, &id)
        .expect("32 characters make a reply subject")
        .to_string();
    let transport = NewTransport {
        version: Version::V1,
        data: &data,
        reply_to: Some(&reply_to),
        sender: "shell.example.net",
        seen_by: &[],
        federation: None,
    };
    (transport.encode(), reply_to)
}

/// What a node answers, and the subject on which it does; `None` for what a node ignores.
#[must_use]
pub fn node_reply(identity: &str, payload: &Bytes, at: Duration) -> Option<(Bytes, String)> {
    let transport = Transport::decode(payload.clone()).ok()?;
    let head = transport.request_head().ok()?;
    let reply_to = transport.reply_to()?.to_owned();
    let reply = NewReply {
        version: transport.version(),
        request_id: &head.id,
        sender: identity,
        agent: &head.agent,
        time: at,
        message: b"pong",
    };
    let reply = reply.encode().ok()?;
    let data = NewSecureReply::V1 { reply: &reply }.encode().ok()?;
    let mut seen_by = Vec::new();
    if transport.federation().is_some() {
        seen_by = transport.seen_by();
    }
    seen_by.push(vec!["nats://b".to_owned(), identity.to_owned(), "nats://b".to_owned()]);
    let answer = NewTransport {
        version: transport.version(),
        data: &data,
        reply_to: None,
        sender: identity,
        seen_by: &seen_by,
        federation: transport.federation(),
    };
    Some((answer.encode(), reply_to))
}
