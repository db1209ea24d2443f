//! Protocol v1: x509, JSON text in JSON text. Frozen: a shipped name or rule here never changes.
//!
//! Sources: go-choria `protocol/v1/`, `internal/fs/schemas/choria/protocol/v1/`.

use std::borrow::Cow;
use std::time::Duration;

use crate::fault::{DecodeError, EncodeError, Layer, check_protocol, missing};
use crate::json::{ObjectWriter, Scanner};
use crate::reply::{HashedReply, NewReply, ReplyParts};
use crate::request::{FilterUse, NewRequest, RequestParts, SignedRequest, read_filter};
use crate::version::{FederationKeys, HeaderKeys};

/// `protocol` of a transport.
pub(crate) const TRANSPORT: &str = "choria:transport:1";
const SECURE_REQUEST: &str = "choria:secure:request:1";
const REQUEST: &str = "choria:request:1";
const SECURE_REPLY: &str = "choria:secure:reply:1";
const REPLY: &str = "choria:reply:1";

/// The members of `headers`.
pub(crate) const HEADERS: HeaderKeys = HeaderKeys {
    reply_to: "reply-to",
    sender: "mc_sender",
    seen_by: "seen-by",
    federation: "federation",
    all: &["reply-to", "mc_sender", "seen-by", "federation"],
    in_federation: FederationKeys {
        request: "req",
        reply_to: "reply-to",
        targets: "target",
        all: &["req", "reply-to", "target"],
    },
};

/// Reads a secure request; what is signed is the text of `message`.
pub(crate) fn read_secure_request(text: &str) -> Result<SignedRequest<'_>, DecodeError> {
    const LAYER: Layer = Layer::SecureRequest;
    let (mut protocol, mut message, mut signature, mut pubcert) = (None, None, None, None);
    let mut scanner = Scanner::new(LAYER, text);
    scanner.object(&["protocol", "message", "signature", "pubcert"], |key, value| {
        let text = value.text(key)?;
        match key {
            "protocol" => protocol = text,
            "message" => message = text,
            "signature" => signature = text,
            _ => pubcert = text,
        }
        Ok(())
    })?;
    scanner.finish()?;
    check_protocol(LAYER, protocol, SECURE_REQUEST)?;
    Ok(SignedRequest {
        signed: text_bytes(message.ok_or_else(|| missing(LAYER, "message"))?.decode()),
        signature: signature.ok_or_else(|| missing(LAYER, "signature"))?,
        caller: pubcert.ok_or_else(|| missing(LAYER, "pubcert"))?,
        signer: None,
    })
}

/// Reads a request.
pub(crate) fn read_request(text: &str, filter: FilterUse) -> Result<RequestParts<'_>, DecodeError> {
    let (mut protocol, mut envelope) = (None, None);
    let mut message = None;
    let mut scanner = Scanner::new(Layer::Request, text);
    scanner.object(&["protocol", "message", "envelope"], |key, value| {
        match key {
            "protocol" => protocol = value.text(key)?,
            "message" => message = value.text(key)?,
            _ if value.at_object() => {
                envelope =
                    Some(value.within(Layer::Envelope, |value| read_envelope(value, filter))?);
            }
            _ => envelope = value.null_or(key, "an object")?,
        }
        Ok(())
    })?;
    scanner.finish()?;
    check_protocol(Layer::Request, protocol, REQUEST)?;
    let mut parts = envelope.ok_or_else(|| missing(Layer::Request, "envelope"))?;
    parts.message = message.unwrap_or_default();
    Ok(parts)
}

fn read_envelope<'a>(
    scanner: &mut Scanner<'a>,
    filter: FilterUse,
) -> Result<RequestParts<'a>, DecodeError> {
    const KEYS: &[&str] =
        &["requestid", "senderid", "callerid", "collective", "agent", "ttl", "time", "filter"];
    let mut parts = RequestParts::default();
    scanner.object(KEYS, |key, value| {
        match key {
            "requestid" => parts.id = value.text(key)?.unwrap_or_default(),
            "senderid" => parts.sender = value.text(key)?.unwrap_or_default(),
            "callerid" => parts.caller = value.text(key)?.unwrap_or_default(),
            "collective" => parts.collective = value.text(key)?.unwrap_or_default(),
            "agent" => parts.agent = value.text(key)?.unwrap_or_default(),
            "ttl" => parts.ttl = Duration::from_secs(value.integer(key)?.unwrap_or_default()),
            "time" => parts.time = Duration::from_secs(value.integer(key)?.unwrap_or_default()),
            _ => parts.filter = read_filter(value, key, filter)?,
        }
        Ok(())
    })?;
    Ok(parts)
}

