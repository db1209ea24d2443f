//! Protocol v2: ed25519 and JWTs, JSON in base64 in JSON. Frozen: a shipped name or rule here never changes.
//!
//! Sources: go-choria `protocol/v2/`, `internal/fs/schemas/choria/protocol/v2/`.

use std::time::Duration;

use crate::base64;
use crate::fault::{DecodeError, Fault, Layer, check_protocol, missing};
use crate::json::{ObjectWriter, RawText, Scanner};
use crate::reply::{HashedReply, NewReply, ReplyParts, ReplyProof};
use crate::request::{FilterUse, NewRequest, RequestParts, SignedRequest, read_filter};
use crate::version::{FederationKeys, HeaderKeys};

/// `protocol` of a transport.
pub(crate) const TRANSPORT: &str = "io.choria.protocol.v2.transport";
const SECURE_REQUEST: &str = "io.choria.protocol.v2.secure_request";
const REQUEST: &str = "io.choria.protocol.v2.request";
const SECURE_REPLY: &str = "io.choria.protocol.v2.secure_reply";
const REPLY: &str = "io.choria.protocol.v2.reply";

/// The members of `headers`.
pub(crate) const HEADERS: HeaderKeys = HeaderKeys {
    reply_to: "reply",
    sender: "sender",
    seen_by: "trace",
    federation: "federation",
    all: &["reply", "sender", "trace", "federation"],
    in_federation: FederationKeys {
        request: "request",
        reply_to: "reply",
        targets: "targets",
        all: &["request", "reply", "targets"],
    },
};

/// Reads a secure request; what is signed is what `request` decodes to.
pub(crate) fn read_secure_request(text: &str) -> Result<SignedRequest<'_>, DecodeError> {
    const LAYER: Layer = Layer::SecureRequest;
    let (mut protocol, mut request, mut signature) = (None, None, None);
    let (mut caller, mut signer) = (None, None);
    let mut scanner = Scanner::new(LAYER, text);
    scanner.object(&["protocol", "request", "signature", "caller", "signer"], |key, value| {
        let text = value.text(key)?;
        match key {
            "protocol" => protocol = text,
            "request" => request = text,
            "signature" => signature = text,
            "caller" => caller = text,
            _ => signer = text,
        }
        Ok(())
    })?;
    scanner.finish()?;
    check_protocol(LAYER, protocol, SECURE_REQUEST)?;
    Ok(SignedRequest {
        signed: decoded(LAYER, "request", request)?,
        signature: signature.ok_or_else(|| missing(LAYER, "signature"))?,
        caller: caller.ok_or_else(|| missing(LAYER, "caller"))?,
        signer: signer.filter(|signer| !signer.body().is_empty()),
    })
}

/// Reads a request.
pub(crate) fn read_request(text: &str, filter: FilterUse) -> Result<RequestParts<'_>, DecodeError> {
    const KEYS: &[&str] = &[
        "protocol",
        "message",
        "id",
        "sender",
        "caller",
        "collective",
        "agent",
        "ttl",
        "time",
        "filter",
    ];
    let mut protocol = None;
    let mut parts = RequestParts::default();
    let mut scanner = Scanner::new(Layer::Request, text);
    scanner.object(KEYS, |key, value| {
        match key {
            "protocol" => protocol = value.text(key)?,
            "message" => parts.message = value.text(key)?.unwrap_or_default(),
            "id" => parts.id = value.text(key)?.unwrap_or_default(),
            "sender" => parts.sender = value.text(key)?.unwrap_or_default(),
            "caller" => parts.caller = value.text(key)?.unwrap_or_default(),
            "collective" => parts.collective = value.text(key)?.unwrap_or_default(),
            "agent" => parts.agent = value.text(key)?.unwrap_or_default(),
            "ttl" => parts.ttl = Duration::from_secs(value.integer(key)?.unwrap_or_default()),
            "time" => parts.time = Duration::from_nanos(value.integer(key)?.unwrap_or_default()),
            _ => parts.filter = read_filter(value, key, filter)?,
        }
        Ok(())
    })?;
    scanner.finish()?;
    check_protocol(Layer::Request, protocol, REQUEST)?;
    Ok(parts)
}

