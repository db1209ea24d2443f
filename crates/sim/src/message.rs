//! Choria messages of virtual clients and nodes: real bytes, with signatures that nobody checks.

use std::time::Duration;

use antiphon_wire::{
    Agent, CallerId, Collective, Federation, Filter, NewReply, NewRequest, NewSecureReply,
    NewSecureRequest, NewTransport, ReplySubject, RequestId, Transport, Version,
};
use bytes::Bytes;

use crate::watch::{Question, Whom};

/// Who all virtual clients are.
pub(crate) const CALLER: &str = "choria=alice.mcollective";

/// The bytes of a client's request, and the subjects on which it publishes them.
pub(crate) fn question(number: u64, question: &Question, unix: Duration) -> (Vec<String>, Bytes) {
    let collective = &question.collective;
    let agent = Agent::try_from(question.whom.agent()).expect("a legal agent");
    let node = |identity| format!("{collective}.node.{identity}");
    let (subjects, targets) = match &question.whom {
        Whom::Everybody => (vec![format!("{collective}.broadcast.agent.{agent}")], vec![]),
        Whom::Node(identity) => (vec![node(identity)], vec![]),
        Whom::Nodes(identities) => (identities.iter().map(node).collect(), vec![]),
        Whom::Federated(region, identities) => {
            let targets = identities.iter().map(node).collect();
            (vec![format!("choria.federation.{region}.federation")], targets)
        }
        Whom::Service(agent) => (vec![format!("{collective}.broadcast.service.{agent}")], vec![]),
    };
    (subjects, request(number, question, &agent, &targets, unix))
}

fn request(
    number: u64,
    question: &Question,
    agent: &Agent,
    targets: &[String],
    unix: Duration,
) -> Bytes {
    let caller = CallerId::try_from(CALLER).expect("a legal caller id");
    let id = RequestId::try_from(id_of(number)).expect("32 hexadecimal characters");
    let filter = Filter { agent: vec![agent.to_string()], ..Filter::default() };
    let request = NewRequest {
        version: Version::V1,
        id: &id,
        caller: &caller,
        sender: "shell.example.net",
        collective: &question.collective,
        agent,
        ttl: question.ttl,
        time: Duration::from_secs(unix.as_secs()),
        filter: &filter,
        message: &vec![b'q'; question.bytes],
    };
    let signed = request.encode().expect("v1 text is UTF-8");
    let secure = NewSecureRequest::X509 {
        request: &signed,
        signature: b"not checked here",
        pubcert: "insecure",
    };
    let data = secure.encode().expect("v1 text is UTF-8");
    let reply_to = reply_subject(&question.collective, &caller, &id);
    let federation = (!targets.is_empty()).then(|| Federation {
        request: id.to_string(),
        reply_to: String::new(),
        targets: targets.to_vec(),
    });
    let transport = NewTransport {
        version: Version::V1,
        data: &data,
        reply_to: Some(&reply_to),
        sender: "shell.example.net",
        seen_by: &[],
        federation: federation.as_ref(),
    };
    transport.encode()
}

fn reply_subject(collective: &Collective, caller: &CallerId, id: &RequestId) -> String {
    let subject = ReplySubject::for_caller(collective, caller, id);
    subject.expect("32 characters make a reply subject").to_string()
}

/// The request id that stands for a number.
fn id_of(number: u64) -> String {
    format!("{number:032x}")
}

/// The number that a request id or the end of a reply subject stands for.
pub(crate) fn number_of(text: &str) -> Option<u64> {
    let id = text.rsplit('.').next()?;
    u64::from_str_radix(id, 16).ok().filter(|_| id.len() == 32)
}

/// What a node answers, and the subject on which it does; `None` for what a node ignores.
pub(crate) fn node_reply(
    identity: &str,
    payload: &Bytes,
    unix: Duration,
    bytes: usize,
) -> Option<(Bytes, String)> {
    let transport = Transport::decode(payload.clone()).ok()?;
    let head = transport.request_head().ok()?;
    let reply_to = transport.reply_to()?.to_owned();
    let reply = NewReply {
        version: transport.version(),
        request_id: &head.id,
        sender: identity,
        agent: &head.agent,
        time: unix,
        message: &vec![b'a'; bytes],
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
