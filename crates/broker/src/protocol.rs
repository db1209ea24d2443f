//! The NATS client protocol: lines of the server, and what we write.
//!
//! Source: the NATS client protocol documentation and nats-server's `parser.go`.

mod headers;
mod parse;
mod write;

pub(crate) use headers::decode as decode_headers;
pub(crate) use parse::{Parser, ProtocolError, ServerMessage, ServerOp};
pub(crate) use write::{Writer, size};

use serde::Deserialize;

/// The server's INFO, as far as we need it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Info {
    pub(crate) server_id: String,
    pub(crate) server_name: String,
    pub(crate) version: String,
    pub(crate) cluster: Option<String>,
    pub(crate) max_payload: usize,
    pub(crate) headers: bool,
    pub(crate) tls_required: bool,
    pub(crate) tls_available: bool,
    pub(crate) nonce: Option<String>,
    pub(crate) connect_urls: Vec<String>,
    /// Lame duck mode: it will end soon.
    pub(crate) ldm: bool,
}
