//! The NATS client protocol, without sockets: what a server says, and how our orders are written.
//!
//! Source: the NATS documentation, "Client Protocol", and nats-server's `server/parser.go`.

mod decoder;
mod denial;
mod encoder;
mod headers;
mod info;
mod subject;

pub use decoder::{
    Decoder, LINE_BYTES_MAX, PAYLOAD_BYTES_MAX, ProtocolError, ServerMessage, ServerOp,
};
pub(crate) use denial::Denial;
pub use encoder::{Connect, Encoder};
pub(crate) use headers::{are_legal as headers_are_legal, decode as decode_headers, encoded_len};
pub use info::Info;
pub use subject::{Pattern, is_publishable};
