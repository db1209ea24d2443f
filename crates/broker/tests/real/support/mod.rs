//! Real servers, clients with deadlines, certificates, tokens and a slow network.

mod client;
mod dns;
mod jwt;
mod monitor;
mod nats;
mod pki;
mod relay;

pub(crate) use client::{Client, config};
pub(crate) use dns::NameServer;
pub(crate) use jwt::{Key, Role, credentials, jwt};
pub(crate) use monitor::pending_bytes;
pub(crate) use nats::NatsServer;
pub(crate) use pki::Pki;
pub(crate) use relay::Relay;
