//! What gateways of two regions ask each other about nodes that both may have.

use antiphon_wire::Collective;
use serde::{Deserialize, Serialize};

use crate::{hints::IdentityHash, id::GatewayId};

/// Most nodes in one roll call: with their names, a few kB.
pub const ROLL_CALL_MAX: usize = 256;
/// Longest name of a node in one, in bytes.
pub const NODE_NAME_BYTES_MAX: usize = 255;

/// Nodes that a gateway's region has for certain, of which it asks another region's gateway; or the
/// answer. Relays pass it on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollCall {
    /// Whose word it is.
    pub from: GatewayId,
    /// Whom it is for.
    pub to: GatewayId,
    /// Links that it may still cross.
    pub limit: u8,
    /// The collective that they are in.
    pub collective: Collective,
    /// At most [`ROLL_CALL_MAX`].
    pub nodes: Vec<Called>,
}

/// One node of a [`RollCall`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Called {
    /// Which.
    pub identity: IdentityHash,
    /// Its name, at most [`NODE_NAME_BYTES_MAX`]; empty where it is not known.
    pub name: String,
    /// Whether the sender's region has it for certain: always in a question.
    pub held: bool,
}