/// Reads a secure reply; what is hashed is what `reply` decodes to.
pub(crate) fn read_secure_reply(text: &str) -> Result<HashedReply<'_>, DecodeError> {
    const LAYER: Layer = Layer::SecureReply;
    let (mut protocol, mut reply, mut hash) = (None, None, None);
    let (mut signature, mut sender) = (None, None);
    let mut scanner = Scanner::new(LAYER, text);
    scanner.object(&["protocol", "reply", "hash", "signature", "sender"], |key, value| {
        let text = value.text(key)?;
        match key {
            "protocol" => protocol = text,
            "reply" => reply = text,
            "hash" => hash = text,
            "signature" => signature = text,
            _ => sender = text,
        }
        Ok(())
    })?;
    scanner.finish()?;
    check_protocol(LAYER, protocol, SECURE_REPLY)?;
    Ok(HashedReply {
        hashed: decoded(LAYER, "reply", reply)?,
        hash: hash.ok_or_else(|| missing(LAYER, "hash"))?,
        signature: signature.filter(|signature| !signature.body().is_empty()),
        token: sender.filter(|sender| !sender.body().is_empty()),
    })
}

/// Reads a reply.
pub(crate) fn read_reply(text: &str) -> Result<ReplyParts<'_>, DecodeError> {
    let mut protocol = None;
    let mut parts = ReplyParts::default();
    let mut scanner = Scanner::new(Layer::Reply, text);
    let keys = &["protocol", "message", "request", "sender", "agent", "time"];
    scanner.object(keys, |key, value| {
        match key {
            "protocol" => protocol = value.text(key)?,
            "message" => parts.message = value.text(key)?.unwrap_or_default(),
            "request" => parts.request = value.text(key)?.unwrap_or_default(),
            "sender" => parts.sender = value.text(key)?.unwrap_or_default(),
            "agent" => parts.agent = value.text(key)?.unwrap_or_default(),
            _ => parts.time = Duration::from_nanos(value.integer(key)?.unwrap_or_default()),
        }
        Ok(())
    })?;
    scanner.finish()?;
    check_protocol(Layer::Reply, protocol, REPLY)?;
    Ok(parts)
}

/// Appends a request.
pub(crate) fn write_request(request: &NewRequest<'_>, out: &mut Vec<u8>) {
    let mut object = ObjectWriter::open(out);
    object.text("protocol", REQUEST).base64("message", request.message);
    object.text("id", request.id.as_str());
    object.text("sender", request.sender);
    object.text("caller", request.caller.as_str());
    object.text("collective", request.collective.as_str());
    object.text("agent", request.agent.as_str());
    object.integer("ttl", request.ttl.as_secs());
    object.integer("time", nanos(request.time));
    object.member("filter", |out| request.filter.write(out));
    object.close();
}

/// Appends a secure request.
pub(crate) fn write_secure_request(
    request: &[u8],
    signature: &[u8],
    caller: &str,
    signer: Option<&str>,
    out: &mut Vec<u8>,
) {
    let mut object = ObjectWriter::open(out);
    object.text("protocol", SECURE_REQUEST).base64("request", request);
    object.base64("signature", signature).text("caller", caller);
    object.text_if_any("signer", signer.unwrap_or_default());
    object.close();
}

/// Appends a reply.
pub(crate) fn write_reply(reply: &NewReply<'_>, out: &mut Vec<u8>) {
    let mut object = ObjectWriter::open(out);
    object.text("protocol", REPLY).base64("message", reply.message);
    object.text("request", reply.request_id.as_str());
    object.text("sender", reply.sender);
    object.text("agent", reply.agent.as_str());
    object.integer("time", nanos(reply.time));
    object.close();
}

/// Appends a secure reply.
pub(crate) fn write_secure_reply(
    reply: &[u8],
    hash: &[u8],
    proof: Option<ReplyProof<'_>>,
    out: &mut Vec<u8>,
) {
    let mut object = ObjectWriter::open(out);
    object.text("protocol", SECURE_REPLY).base64("reply", reply).base64("hash", hash);
    if let Some(proof) = proof {
        object.base64("signature", proof.signature).text("sender", proof.token);
    }
    object.close();
}

/// What the required base64 member `key` decodes to.
fn decoded(
    layer: Layer,
    key: &'static str,
    text: Option<RawText<'_>>,
) -> Result<Vec<u8>, DecodeError> {
    let text = text.ok_or_else(|| missing(layer, key))?;
    base64::decode(&text.decode()).ok_or_else(|| Fault::NotBase64 { key }.within(layer))
}

/// Nanoseconds since 1970; the year 2554 at most.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
