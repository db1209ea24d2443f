//! The reply in a transport's `data`.

mod encode;

use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

pub use encode::{NewReply, NewSecureReply, ReplyProof};

use crate::base64;
use crate::fault::{Fault, Layer, ReplyError, utf8};
use crate::id::{Agent, RequestId};
use crate::json::RawText;
use crate::request::{decode_data, message, typed};
use crate::version::Version;
use crate::{v1, v2};

/// A reply with its hash; nothing of it is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecureReply {
    /// The version it speaks.
    pub version: Version,
    /// Exactly the bytes that are hashed (and signed, in v2): the reply's JSON.
    pub hashed: Bytes,
    /// What the message says is their SHA-256. Empty if the member is not base64.
    pub hash: Bytes,
    /// v2: 64 bytes of ed25519 by the node, if it signs. `None` also if the member is not base64.
    pub signature: Option<Bytes>,
    /// v2: the node's token, if it signs.
    pub token: Option<String>,
}

/// An answer of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The version it speaks.
    pub version: Version,
    /// The request it answers.
    pub request_id: RequestId,
    /// The node, as it says.
    pub sender: String,
    /// The agent that answers.
    pub agent: Agent,
    /// When it was made, since 1970-01-01 UTC. Seconds (v1) or nanoseconds (v2) on the wire.
    pub time: Duration,
    /// The agent's payload.
    pub message: Bytes,
}

impl SecureReply {
    /// Reads it from its base64 text.
    pub(crate) fn read(version: Version, data: &str) -> Result<Self, ReplyError> {
        let secure = decode_data(data)?;
        let text = utf8(Layer::SecureReply, &secure)?;
        let parts = match version {
            Version::V1 => v1::read_secure_reply(text),
            Version::V2 => v2::read_secure_reply(text),
        }?;
        let bytes = |text: RawText<'_>| base64::decode(&text.decode()).map(Bytes::from);
        Ok(Self {
            version,
            hashed: parts.hashed.into(),
            hash: bytes(parts.hash).unwrap_or_default(),
            signature: parts.signature.and_then(bytes),
            token: parts.token.map(RawText::into_string),
        })
    }

    /// Whether the hash is that of the reply.
    pub fn hash_matches(&self) -> bool {
        Sha256::digest(&self.hashed).as_slice() == self.hash
    }

    /// Reads the reply, after checking its hash.
    ///
    /// # Errors
    /// [`Fault::HashMismatch`], and what is no reply of this version.
    pub fn reply(&self) -> Result<Reply, ReplyError> {
        if !self.hash_matches() {
            return Err(Fault::HashMismatch.within(Layer::SecureReply));
        }
        let text = utf8(Layer::Reply, &self.hashed)?;
        let (layer, id, parts) = match self.version {
            Version::V1 => (Layer::Envelope, "requestid", v1::read_reply(text)?),
            Version::V2 => (Layer::Reply, "request", v2::read_reply(text)?),
        };
        Ok(Reply {
            version: self.version,
            request_id: typed(layer, id, &parts.request)?,
            sender: parts.sender.into_string(),
            agent: typed(layer, "agent", &parts.agent)?,
            time: parts.time,
            message: message(Layer::Reply, self.version, parts.message)?,
        })
    }
}

/// The members of a secure reply of either version.
pub(crate) struct HashedReply<'a> {
    pub(crate) hashed: Vec<u8>,
    pub(crate) hash: RawText<'a>,
    pub(crate) signature: Option<RawText<'a>>,
    pub(crate) token: Option<RawText<'a>>,
}

/// The members of a reply of either version; what is missing is empty or zero, as in Go.
#[derive(Default)]
pub(crate) struct ReplyParts<'a> {
    pub(crate) message: RawText<'a>,
    pub(crate) request: RawText<'a>,
    pub(crate) sender: RawText<'a>,
    pub(crate) agent: RawText<'a>,
    pub(crate) time: Duration,
}
