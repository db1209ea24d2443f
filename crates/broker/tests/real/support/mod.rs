//! Real servers, clients with deadlines, certificates, tokens and a slow network.

mod client;
mod nats;
mod relay;

pub(crate) use client::{Client, config};

pub(crate) use nats::NatsServer;

pub(crate) use relay::Relay;
