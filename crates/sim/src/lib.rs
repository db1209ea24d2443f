//! A virtual world around gateway machines: one ordered queue of happenings, no sockets and no real
//! time. The machines are the daemon's own, made by their public constructor.

mod broker;
mod message;
mod network;
mod world;

pub use broker::{Broker, Delivered};
pub use message::{node_reply, request};
pub use network::{Network, Path};
pub use world::{Region, World};
