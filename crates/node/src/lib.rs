//! A Choria node server.
//!
//! It takes the requests of Choria's clients (protocols v1 and v2), checks and filters them as Choria's own nodes
//! do, runs agents and answers.
//!
//! - [`config`]: what a node is told, in our TOML or as Choria's `server.conf`.
//! - [`processor`]: the order of checks from bytes to verdict, without I/O; [`filter`], [`security`], [`inventory`].
//! - [`Server`]: nodes at work; each connection is one task, each message another.
//! - [`rpc`], [`ddl`], `agent`: what nodes can be asked to do.
//! - [`cli`]: `antiphon node run`.

mod agent;
mod audit;
mod backend;
pub mod cli;
mod clock;
pub mod config;
mod connection;
pub mod ddl;
pub mod filter;
pub mod inventory;
mod lifecycle;
mod node;
mod policy;
pub mod processor;
mod refusal;
mod registration;
pub mod reply;
mod routine;
pub mod rpc;
pub mod security;
mod server;
mod stats;
mod status;

pub use clock::Clock;
pub use config::NodeConfig;
pub use node::Node;
pub use refusal::Refusal;
pub use server::{Emulation, Server, StartError, StoppedUnasked};
pub use stats::{Counts, Stats};
pub use status::Status;

/// The version that nodes tell.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
