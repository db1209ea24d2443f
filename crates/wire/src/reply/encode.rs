//! Building replies.

use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::fault::EncodeError;
use crate::id::{Agent, RequestId};
use crate::version::Version;
use crate::{v1, v2};

/// A node's answer.
#[derive(Clone, Copy, Debug)]
pub struct NewReply<'a> {
    /// The version it speaks: the request's.
    pub version: Version,
    /// The request it answers.
    pub request_id: &'a RequestId,
    /// The node.
    pub sender: &'a str,
    /// The agent that answers.
    pub agent: &'a Agent,
    /// Since 1970-01-01 UTC.
    pub time: Duration,
    /// The agent's payload.
    pub message: &'a [u8],
}

impl NewReply<'_> {
    /// The JSON text, with members in Choria's order: exactly the bytes to hash, and to sign in v2.
    ///
    /// # Errors
    /// A v1 message that is not UTF-8.
    pub fn encode(&self) -> Result<Bytes, EncodeError> {
        let mut out = Vec::with_capacity(self.message.len() * 4 / 3 + 256);
        match self.version {
            Version::V1 => v1::write_reply(self, &mut out)?,
            Version::V2 => v2::write_reply(self, &mut out),
        }
        Ok(out.into())
    }
}

/// A reply to be put into a transport, with its hash, which is computed here.
#[derive(Clone, Copy, Debug)]
pub enum NewSecureReply<'a> {
    /// v1.
    V1 {
        /// The reply's JSON.
        reply: &'a [u8],
    },
    /// v2.
    V2 {
        /// The reply's JSON.
        reply: &'a [u8],
        /// The node's signature, if it signs.
        proof: Option<ReplyProof<'a>>,
    },
}

/// A node's signature on a v2 reply.
#[derive(Clone, Copy, Debug)]
pub struct ReplyProof<'a> {
    /// 64 bytes of ed25519 over the reply's JSON.
    pub signature: &'a [u8],
    /// The node's token.
    pub token: &'a str,
}

impl NewSecureReply<'_> {
    /// The JSON text, with members in Choria's order.
    ///
    /// # Errors
    /// A v1 reply that is not UTF-8.
    pub fn encode(&self) -> Result<Bytes, EncodeError> {
        let mut out = Vec::with_capacity(1024);
        match *self {
            Self::V1 { reply } => v1::write_secure_reply(reply, &Sha256::digest(reply), &mut out)?,
            Self::V2 { reply, proof } => {
                v2::write_secure_reply(reply, &Sha256::digest(reply), proof, &mut out);
            }
        }
        Ok(out.into())
    }
}
