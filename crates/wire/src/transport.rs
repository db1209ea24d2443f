//! The transport: the outermost layer, whose headers a relay may change because nothing signs them.

mod edit;
mod encode;

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;

pub use edit::Edit;
pub use encode::NewTransport;

use crate::fault::{Fault, Layer, ReplyError, RequestError, TransportError};
use crate::fault::{missing, unknown_protocol, utf8};
use crate::federation::Federation;
use crate::json::{RawText, Scanner, Span};
use crate::reply::{Reply, SecureReply};
use crate::request::{Request, RequestHead};
use crate::version::{HeaderKeys, Version};

/// Longer payloads are refused: 64 MiB, the most that a NATS server can be configured to accept.
pub const PAYLOAD_BYTES_MAX: usize = 64 << 20;

/// A decoded transport, together with the payload it came from.
///
/// Decoding looks at every byte once, copies nothing of `data`, and allocates only for a `federation` header and
/// for headers with JSON escapes in them. Headers are of the types that Go's decoder accepts; `null` is as good as
/// missing, except for `headers` itself. Unknown members are allowed and kept.
#[derive(Clone, Debug)]
pub struct Transport {
    payload: Bytes,
    version: Version,
    data: Data,
    headers: Headers,
}

impl Transport {
    /// Decodes a payload.
    ///
    /// # Errors
    /// Refuses what is no transport of v1 or v2, what would crash a Choria node (no `headers` object), what two
    /// readers could understand differently, what is not UTF-8, and what exceeds the bounds of size and depth.
    pub fn decode(payload: Bytes) -> Result<Self, TransportError> {
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err(Fault::TooLarge { bytes: payload.len() }.within(Layer::Transport));
        }
        let text = utf8(Layer::Transport, &payload)?;
        let Outline { version, data, headers } = Outline::read(text)?;
        let headers = Headers::read(text, headers, version.header_keys())?;
        Ok(Self { payload, version, data, headers })
    }

    /// The version it speaks.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The subject for replies (`reply-to` in v1, `reply` in v2); `None` if missing, null or empty. Not validated.
    pub fn reply_to(&self) -> Option<&str> {
        self.header(self.headers.reply_to.as_ref())
    }

    /// The publishing host as it names itself (`mc_sender` in v1, `sender` in v2); `None` if missing, null or
    /// empty. Not authenticated.
    pub fn sender(&self) -> Option<&str> {
        self.header(self.headers.sender.as_ref())
    }

    /// The `federation` header; `None` if missing or null. An empty object is there, and makes nodes echo.
    pub fn federation(&self) -> Option<&Federation> {
        self.headers.federation.as_ref()
    }

    /// The hops seen so far (`seen-by` in v1, `trace` in v2): Go writes `[broker in, processor, broker out]`, Ruby
    /// two elements. Entries of any length are kept, null counts as an empty text.
    pub fn seen_by(&self) -> Vec<Vec<String>> {
        let Some(span) = self.headers.seen_by else {
            return Vec::new();
        };
        let mut hops = Vec::new();
        let mut scanner = Scanner::new(Layer::Headers, self.slice(span));
        let read = read_hops(&mut scanner, self.keys().seen_by, Some(&mut hops));
        debug_assert!(read.is_ok(), "the hops were checked when the transport was decoded");
        hops
    }

    /// The base64 text of `data` as it stands between the quotes, JSON escapes (of line breaks) included.
    pub fn data(&self) -> &str {
        self.slice(self.data.span)
    }

    /// Where [`data`](Self::data) stands in the payload.
    pub fn data_range(&self) -> Range<usize> {
        self.data.span.start..self.data.span.end
    }

    /// The payload, byte for byte as it came.
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// Gives the payload back.
    pub fn into_payload(self) -> Bytes {
        self.payload
    }

    /// Starts an edit of the headers.
    pub fn edit(&self) -> Edit<'_> {
        Edit::new(self)
    }

    /// Reads, without verifying, what a gateway wants to know of the request in `data`.
    ///
    /// # Errors
    /// As [`request`](Self::request); the guards are the same.
    pub fn request_head(&self) -> Result<RequestHead, RequestError> {
        RequestHead::read(self.version, &self.decoded_data())
    }

    /// Reads, without verifying, the whole request in `data`, and what is needed to verify it.
    ///
    /// # Errors
    /// Refuses `data` that is not base64 of a secure request of this version, members of wrong types, ids that
    /// cannot be any, and spellings of known keys that two readers could take differently.
    pub fn request(&self) -> Result<Request, RequestError> {
        Request::read(self.version, &self.decoded_data())
    }

    /// Reads the secure reply in `data`; neither its hash nor its signature is checked.
    ///
    /// # Errors
    /// Refuses `data` that is not base64 of a secure reply of this version.
    pub fn secure_reply(&self) -> Result<SecureReply, ReplyError> {
        SecureReply::read(self.version, &self.decoded_data())
    }

    /// Reads the reply in `data` after checking its hash, which is all that Choria's clients check.
    ///
    /// # Errors
    /// Refuses what is no reply of this version, and [`Fault::HashMismatch`].
    pub fn reply(&self) -> Result<Reply, ReplyError> {
        self.secure_reply()?.reply()
    }

    /// `data` without JSON escapes, which Ruby writes for its line breaks.
    fn decoded_data(&self) -> Cow<'_, str> {
        RawText::scanned(self.data(), self.data.escaped).decode()
    }

    fn keys(&self) -> &'static HeaderKeys {
        self.version.header_keys()
    }

    /// A part of the payload that begins and ends at JSON punctuation.
    fn slice(&self, span: Span) -> &str {
        let bytes = self.payload.get(span.start..span.end).unwrap_or_default();
        std::str::from_utf8(bytes).expect("decoding checked that the payload is UTF-8")
    }

    fn header<'a>(&'a self, text: Option<&'a Text>) -> Option<&'a str> {
        let text = match text? {
            Text::Plain(span) => self.slice(*span),
            Text::Unescaped(text) => text,
        };
        (!text.is_empty()).then_some(text)
    }
}

