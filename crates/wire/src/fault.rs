//! What can be wrong with a message, in closed words that callers can count.

use std::fmt;

use crate::json::RawText;

/// Which part of a message a fault is in, outermost first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// The outermost object.
    Transport,
    /// The transport's `headers`.
    Headers,
    /// The `federation` member of the headers.
    Federation,
    /// The signed request with its signature, in the transport's `data`.
    SecureRequest,
    /// The request that is signed.
    Request,
    /// The `envelope` of a v1 request or reply.
    Envelope,
    /// The request's `filter`.
    Filter,
    /// The RPC body that is a request's payload.
    Body,
    /// The reply with its hash, in the transport's `data`.
    SecureReply,
    /// The reply that is hashed.
    Reply,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Transport => "transport",
            Self::Headers => "transport headers",
            Self::Federation => "federation header",
            Self::SecureRequest => "secure request",
            Self::Request => "request",
            Self::Envelope => "envelope",
            Self::Filter => "filter",
            Self::Body => "RPC body",
            Self::SecureReply => "secure reply",
            Self::Reply => "reply",
        })
    }
}

/// What is wrong with one layer. Positions are byte offsets into that layer's own text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Longer than [`PAYLOAD_BYTES_MAX`](crate::PAYLOAD_BYTES_MAX).
    #[error("{bytes} bytes are too many")]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// Not UTF-8; Go would silently replace the bytes.
    #[error("invalid UTF-8 at byte {at}")]
    NotUtf8 {
        /// Offset of the first bad byte.
        at: usize,
    },
    /// Not JSON.
    #[error("not JSON: expected {expected} at byte {at}")]
    NotJson {
        /// Where reading stopped.
        at: usize,
        /// What could have stood there.
        expected: &'static str,
    },
    /// A value nests deeper than 64 arrays and objects.
    #[error("nested too deeply at byte {at}")]
    TooDeep {
        /// Where the bound was passed.
        at: usize,
    },
    /// Something follows the JSON value.
    #[error("trailing bytes at byte {at}")]
    TrailingBytes {
        /// Offset of the first of them.
        at: usize,
    },
    /// A known key stands there twice, in another case, or with escapes: Go might read another value than we do.
    #[error("key `{key}` is duplicate, or spelled in another way, at byte {at}")]
    AmbiguousKey {
        /// The known key.
        key: &'static str,
        /// Where the other spelling begins.
        at: usize,
    },
    /// `protocol` names no layer of this version that we know.
    #[error("unknown protocol {found:?}")]
    UnknownProtocol {
        /// What it says, cut after 64 characters.
        found: String,
    },
    /// The transport's `headers` is missing, null, or no object: a Choria node would crash.
    #[error("`headers` is not an object")]
    HeadersMissing,
    /// A required member is missing or null.
    #[error("`{key}` is missing")]
    Missing {
        /// The member.
        key: &'static str,
    },
    /// A member has the wrong type, or a value out of its range.
    #[error("`{key}` is not {expected}")]
    Invalid {
        /// The member.
        key: &'static str,
        /// What it should be, with its article.
        expected: &'static str,
    },
    /// A member is not padded standard base64.
    #[error("`{key}` is not base64")]
    NotBase64 {
        /// The member.
        key: &'static str,
    },
    /// The reply's hash is not that of the reply.
    #[error("`hash` does not match")]
    HashMismatch,
}

impl Fault {
    /// The fault as an error about `layer`.
    pub(crate) fn within(self, layer: Layer) -> DecodeError {
        DecodeError { layer, fault: self }
    }
}

/// The text of a layer's bytes.
pub(crate) fn utf8(layer: Layer, bytes: &[u8]) -> Result<&str, DecodeError> {
    std::str::from_utf8(bytes)
        .map_err(|error| Fault::NotUtf8 { at: error.valid_up_to() }.within(layer))
}

/// Checks that a layer's `protocol` is what it must be.
pub(crate) fn check_protocol(
    layer: Layer,
    found: Option<RawText<'_>>,
    wanted: &str,
) -> Result<(), DecodeError> {
    let found = found.ok_or_else(|| missing(layer, "protocol"))?.decode();
    if found == wanted { Ok(()) } else { Err(unknown_protocol(layer, &found)) }
}

/// The error for a `protocol` that is none of ours.
pub(crate) fn unknown_protocol(layer: Layer, found: &str) -> DecodeError {
    Fault::UnknownProtocol { found: found.chars().take(64).collect() }.within(layer)
}

/// The error for a required member that is not there.
pub(crate) fn missing(layer: Layer, key: &'static str) -> DecodeError {
    Fault::Missing { key }.within(layer)
}

/// The kinds of [`Fault`], as stable words for metric labels and drop reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultKind {
    /// Over the size bound.
    TooLarge,
    /// Not one UTF-8 JSON value with nothing after it.
    NotJson,
    /// Nested over the depth bound.
    TooDeep,
    /// A known key that two readers could take differently.
    AmbiguousKey,
    /// A protocol that we do not speak.
    UnknownProtocol,
    /// No `headers` object.
    HeadersMissing,
    /// A member that is missing, of the wrong type, out of range, or not base64.
    BadField,
    /// A reply whose hash does not match.
    HashMismatch,
}

impl FaultKind {
    /// The word, in snake case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::NotJson => "not_json",
            Self::TooDeep => "too_deep",
            Self::AmbiguousKey => "ambiguous_key",
            Self::UnknownProtocol => "unknown_protocol",
            Self::HeadersMissing => "headers_missing",
            Self::BadField => "bad_field",
            Self::HashMismatch => "hash_mismatch",
        }
    }
}

/// Why a message, or a layer of it, could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{layer}: {fault}")]
pub struct DecodeError {
    /// The part that is at fault.
    pub layer: Layer,
    /// What is wrong with it.
    pub fault: Fault,
}

impl DecodeError {
    /// The kind of fault, for counting.
    pub fn kind(&self) -> FaultKind {
        match self.fault {
            Fault::TooLarge { .. } => FaultKind::TooLarge,
            Fault::NotUtf8 { .. } | Fault::NotJson { .. } | Fault::TrailingBytes { .. } => {
                FaultKind::NotJson
            }
            Fault::TooDeep { .. } => FaultKind::TooDeep,
            Fault::AmbiguousKey { .. } => FaultKind::AmbiguousKey,
            Fault::UnknownProtocol { .. } => FaultKind::UnknownProtocol,
            Fault::HeadersMissing => FaultKind::HeadersMissing,
            Fault::Missing { .. } | Fault::Invalid { .. } | Fault::NotBase64 { .. } => {
                FaultKind::BadField
            }
            Fault::HashMismatch => FaultKind::HashMismatch,
        }
    }
}

/// Why a payload is no Choria transport.
pub type TransportError = DecodeError;

/// Why a transport's `data` could not be read as a request.
pub type RequestError = DecodeError;

/// Why a transport's `data` could not be read as a reply.
pub type ReplyError = DecodeError;

/// Why a message could not be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// v1 carries agent payloads and signed JSON as JSON text, so they must be UTF-8.
    #[error("v1 {what} of {bytes} bytes is not UTF-8")]
    NotUtf8 {
        /// Which part.
        what: &'static str,
        /// Its length.
        bytes: usize,
    },
}
