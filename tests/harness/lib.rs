//! What the workspace tests share: a lab of real processes, and a peer on a region's broker that
//! plays client or node with raw messages.

mod broker;
mod fabric;
mod message;
mod peer;

pub use broker::{Connection, Nats};
pub use fabric::{Fabric, drops, program, run, vector};
pub use message::{Caller, echo, pong};
pub use peer::Peer;
