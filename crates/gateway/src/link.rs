//! Links: the mutually authenticated pairs of connections to other gateways.
//!
//! [`start`] gives a [`LinkHandle`], which takes [`LinkCommand`]s without waiting, and
//! [`LinkEvents`]. A link is two connections, control and data, each HTTP/2 over TLS 1.3 with
//! certificates on both sides and each carrying one gRPC call:
//!
//! ```text
//!  dialler                                 answerer
//!     │── TLS, Control: Hello ───────────────▶│  checks fabric, version, certificate
//!     │◀───────────── Welcome (hello, token) ─│
//!     │── TLS, Data: DataHello (token) ──────▶│  same certificate identity? the link is up
//!     │◀──────────────────────── DataWelcome ─│
//!     │  the link is up                       │
//! ```
//!
//! Everything here runs the same over sockets and over [`memory`], where certificates are given and
//! the network obeys the test.

mod at_once;
mod compress;
mod config;
mod context;
mod dial;
mod door;
mod events;
mod expand;
mod greet;
mod handle;
mod http2;
pub mod memory;
mod nursery;
mod outbox;
mod pending;
pub mod port;
mod reader;
mod registry;
mod running;
mod server;
mod setup_error;
mod shown;
mod stats;
mod stream;
mod tls;
mod transport;

pub use compress::{Compression, Compressor};
pub use config::LinkConfig;
pub use events::LinkEvents;
pub use expand::{ExpandError, Expander, Frames};
pub use handle::{LinkHandle, Links, start};
pub use port::{LinkCommand, LinkEvent, Notary};
pub use shown::Shown;
pub use stats::{LinkCounters, LinkStats, Traffic};
pub use tls::{LinkTls, TlsTransport};
pub use transport::Transport;
