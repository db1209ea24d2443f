//! Code generated from `proto/`, and conversions between it and the types of the core.
//!
//! Conversions to the wire cannot fail. Those from the wire check every name, count and length, and
//! their error says which field is wrong: a peer's bytes become a core type or a [`FieldError`],
//! never a panic. Enumerations and texts of a newer peer are read as the schema says.
//!
//! - [`sequenced`] and [`decode_sequenced`]: frames; relays keep the end-to-end part as it came.
//! - [`pack`] and [`unpack`]: base64 within a batch as the bytes that it stands for.
//! - [`control`] and [`ControlIn`]: the control connection after the hello.
//! - [`Greeting`] and [`Token`]: how a link begins.
//! - [`Statement`]: what a gateway signs.
//! - [`v1`]: the generated messages, client and server of links; [`admin_v1`]: those for operators.

mod advert;
mod codec;
mod control;
mod end;
mod error;
mod field;
mod frame;
mod hello;
mod hints;
mod orders;
mod packing;
mod probes;
mod questions;
mod receipts;
mod roll_call;
mod statement;

pub use control::{ControlIn, control};
pub use error::{FieldError, Problem};
pub use frame::{Sequenced, decode_end, decode_sequenced, encode_end, sequenced};
pub use hello::{BATCH_ZSTD, Greeting, PROTOCOL, PROTOCOL_OLDEST, TOKEN_BYTES, Token};
pub use packing::{UnpackError, pack, unpack};
pub use statement::{CHAIN_MAX, Statement, StatementBody};

/// The link between two gateways, version 1.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::missing_errors_doc,
    clippy::large_futures,
    reason = "generated"
)]
pub mod v1 {
    tonic::include_proto!("antiphon.link.v1");
}

/// What an operator asks a gateway, version 1.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::missing_errors_doc,
    clippy::large_futures,
    reason = "generated"
)]
pub mod admin_v1 {
    tonic::include_proto!("antiphon.admin.v1");
}

/// Longest name of a collective, agent or node, in bytes.
pub const NAME_BYTES_MAX: usize = 255;
/// Longest subject or URL in a frame, in bytes.
pub const SUBJECT_BYTES_MAX: usize = 4096;
/// Longest request id, in bytes.
pub const REQUEST_ID_BYTES_MAX: usize = 128;
/// Most adjacencies or natively joined regions in one advert.
pub const ADJACENCIES_MAX: usize = 1024;
/// Most collectives in one advert.
pub const COLLECTIVES_MAX: usize = 4096;
/// Most filters in one advert.
pub const SLICES_MAX: usize = 4096;
/// Most entries in one digest.
pub const DIGEST_MAX: usize = 65_536;
/// Most gateways in a visited list.
pub const VISITED_MAX: usize = 255;
