//! The signed request in a transport's `data`.

mod encode;
mod filter;
mod rpc;
mod schema;

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;

pub use encode::{NewRequest, NewSecureRequest};
pub use filter::{FactFilter, Filter};
pub(crate) use filter::{FilterRead, FilterUse, read_filter};
pub use schema::SchemaError;

use crate::base64;
use crate::fault::{Fault, Layer, RequestError, utf8};
use crate::id::{Agent, CallerId, Collective, IdError, RequestId};
use crate::json::RawText;
use crate::version::Version;
use crate::{v1, v2};

/// What a gateway reads of a request; nothing of it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead {
    /// The version it speaks.
    pub version: Version,
    /// The request id; copies, and the batches of one run, share it.
    pub id: RequestId,
    /// Who calls.
    pub caller: CallerId,
    /// The collective it is for.
    pub collective: Collective,
    /// The agent it is for.
    pub agent: Agent,
    /// How far its time may be from a node's, either way. Seconds on the wire, up to `i64::MAX` of them.
    pub ttl: Duration,
    /// When it was made, since 1970-01-01 UTC. Seconds (v1) or nanoseconds (v2) on the wire. Adding the ttl once
    /// does not overflow.
    pub time: Duration,
}

/// A whole request; nothing of it is verified. It takes at most some twelve times the memory of its payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Id, caller, collective, agent and times.
    pub head: RequestHead,
    /// The host of the client, as it says.
    pub sender: String,
    /// Which nodes are to run it.
    pub filter: Filter,
    /// The agent's payload: the text of `message` in v1, what its base64 decodes to in v2.
    pub message: Bytes,
    /// What a node verifies.
    pub proof: Proof,
    /// The first required list of the filter that is missing or null, or the filter itself.
    absent: Option<&'static str>,
}

/// What is needed to verify a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Exactly the bytes that are signed: the request's JSON.
    pub signed: Bytes,
    /// The raw signature: RSASSA-PKCS1-v1_5 with SHA-256 (v1), ed25519 (v2). `None` if the member is not base64, as
    /// the literal `insecure` of unsigned requests.
    pub signature: Option<Bytes>,
    /// Whose signature it is said to be.
    pub credentials: Credentials,
}

/// Whose key made a signature, as the message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// v1.
    X509 {
        /// The caller's certificate in PEM, then any intermediates; `insecure…` in unsigned requests.
        pubcert: String,
    },
    /// v2.
    Jwt {
        /// The caller's token.
        caller: String,
        /// The token of who signed on the caller's behalf, if someone did.
        signer: Option<String>,
    },
}

impl RequestHead {
    /// Reads it from the base64 text of a secure request.
    pub(crate) fn read(version: Version, data: &str) -> Result<Self, RequestError> {
        let secure = decode_data(data)?;
        let secure = SignedRequest::read(version, utf8(Layer::SecureRequest, &secure)?)?;
        RequestParts::read(version, utf8(Layer::Request, &secure.signed)?, FilterUse::Check)?
            .head(version)
    }
}

impl Request {
    /// Reads it from the base64 text of a secure request.
    pub(crate) fn read(version: Version, data: &str) -> Result<Self, RequestError> {
        let secure = decode_data(data)?;
        let secure = SignedRequest::read(version, utf8(Layer::SecureRequest, &secure)?)?;
        let parts =
            RequestParts::read(version, utf8(Layer::Request, &secure.signed)?, FilterUse::Keep)?;
        let head = parts.head(version)?;
        let sender = parts.sender.into_string();
        let message = message(Layer::Request, version, parts.message)?;
        let FilterRead { filter, absent } = parts.filter;
        Ok(Self { head, sender, filter, message, absent, proof: secure.into_proof(version) })
    }

