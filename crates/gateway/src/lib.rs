//! The gateway daemon: what drives the gateway machine of `antiphon-core` in the world.
//!
//! - [`config`]: the configuration file, and everything that is wrong with it.
//! - [`link`]: authenticated connections to other gateways.
//! - [`gossip`]: discovery over those links.
//! - [`notary`]: what is signed, and who signed it.

pub mod config;
pub mod gossip;
/// Links between gateways.
pub mod link {
    pub mod port;
}
pub mod notary;
#[cfg(test)]
mod testing;
