//! Messages of Choria protocol v1, as a client with a certificate and its nodes write them; the sizes
//! are those of recorded ones, signatures are bytes that nobody checks.

use std::time::{Duration, SystemTime};

use antiphon_wire::{
    Agent, CallerId, Collective, Federation, Filter, NewReply, NewRequest, NewSecureReply,
    NewSecureRequest, NewTransport, ReplySubject, RequestId, Transport, Version,
};
use bytes::Bytes;

/// What the agent `rpcutil` answers to `get_fact`.
const ANSWER: &str = r#"{"statuscode":0,"statusmsg":"OK","data":{"fact":"region","value":"us"}}"#;
/// What it is asked.
const QUESTION: &str = r#"{"agent":"rpcutil","action":"get_fact","caller":"choria=alice.mcollective","data":{"fact":"region","process_results":true}}"#;
/// Length of a certificate with an RSA key of 2048 bits, PEM.
const PUBCERT_BYTES: usize = 1240;

/// A request of a client.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) id: RequestId,
    pub(crate) reply_to: String,
    pub(crate) payload: Bytes,
}

/// The identity of a node, counted from 0.
pub(crate) fn identity(number: usize) -> String {
    format!("n{number}.us.example.net")
}

/// The number of a node, from the `sender` of its answer.
pub(crate) fn number(payload: &[u8]) -> Option<usize> {
    const KEY: &[u8] = br#""mc_sender":"n"#;
    let at = memchr::memmem::rfind(payload, KEY)? + KEY.len();
    let digits = payload[at..].iter().take_while(|byte| byte.is_ascii_digit());
    Some(digits.fold(0, |number, digit| number * 10 + usize::from(digit - b'0')))
}

/// The `number`th request of this process, for an agent.
pub(crate) fn request(number: u64, agent: &str) -> Request {
    let caller = CallerId::try_from("choria=alice.mcollective").expect("a legal caller");
    let collective = Collective::try_from("mcollective").expect("a legal collective");
    let started = now().as_nanos() as u64;
    let id = RequestId::try_from(format!("{started:016x}{number:016x}")).expect("32 digits");
    let reply_to = ReplySubject::for_caller(&collective, &caller, &id).expect("a legal subject");
    let reply_to = reply_to.to_string();
    let agent = Agent::try_from(agent).expect("a legal agent");
    let filter = Filter { agent: vec![agent.to_string()], ..Filter::default() };
    let request = NewRequest {
        version: Version::V1,
        id: &id,
        caller: &caller,
        sender: "shell.eu.example.net",
        collective: &collective,
        agent: &agent,
        ttl: Duration::from_secs(60),
        time: Duration::from_secs(now().as_secs()),
        filter: &filter,
        message: QUESTION.as_bytes(),
    };
    let signed = request.encode().expect("UTF-8");
    let signature: Vec<u8> = noise(number, 256);
    let pubcert: String =
        noise(7, PUBCERT_BYTES).into_iter().map(|byte| char::from(b'A' + byte % 26)).collect();
    let secure =
        NewSecureRequest::X509 { request: &signed, signature: &signature, pubcert: &pubcert };
    let data = secure.encode().expect("UTF-8");
    let transport = NewTransport {
        version: Version::V1,
        data: &data,
        reply_to: Some(&reply_to),
        sender: "shell.eu.example.net",
        seen_by: &[],
        federation: None,
    };
    let payload = transport.encode();
    Request { id, reply_to, payload }
}

/// The signed part of each node's answer: all that can be made before the question comes.
pub(crate) fn answers(id: &RequestId, nodes: usize) -> Vec<Bytes> {
    let agent = Agent::try_from("rpcutil").expect("a legal agent");
    let answer = |node| {
        let reply = NewReply {
            version: Version::V1,
            request_id: id,
            sender: &identity(node),
            agent: &agent,
            time: now(),
            message: ANSWER.as_bytes(),
        };
        let reply = reply.encode().expect("UTF-8");
        NewSecureReply::V1 { reply: &reply }.encode().expect("UTF-8")
    };
    (0..nodes).map(answer).collect()
}

/// What a node needs of a question.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) reply_to: String,
    federation: Option<Federation>,
    seen_by: Vec<Vec<String>>,
}

impl Question {
    pub(crate) fn read(payload: Bytes) -> Self {
        let transport = Transport::decode(payload).expect("a transport");
        let federation = transport.federation().cloned();
        let seen_by = if federation.is_some() { transport.seen_by() } else { Vec::new() };
        let reply_to = transport.reply_to().expect("a reply subject").to_owned();
        Self { reply_to, federation, seen_by }
    }

    /// The whole answer of a node.
    pub(crate) fn answer(&self, node: usize, data: &Bytes) -> Bytes {
        let identity = identity(node);
        let mut seen_by = self.seen_by.clone();
        let broker = "nats://localhost:4222";
        seen_by.push(vec![broker.to_owned(), identity.clone(), broker.to_owned()]);
        let transport = NewTransport {
            version: Version::V1,
            data,
            reply_to: None,
            sender: &identity,
            seen_by: &seen_by,
            federation: self.federation.as_ref(),
        };
        transport.encode()
    }
}

fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("the clock is past 1970")
}

/// Bytes in which nothing repeats.
fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..bytes).map(|_| next()).collect()
}

/// Replies as nodes hand them to the fabric, on their way to `eu-1`, in any number.
pub(crate) struct Replies {
    question: Question,
    data: Vec<Bytes>,
}

impl Replies {
    /// Nodes whose signed parts are made beforehand, and taken in turn.
    const NODES: usize = 1024;

    pub(crate) fn new() -> Self {
        let Request { id, reply_to, payload } = request(1, "rpcutil");
        let federation = Federation {
            request: id.to_string(),
            reply_to: format!("antiphon.return.eu.eu-1.c.0.{reply_to}"),
            targets: Vec::new(),
        };
        let transport = Transport::decode(payload).expect("a transport");
        let payload = transport.edit().federation(Some(&federation)).finish();
        Self { question: Question::read(payload), data: answers(&id, Self::NODES) }
    }

    /// The reply with this number.
    pub(crate) fn payload(&self, number: u64) -> Bytes {
        let number = number as usize;
        self.question.answer(number, &self.data[number % Self::NODES])
    }

    /// How long one is.
    pub(crate) fn bytes(&self) -> usize {
        self.payload(0).len()
    }
}
