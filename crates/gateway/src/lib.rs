//! The gateway daemon: what drives the gateway machine of `antiphon-core` in the world.
//!
//! - [`config`]: the configuration file, and everything that is wrong with it.
//! - [`Daemon`]: one gateway, built, started and stopped; [`World`] is what it is put into.
//! - [`shell`]: the loop that owns the machine; [`shell::Report`] is what it shows.
//! - [`link`]: authenticated connections to other gateways.
//! - [`gossip`]: discovery over those links.
//! - [`notary`]: what is signed, and who signed it.
//! - [`preflight`]: what a gateway would meet if it were started.
//! - [`record`]: what the machine was told and decided, for a replay.
//! - [`admin`]: what operators ask, and the client that asks.

pub mod admin;
mod audit;
mod callers;
mod certificates;
mod clock;
pub mod config;
mod daemon;
mod enrolment;
pub mod gossip;
mod http;
mod interest;
pub mod link;
mod log;
mod metrics;
pub mod notary;
pub mod policies;
pub mod preflight;
mod real;
pub mod record;
mod renewal;
mod run;
pub mod shell;
mod single_connection;
#[cfg(test)]
mod testing;

pub use callers::CallersError;
pub use certificates::{Lifetime, Nearness, OwnCertificate, OwnCertificates, Use};
pub use clock::Clock;
pub use daemon::{Daemon, DaemonError, LinkWorld, StartError, World};
pub use enrolment::is_ours;
pub use http::HttpError;
pub use run::run;
