//! Building requests.

use std::time::Duration;

use bytes::Bytes;

use super::Filter;
use crate::fault::EncodeError;
use crate::id::{Agent, CallerId, Collective, RequestId};
use crate::version::Version;
use crate::{v1, v2};

/// A request to be signed.
#[derive(Clone, Copy, Debug)]
pub struct NewRequest<'a> {
    /// The version it speaks.
    pub version: Version,
    /// Its id: 32 lower-case hexadecimal characters (v1), a KSUID (v2).
    pub id: &'a RequestId,
    /// Who calls.
    pub caller: &'a CallerId,
    /// The host of the client.
    pub sender: &'a str,
    /// The collective it is for.
    pub collective: &'a Collective,
    /// The agent it is for.
    pub agent: &'a Agent,
    /// Whole seconds; 30 s (v1) or 1 s (v2) at least, or nodes refuse it.
    pub ttl: Duration,
    /// Since 1970-01-01 UTC.
    pub time: Duration,
    /// Which nodes are to run it.
    pub filter: &'a Filter,
    /// The agent's payload, not empty.
    pub message: &'a [u8],
}

impl NewRequest<'_> {
    /// The JSON text, with members in Choria's order: exactly the bytes to sign and to hand to [`NewSecureRequest`].
    ///
    /// # Errors
    /// A v1 message that is not UTF-8.
    pub fn encode(&self) -> Result<Bytes, EncodeError> {
        let mut out = Vec::with_capacity(self.message.len() * 4 / 3 + 512);
        match self.version {
            Version::V1 => v1::write_request(self, &mut out)?,
            Version::V2 => v2::write_request(self, &mut out),
        }
        Ok(out.into())
    }
}

/// A request with its signature, to be put into a transport.
#[derive(Clone, Copy, Debug)]
pub enum NewSecureRequest<'a> {
    /// v1.
    X509 {
        /// The bytes that were signed.
        request: &'a [u8],
        /// RSASSA-PKCS1-v1_5 with SHA-256 over them, raw.
        signature: &'a [u8],
        /// The caller's certificate in PEM, then any intermediates.
        pubcert: &'a str,
    },
    /// v2.
    Jwt {
        /// The bytes that were signed.
        request: &'a [u8],
        /// 64 bytes of ed25519 over them.
        signature: &'a [u8],
        /// The caller's token.
        caller: &'a str,
        /// The token of who signed on the caller's behalf.
        signer: Option<&'a str>,
    },
}

impl NewSecureRequest<'_> {
    /// The JSON text, with members in Choria's order.
    ///
    /// # Errors
    /// A v1 request that is not UTF-8.
    pub fn encode(&self) -> Result<Bytes, EncodeError> {
        let mut out = Vec::with_capacity(4096);
        match *self {
            Self::X509 { request, signature, pubcert } => {
                v1::write_secure_request(request, signature, pubcert, &mut out)?;
            }
            Self::Jwt { request, signature, caller, signer } => {
                v2::write_secure_request(request, signature, caller, signer, &mut out);
            }
        }
        Ok(out.into())
    }
}
