//! What the workspace tests share: a lab of real processes, and a peer on a region's broker that
//! plays client or node with raw messages.

#![allow(clippy::indexing_slicing, clippy::wildcard_enum_match_arm, reason = "for tests alone")]

mod broker;
mod cargo;
mod fabric;
mod load;
mod message;
mod peer;
mod stream;

pub use broker::{Connection, Nats};
pub use cargo::{metadata, normal_tree, workspace_root};
pub use fabric::{Fabric, collectives, drops, even_costs, program, run, vector};
pub use load::{Answered, Load};
pub use message::{Caller, echo, pong};
pub use peer::Peer;
pub use stream::{Outage, Seen, Stream};
