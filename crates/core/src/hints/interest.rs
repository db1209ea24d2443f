//! What the region's brokers say of their subscriptions.

use antiphon_wire::{Agent, Collective};
use serde::{Deserialize, Serialize};

use super::filter::IdentityHash;
use crate::id::QuestionId;

/// The subscription lists of all servers, read once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterestRead {
    /// Whether every server of the cluster was read; else what is here may lack some.
    pub complete: bool,
    /// Servers that were read.
    pub servers: u64,
    /// What was found, of the collectives that were asked for.
    pub collectives: Vec<CollectiveInterest>,
    /// Why it is not complete, for people; else empty.
    pub problem: String,
    /// The names of those nodes whose names were asked for, as far as they were found.
    #[serde(default)]
    pub names: Vec<String>,
}

/// Who listens in one collective.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectiveInterest {
    /// The collective.
    pub collective: Collective,
    /// Nodes, in order, each once.
    pub identities: Vec<IdentityHash>,
    /// Agents.
    pub agents: Vec<Agent>,
    /// Service agents.
    pub services: Vec<Agent>,
}

/// The answer to [`crate::Action::AskInterest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterestAnswer {
    /// Which question.
    pub question: QuestionId,
    /// Whether anybody listens.
    pub interest: Interest,
}

/// Whether anybody but gateways listens on a subject of the region's broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Interest {
    /// Somebody does.
    Present,
    /// Every server of the cluster was asked, and nobody does.
    Absent,
    /// Not every server could be asked.
    Unknown,
}