/// What the outermost object says.
struct Outline {
    version: Version,
    data: Data,
    headers: Span,
}

impl Outline {
    fn read(text: &str) -> Result<Self, TransportError> {
        let (mut protocol, mut data, mut headers) = (None, None, None);
        let mut scanner = Scanner::new(Layer::Transport, text);
        scanner.object(&["protocol", "data", "headers"], |key, value| {
            match key {
                "protocol" => protocol = value.text(key)?,
                "data" => data = value.text(key)?,
                _ => {
                    let is_object = value.at_object();
                    headers = Some(value.skip()?).filter(|_| is_object);
                }
            }
            Ok(())
        })?;
        scanner.finish()?;
        let protocol = protocol.ok_or_else(|| missing(Layer::Transport, "protocol"))?.decode();
        let version = Version::of_transport(&protocol)
            .ok_or_else(|| unknown_protocol(Layer::Transport, &protocol))?;
        let headers = headers.ok_or_else(|| Fault::HeadersMissing.within(Layer::Transport))?;
        let data = data.ok_or_else(|| missing(Layer::Transport, "data"))?;
        let data = Data { span: data.span(), escaped: data.is_escaped() };
        Ok(Self { version, data, headers })
    }
}

/// Where `data` stands between its quotes, and whether it is written with escapes.
#[derive(Clone, Copy, Debug)]
struct Data {
    span: Span,
    escaped: bool,
}

/// The headers that are read; the text stays in the payload where it can.
#[derive(Clone, Debug)]
struct Headers {
    span: Span,
    reply_to: Option<Text>,
    sender: Option<Text>,
    seen_by: Option<Span>,
    federation: Option<Federation>,
}

impl Headers {
    /// Reads the object that stands at `span` of `text`.
    fn read(text: &str, span: Span, keys: &'static HeaderKeys) -> Result<Self, TransportError> {
        let mut headers =
            Self { span, reply_to: None, sender: None, seen_by: None, federation: None };
        Scanner::starting_at(Layer::Headers, text, span.start).object(keys.all, |key, value| {
            if key == keys.reply_to {
                headers.reply_to = value.text(key)?.map(Text::new);
            } else if key == keys.sender {
                headers.sender = value.text(key)?.map(Text::new);
            } else if key == keys.seen_by {
                headers.seen_by = read_hops(value, key, None)?;
            } else if value.at_object() {
                headers.federation = Some(Federation::read(value, &keys.in_federation)?);
            } else {
                headers.federation = value.null_or(key, "an object")?;
            }
            Ok(())
        })?;
        Ok(headers)
    }
}

/// A header's value.
#[derive(Clone, Debug)]
enum Text {
    /// Where it stands in the payload, free of escapes.
    Plain(Span),
    /// What it says, where it is written with escapes.
    Unescaped(Box<str>),
}

impl Text {
    fn new(raw: RawText<'_>) -> Self {
        if raw.is_escaped() {
            Self::Unescaped(raw.decode().into())
        } else {
            Self::Plain(raw.span())
        }
    }
}

/// Reads the value of `key`, a list of lists of texts, into `hops` if there is room for them.
///
/// Go reads the first three elements of a hop and skips the others, whatever their type.
fn read_hops(
    scanner: &mut Scanner<'_>,
    key: &'static str,
    mut hops: Option<&mut Vec<Vec<String>>>,
) -> Result<Option<Span>, TransportError> {
    scanner.list(key, |element| {
        let mut hop = Vec::new();
        let mut count = 0_usize;
        element.list(key, |part| {
            count += 1;
            if count > 3 && !part.at_text() {
                return part.skip().map(drop);
            }
            let text = part.text(key)?.unwrap_or_default();
            if hops.is_some() {
                hop.push(text.into_string());
            }
            Ok(())
        })?;
        if let Some(hops) = hops.as_deref_mut() {
            hops.push(hop);
        }
        Ok(())
    })
}