    /// The agent's payload as nodes take it: decoded once more if [`message`](Self::message) happens to be
    /// standard base64 (discovery's `cGluZw==`), else as it is.
    pub fn payload(&self) -> Cow<'_, [u8]> {
        let text = std::str::from_utf8(&self.message).ok();
        match text.and_then(base64::decode) {
            Some(decoded) => Cow::Owned(decoded),
            None => Cow::Borrowed(&self.message),
        }
    }

    /// The action that the RPC body in the [`payload`](Self::payload) asks for, as a node understands it.
    ///
    /// Agents that do not speak RPC, such as `discovery`, have none: ask for it only where it matters.
    ///
    /// # Errors
    /// Refuses a payload that is no RPC body with an action, or in which two readers could see two actions.
    pub fn action(&self) -> Result<String, RequestError> {
        rpc::action(&self.payload())
    }

    /// Checks what a node's JSON schema asks beyond what decoding asks: gateways are more lenient than nodes.
    ///
    /// v1: an id of exactly 32 characters, a ttl of 30 s at least. v2: a sender, a ttl of 1 s at least, a time.
    /// Both: a message, and a filter (v2: if any) with all of its lists and known operators.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check_schema(&self) -> Result<(), SchemaError> {
        schema::check(self)
    }
}

/// The members of a secure request of either version.
pub(crate) struct SignedRequest<'a> {
    pub(crate) signed: Vec<u8>,
    pub(crate) signature: RawText<'a>,
    /// The certificate (v1) or token (v2) of the caller.
    pub(crate) caller: RawText<'a>,
    pub(crate) signer: Option<RawText<'a>>,
}

impl<'a> SignedRequest<'a> {
    fn read(version: Version, text: &'a str) -> Result<Self, RequestError> {
        match version {
            Version::V1 => v1::read_secure_request(text),
            Version::V2 => v2::read_secure_request(text),
        }
    }

    fn into_proof(self, version: Version) -> Proof {
        let caller = self.caller.into_string();
        let credentials = match version {
            Version::V1 => Credentials::X509 { pubcert: caller },
            Version::V2 => {
                Credentials::Jwt { caller, signer: self.signer.map(RawText::into_string) }
            }
        };
        let signature = base64::decode(&self.signature.decode()).map(Bytes::from);
        Proof { signed: self.signed.into(), signature, credentials }
    }
}

/// The members of a request of either version; what is missing is empty or zero, as in Go.
#[derive(Default)]
pub(crate) struct RequestParts<'a> {
    pub(crate) message: RawText<'a>,
    pub(crate) id: RawText<'a>,
    pub(crate) sender: RawText<'a>,
    pub(crate) caller: RawText<'a>,
    pub(crate) collective: RawText<'a>,
    pub(crate) agent: RawText<'a>,
    pub(crate) ttl: Duration,
    pub(crate) time: Duration,
    pub(crate) filter: FilterRead,
}

impl<'a> RequestParts<'a> {
    fn read(version: Version, text: &'a str, filter: FilterUse) -> Result<Self, RequestError> {
        match version {
            Version::V1 => v1::read_request(text, filter),
            Version::V2 => v2::read_request(text, filter),
        }
    }

    fn head(&self, version: Version) -> Result<RequestHead, RequestError> {
        let (layer, id, caller) = match version {
            Version::V1 => (Layer::Envelope, "requestid", "callerid"),
            Version::V2 => (Layer::Request, "id", "caller"),
        };
        Ok(RequestHead {
            version,
            id: typed(layer, id, &self.id)?,
            caller: typed(layer, caller, &self.caller)?,
            collective: typed(layer, "collective", &self.collective)?,
            agent: typed(layer, "agent", &self.agent)?,
            ttl: self.ttl,
            time: self.time,
        })
    }
}

/// The JSON text in `data`.
pub(crate) fn decode_data(data: &str) -> Result<Vec<u8>, RequestError> {
    base64::decode(data).ok_or_else(|| Fault::NotBase64 { key: "data" }.within(Layer::Transport))
}

/// A member as an id.
pub(crate) fn typed<T>(
    layer: Layer,
    key: &'static str,
    text: &RawText<'_>,
) -> Result<T, RequestError>
where
    T: for<'t> TryFrom<&'t str, Error = IdError>,
{
    T::try_from(text.decode().as_ref())
        .map_err(|error| Fault::Invalid { key, expected: error.kind }.within(layer))
}

/// The payload in a `message` member.
pub(crate) fn message(
    layer: Layer,
    version: Version,
    text: RawText<'_>,
) -> Result<Bytes, RequestError> {
    match version {
        Version::V1 => Ok(text.into_string().into()),
        Version::V2 => base64::decode(&text.decode())
            .map(Bytes::from)
            .ok_or_else(|| Fault::NotBase64 { key: "message" }.within(layer)),
    }
}