/// Reads a secure reply; what is hashed is the text of `message`.
pub(crate) fn read_secure_reply(text: &str) -> Result<HashedReply<'_>, DecodeError> {
    const LAYER: Layer = Layer::SecureReply;
    let (mut protocol, mut message, mut hash) = (None, None, None);
    let mut scanner = Scanner::new(LAYER, text);
    scanner.object(&["protocol", "message", "hash"], |key, value| {
        let text = value.text(key)?;
        match key {
            "protocol" => protocol = text,
            "message" => message = text,
            _ => hash = text,
        }
        Ok(())
    })?;
    scanner.finish()?;
    check_protocol(LAYER, protocol, SECURE_REPLY)?;
    Ok(HashedReply {
        hashed: text_bytes(message.ok_or_else(|| missing(LAYER, "message"))?.decode()),
        hash: hash.ok_or_else(|| missing(LAYER, "hash"))?,
        signature: None,
        token: None,
    })
}

/// Reads a reply.
pub(crate) fn read_reply(text: &str) -> Result<ReplyParts<'_>, DecodeError> {
    let (mut protocol, mut message, mut envelope) = (None, None, None);
    let mut scanner = Scanner::new(Layer::Reply, text);
    scanner.object(&["protocol", "message", "envelope"], |key, value| {
        match key {
            "protocol" => protocol = value.text(key)?,
            "message" => message = value.text(key)?,
            _ if value.at_object() => {
                envelope = Some(value.within(Layer::Envelope, read_reply_envelope)?);
            }
            _ => envelope = value.null_or(key, "an object")?,
        }
        Ok(())
    })?;
    scanner.finish()?;
    check_protocol(Layer::Reply, protocol, REPLY)?;
    let mut parts = envelope.ok_or_else(|| missing(Layer::Reply, "envelope"))?;
    parts.message = message.unwrap_or_default();
    Ok(parts)
}

fn read_reply_envelope<'a>(scanner: &mut Scanner<'a>) -> Result<ReplyParts<'a>, DecodeError> {
    let mut parts = ReplyParts::default();
    scanner.object(&["requestid", "senderid", "agent", "time"], |key, value| {
        match key {
            "requestid" => parts.request = value.text(key)?.unwrap_or_default(),
            "senderid" => parts.sender = value.text(key)?.unwrap_or_default(),
            "agent" => parts.agent = value.text(key)?.unwrap_or_default(),
            _ => parts.time = Duration::from_secs(value.integer(key)?.unwrap_or_default()),
        }
        Ok(())
    })?;
    Ok(parts)
}

/// Appends a request.
pub(crate) fn write_request(
    request: &NewRequest<'_>,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let message = as_text("message", request.message)?;
    let mut object = ObjectWriter::open(out);
    object.text("protocol", REQUEST).text("message", message);
    object.member("envelope", |out| {
        let mut envelope = ObjectWriter::open(out);
        envelope.text("requestid", request.id.as_str());
        envelope.text("senderid", request.sender);
        envelope.text("callerid", request.caller.as_str());
        envelope.text("collective", request.collective.as_str());
        envelope.text("agent", request.agent.as_str());
        envelope.integer("ttl", request.ttl.as_secs());
        envelope.integer("time", request.time.as_secs());
        envelope.member("filter", |out| request.filter.write(out));
        envelope.close();
    });
    object.close();
    Ok(())
}

/// Appends a secure request.
pub(crate) fn write_secure_request(
    request: &[u8],
    signature: &[u8],
    pubcert: &str,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let message = as_text("request", request)?;
    let mut object = ObjectWriter::open(out);
    object.text("protocol", SECURE_REQUEST).text("message", message);
    object.base64("signature", signature).text("pubcert", pubcert);
    object.close();
    Ok(())
}

/// Appends a reply.
pub(crate) fn write_reply(reply: &NewReply<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let message = as_text("message", reply.message)?;
    let mut object = ObjectWriter::open(out);
    object.text("protocol", REPLY).text("message", message);
    object.member("envelope", |out| {
        let mut envelope = ObjectWriter::open(out);
        envelope.text("requestid", reply.request_id.as_str());
        envelope.text("senderid", reply.sender);
        envelope.text("agent", reply.agent.as_str());
        envelope.integer("time", reply.time.as_secs());
        envelope.close();
    });
    object.close();
    Ok(())
}

/// Appends a secure reply.
pub(crate) fn write_secure_reply(
    reply: &[u8],
    hash: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let message = as_text("reply", reply)?;
    let mut object = ObjectWriter::open(out);
    object.text("protocol", SECURE_REPLY).text("message", message).base64("hash", hash);
    object.close();
    Ok(())
}

fn as_text<'a>(what: &'static str, bytes: &'a [u8]) -> Result<&'a str, EncodeError> {
    std::str::from_utf8(bytes).map_err(|_| EncodeError::NotUtf8 { what, bytes: bytes.len() })
}

fn text_bytes(text: Cow<'_, str>) -> Vec<u8> {
    text.into_owned().into_bytes()
}
