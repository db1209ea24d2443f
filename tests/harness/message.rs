//! Raw Choria messages: signed requests of the lab's user, and answers as a node would give them.

use std::time::{Duration, SystemTime};

use antiphon_identity::v1::SigningKey;
use antiphon_lab::Lab;
use antiphon_wire::{
    Agent, CallerId, Collective, Filter, NewReply, NewRequest, NewSecureReply, NewSecureRequest,
    NewTransport, ReplySubject, RequestId, Transport, Version,
};
use bytes::Bytes;

/// The lab's user, who signs requests.
pub struct Caller {
    key: SigningKey,
    pubcert: String,
    id: CallerId,
    collective: Collective,
}

impl Caller {
    /// `choria=alice.mcollective` of this lab.
    ///
    /// # Panics
    /// When the lab's files are not there.
    #[must_use]
    pub fn new(lab: &Lab) -> Self {
        let files = lab.manifest().client;
        Self {
            key: SigningKey::from_file(&files.key).expect("the user's key"),
            pubcert: std::fs::read_to_string(&files.certificate).expect("the user's certificate"),
            id: "choria=alice.mcollective".parse().expect("a caller id"),
            collective: "mcollective".parse().expect("a collective"),
        }
    }

    /// A discovery ping, and the subject on which its answers come.
    ///
    /// # Panics
    /// Never: all parts are legal.
    #[must_use]
    pub fn ping(&self, number: u64) -> (Bytes, String) {
        let id: RequestId = format!("{number:032x}").parse().expect("a request id");
        let agent: Agent = "discovery".parse().expect("an agent");
        let filter = Filter { agent: vec!["rpcutil".to_owned()], ..Filter::default() };
        let request = NewRequest {
            version: Version::V1,
            id: &id,
            caller: &self.id,
            sender: "shell.example.net",
            collective: &self.collective,
            agent: &agent,
            ttl: Duration::from_secs(60),
            time: Duration::from_secs(now().as_secs()),
            filter: &filter,
            message: b"cGluZw==",
        };
        let request = request.encode().expect("UTF-8");
        let signature = self.key.sign(&request).expect("an RSA key signs");
        let secure = NewSecureRequest::X509 {
            request: &request,
            signature: &signature,
            pubcert: &self.pubcert,
        };
        let data = secure.encode().expect("UTF-8");
        let reply_to =
            ReplySubject::for_caller(&self.collective, &self.id, &id).expect("a reply subject");
        let transport = NewTransport {
            version: Version::V1,
            data: &data,
            reply_to: Some(reply_to.as_str()),
            sender: "shell.example.net",
            seen_by: &[],
            federation: None,
        };
        (transport.encode(), reply_to.to_string())
    }
}

/// What a node sends back for a request: federation data and hops echoed (as real nodes do), its own
/// hop added. The subject comes first.
///
/// # Panics
/// When the request is none.
#[must_use]
pub fn echo(identity: &str, request: &Transport, message: &[u8]) -> (String, Bytes) {
    let head = request.request_head().expect("a request");
    let reply = NewReply {
        version: request.version(),
        request_id: &head.id,
        sender: identity,
        agent: &head.agent,
        time: now(),
        message,
    };
    let reply = reply.encode().expect("UTF-8");
    let data = match request.version() {
        Version::V1 => NewSecureReply::V1 { reply: &reply },
        Version::V2 => NewSecureReply::V2 { reply: &reply, proof: None },
    };
    let mut seen_by = if request.federation().is_some() { request.seen_by() } else { Vec::new() };
    seen_by.push(["nats://b:4222", identity, "nats://b:4222"].map(str::to_owned).to_vec());
    let answer = NewTransport {
        version: request.version(),
        data: &data.encode().expect("UTF-8"),
        reply_to: None,
        sender: identity,
        seen_by: &seen_by,
        federation: request.federation(),
    };
    (request.reply_to().expect("a reply subject").to_owned(), answer.encode())
}

/// The answer to a discovery ping.
///
/// # Panics
/// When the request is none.
#[must_use]
pub fn pong(identity: &str, request: &Bytes) -> (String, Bytes) {
    let request = Transport::decode(request.clone()).expect("a transport");
    echo(identity, &request, b"pong")
}

fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}
