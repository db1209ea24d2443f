//! The decision about a message, explained: every step in the order in which it is taken.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{DropReason, GatewayId, Holding, RegionId, Rejection, Route, policy::Policy};

/// Which message is to be explained.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainAsked {
    /// The subject that it is published on.
    pub subject: String,
    /// The region where it is published; `None`: ours.
    #[serde(default)]
    pub from: Option<RegionId>,
    /// Who calls; `None`: somebody that no rule names.
    #[serde(default)]
    pub caller: Option<String>,
    /// The agent that the envelope of a directed request names; `None`: `discovery`.
    #[serde(default)]
    pub agent: Option<String>,
    /// The action; `None`: none, as in a discovery ping.
    #[serde(default)]
    pub action: Option<String>,
    /// The subjects that a federated request is for, where there is no message that says it.
    #[serde(default)]
    pub targets: Vec<String>,
    /// The message itself, where there is one.
    #[serde(default)]
    pub payload: Option<Bytes>,
    /// What to suppose.
    #[serde(default)]
    pub what_if: Vec<Supposition>,
}

/// Something that is not so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Supposition {
    /// Links are down.
    Down {
        /// A region or a gateway, all of whose links are down; or two, joined by a hyphen, where only
        /// what is between them is: `ap-1`, `eu-us`.
        what: String,
    },
    /// Another policy is in force in our region.
    Policy {
        /// Which.
        policy: Box<Policy>,
    },
}

/// Why nothing can be explained.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExplainError {
    /// Nobody has advertised a region or gateway of this name.
    #[error("{0} is neither a region or gateway nor two of them joined by a hyphen")]
    UnknownPlace(String),
    /// No gateway of the region is known that takes requests.
    #[error("no gateway of region {0} is known to take requests")]
    NoEntry(RegionId),
    /// A text that cannot stand where it does.
    #[error("{0}")]
    Illegal(String),
}

/// What becomes of a message, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// The subject.
    pub subject: String,
    /// What a message on it is.
    #[serde(default)]
    pub kind: MessageKind,
    /// Who calls: as the message says, or as was said of one that is only described.
    #[serde(default)]
    pub caller: Option<String>,
    /// The request's id, where there is a message that has one.
    #[serde(default)]
    pub request: Option<String>,
    /// Where it is published.
    pub from: RegionId,
    /// The gateway that is taken to be the one that takes it.
    pub entry: GatewayId,
    /// Whether that is the gateway that answers: then its own state is known, else only what it
    /// advertises.
    pub first_hand: bool,
    /// The version of the table that the answer is computed from.
    pub table_version: u64,
    /// The checks before a region is looked at, in order; the last one may have failed.
    pub checks: Vec<Check>,
    /// Every region that was looked at, by name.
    pub candidates: Vec<CandidateView>,
    /// Why nobody gets it; `None` if somebody does, or may.
    pub refused: Option<DropReason>,
    /// Accepted regions that have no way at this moment: what is sent there waits for this long, then
    /// it is dropped.
    pub hold: Duration,
}

impl Explanation {
    /// Whether every region that is to get the message can be reached, and there is one.
    #[must_use]
    pub fn is_deliverable(&self) -> bool {
        let mut accepted = self.candidates.iter().filter(|one| one.rejection.is_none()).peekable();
        self.refused.is_none()
            && accepted.peek().is_some()
            && accepted.all(|one| one.way.as_ref().is_some_and(|way| way.next.moves()))
    }

    /// Whether this is an answer of which it is not known who asked: each candidate may be the one.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.kind == MessageKind::Reply && self.request.is_none() && !self.candidates.is_empty()
    }
}

/// What a message is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MessageKind {
    /// A request of a client, for nodes of the other regions.
    #[default]
    Request,
    /// A request of a client of Choria Federation, for the region that its subject names.
    Federated,
    /// An answer of a node, for the region that asked.
    Reply,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Which, in this order: `subject`, `federation`, `export`, `message`, `signature`, `region`,
    /// `service`, `halts`, `rate`, `rules`, `target`. Those that do not concern the message are left out.
    pub name: String,
    /// How it went.
    pub result: CheckResult,
    /// The rest, for people.
    pub detail: String,
}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckResult {
    /// The message goes on.
    Passed,
    /// It does not.
    Failed,
    /// It depends on what is not known here.
    Unknown,
}

/// A region that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CandidateView {
    /// Which.
    pub region: RegionId,
    /// Why it does not get the message; `None`: it does.
    pub rejection: Option<Rejection>,
    /// The same as a word; empty for a region that gets the message.
    pub why: String,
    /// The same for people.
    pub detail: String,
    /// What the region's hints say of the node; `None` unless one node is asked.
    #[serde(default)]
    pub hint: Option<HintSaid>,
    /// How the message goes there; `None` if it does not.
    pub way: Option<WayThere>,
}

/// What a region's hints say of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HintSaid {
    /// Whether it is there.
    pub holding: Holding,
    /// How old the newest reading of the region's brokers is; `None`: they were never read.
    pub age: Option<Duration>,
}

/// How a message gets to a region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WayThere {
    /// What the entry gateway does next.
    pub next: NextStep,
    /// Its route; `None` if there is none.
    pub route: Option<Route>,
    /// The links that the message is expected to cross, with the cost of each; their sum is the route's
    /// cost while its next hop is used.
    pub path: Vec<Leg>,
    /// What waits for the region at the entry gateway, in bytes; `None` where that is not known.
    pub queued: Option<u64>,
}

/// What happens to a message next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum NextStep {
    /// Published on the gateway's own broker.
    Publish,
    /// Sent to this peer.
    Hop {
        /// Which.
        peer: GatewayId,
        /// Whether it is the backup, because no next hop can be used.
        backup: bool,
    },
    /// Kept for a while: there is no way at this moment.
    Wait,
    /// Dropped.
    Drop {
        /// Why.
        reason: DropReason,
    },
}

impl NextStep {
    /// Whether the message moves on.
    #[must_use]
    pub const fn moves(&self) -> bool {
        match self {
            Self::Publish | Self::Hop { .. } => true,
            Self::Wait | Self::Drop { .. } => false,
        }
    }
}

/// One link of a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leg {
    /// Who sends.
    pub from: GatewayId,
    /// Who takes it.
    pub to: GatewayId,
    /// The region of who takes it.
    pub region: RegionId,
    /// What the link costs, as the sender advertises.
    pub cost: u64,
}
