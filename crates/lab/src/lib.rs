//! A real federation on loopback: CA, nats-servers, gateways, nodes.
//!
//! [`Lab`] brings one up, for a demonstration or a test: brokers ([`nats`]), certificates and tokens
//! ([`pki`]), gateways and nodes, which are processes of the `antiphon` binary, and between them, if
//! wanted, [`relay`]s that can be slowed, silenced and cut. Everything ends with its owner. [`cli`]
//! leaves one running in the background instead.

pub mod cli;
pub mod demo;
mod gateway_config;
pub mod http;
mod lab;
mod manifest;
pub mod names;
pub mod nats;
mod node_config;
pub mod pki;
pub mod ports;
pub mod process;
pub mod program;
pub mod progress;
pub mod relay;
mod running;
mod sockets;
pub mod wait;

pub use lab::{Gateway, Lab, Nodes, Options, Region, Relayed, UpError, Whole};
pub use manifest::{ClientFiles, GatewayEntry, Manifest, ManifestError, PkiFiles, RegionEntry};
