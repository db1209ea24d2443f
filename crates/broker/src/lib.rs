//! The way to a region's broker: NATS behind a port of two enums and two bounded channels.
//!
//! [`connect`] starts the real adapter, [`MemoryBroker`] a fake one; both give a [`Broker`]. A shell sends
//! [`BrokerCommand`]s and hears [`BrokerEvent`]s, and goes on hearing while it sends.
//!
//! # Why a driver of our own
//!
//! The usual client library is made for applications that come and go. A gateway needs three things that it
//! does not give (async-nats 0.51):
//!
//! - **A leave without loss.** It forgets a subscription when it writes UNSUB, and drops what the server had
//!   sent before it read that. Here a subscription lives until the PONG to a PING written behind its UNSUB.
//! - **A barrier.** Its flush ends when the socket took the bytes. Here [`BrokerCommand::Barrier`] passes when
//!   the server answered a PING written behind every earlier publication.
//! - **No loss of our own making.** It drops messages when a subscriber's channel is full. Here reading stops
//!   while subscribers hold more than a byte budget ([`Intake`]), and TCP carries the pressure to the server.
//!
//! # What to know when using it
//!
//! - A server does not wait for ever for a reader: after its `write_deadline` (10 s unless configured) or
//!   beyond its `max_pending` it cuts us. That is told as [`BrokerEvent::Lagged`], as is any other loss of a
//!   connection before everything held back was proved read.
//! - While reading stands still, the server's PINGs stay unread too; an unasked PONG at each of our ping
//!   intervals keeps it content, and our own counting of missed answers pauses. Writing goes on.
//! - PONGs come in the stream of messages. A shell that gives a [`Hold`] back only after a barrier or a leave
//!   may wait for ever, if the budget is spent by then.
//! - Messages are at most once. Publications are never buffered across connections: while none stands they
//!   are refused; what was written after the last barrier that passed is in doubt when one is lost.
//! - A server that announces its end (lame duck) is left in peace if another is known: every subscription is
//!   left as above, open barriers pass, then the next server is dialled. No two connections stand at a time,
//!   so that nothing arrives twice.
//! - With TLS configured nothing is ever said without it but the reading of INFO.
//! - An error of the server that names no subject ends the connection, with its text as the reason: some
//!   order was not carried out, and nothing says which.
//!
//! Bounds: the port's channels ([`BrokerConfig::queue_len_max`]), the budget
//! ([`BrokerConfig::intake_bytes_max`]; what is held may keep up to eight times its size alive), one message
//! and one read beside them, 64 KiB of unwritten orders or one message, 16384 open barriers, 64 discovered
//! servers. Works with nats-server 2.9 and later, and with Choria's broker, which embeds it.

pub mod auth;
mod broker;
pub mod config;
mod connection;
mod denied;
mod driver;
mod front;
pub mod intake;
mod ledger;
mod limits;
pub mod memory;
pub mod monitor;
pub mod port;
pub mod protocol;
pub mod servers;
pub mod srv;
pub mod stats;
mod subscriptions;

pub use auth::{Auth, AuthError, Secret};
pub use broker::{Broker, connect};
pub use config::{BrokerConfig, ConfigError, TlsOptions};
pub use intake::{Hold, Intake};
pub use memory::MemoryBroker;
pub use monitor::{
    Coverage, Listener, MonitorError, MonitorPages, MonitorUrl, MonitorUrlError,
    MonitoredConnection, Monitors,
};
pub use port::{
    BarrierId, BrokerCommand, BrokerEvent, Delivery, Operation, Publication, RefusedPublish,
    ServerInfo, SubscriptionId,
};
pub use servers::{ServerUrl, ServerUrlError};
pub use srv::{Srv, SrvError};
pub use stats::Stats;
