//! Choria v1 and v2 messages and subjects: decode, edit headers in place, encode.
//!
//! A message is JSON in JSON in JSON: a *transport* (subject-like headers, unsigned) carries base64 of a *secure*
//! request or reply (signature or hash), which carries the *request* or *reply* itself. A gateway reads the
//! transport, peeks into the signed request, and edits transport headers without touching another byte;
//! nodes and clients also build and fully read all three layers.
//!
//! - [`Transport`] decodes a payload without copying it; [`Transport::edit`] changes headers in place.
//! - [`Transport::request_head`], [`Transport::request`], [`Transport::reply`] read what `data` holds.
//! - [`NewRequest`], [`NewSecureRequest`], [`NewReply`], [`NewSecureReply`], [`NewTransport`] build.
//! - [`Subject`] and [`ReplySubject`] parse and build the subjects of Choria.
//!
//! Choria's programs decode with Go's `encoding/json`, which matches keys without regard to case and lets the last
//! duplicate win. What such a reader could understand differently from us is refused ([`Fault::AmbiguousKey`]).
//!
//! Pure: no clock, no randomness, no I/O; nothing here panics on any bytes.

#![warn(missing_docs)]

mod base64;
mod fault;
mod federation;
mod id;
mod json;
mod lifecycle;
mod reply;
mod request;
mod subject;
mod transport;
mod v1;
mod v2;
mod version;

pub use fault::{
    DecodeError, EncodeError, Fault, FaultKind, Layer, ReplyError, RequestError, TransportError,
};
pub use federation::{Federation, TARGETS_MAX};
pub use id::{Agent, CallerId, Cluster, Collective, IdError, Identity, RequestId};
pub use lifecycle::lifecycle_identity;
pub use reply::{NewReply, NewSecureReply, Reply, ReplyProof, SecureReply};
pub use request::{
    Credentials, FactFilter, Filter, NewRequest, NewSecureRequest, Proof, Request, RequestHead,
    SchemaError,
};
pub use subject::{
    NodeSubjects, ReplySubject, SUBJECT_BYTES_MAX, Subject, SubjectError, legal_publish_subject,
};
pub use transport::{Edit, NewTransport, PAYLOAD_BYTES_MAX, Transport};
pub use version::Version;

/// What [`token_id!`] expands to; not for direct use.
#[doc(hidden)]
pub mod __private {
    pub use serde;
}
