//! The transport: the outermost layer, whose headers a relay may change because nothing signs them.

mod decode;
mod edit;
mod encode;

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;

use decode::{Data, Headers, Outline, Text, read_hops};
pub use edit::Edit;
pub use encode::NewTransport;

use crate::fault::{Fault, Layer, ReplyError, RequestError, TransportError, utf8};
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
    /// two elements. Entries of any length are kept, null counts as an empty text. Bounded by the payload alone.
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
