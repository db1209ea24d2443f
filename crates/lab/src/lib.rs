//! A real federation on loopback: CA, nats-servers, gateways, nodes.
pub mod nats;
pub mod pki;
pub mod ports;
pub mod process;
pub mod relay;
pub mod wait;
