//! One rule, and whether it matches.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Direction, Effect, Pattern};
use crate::id::RegionId;

/// One rule. A list that is empty matches everything; a request has to match all lists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// What `explain` and `policy show` call it; once in its list.
    pub name: String,
    /// Regions that the request comes from; always empty in `export`.
    #[serde(default)]
    pub from: BTreeSet<RegionId>,
    /// Regions that it goes to; always empty in `accept`.
    #[serde(default)]
    pub to: BTreeSet<RegionId>,
    /// The collective in the signed envelope.
    #[serde(default)]
    pub collectives: Vec<Pattern>,
    /// The agent in the signed envelope.
    #[serde(default)]
    pub agents: Vec<Pattern>,
    /// The action in the RPC body. A request without one, such as a discovery ping, matches no rule
    /// that names actions.
    #[serde(default)]
    pub actions: Vec<Pattern>,
    /// The caller in the signed request, proved by its signature.
    #[serde(default)]
    pub callers: Vec<Pattern>,
    /// What the rule does.
    pub effect: Effect,
}

/// A request as policies see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked<'a> {
    /// Which way it goes.
    pub direction: Direction,
    /// The region of its client.
    pub from: &'a RegionId,
    /// The region of the nodes.
    pub to: &'a RegionId,
    /// The collective in the signed envelope.
    pub collective: &'a str,
    /// The agent in the signed envelope.
    pub agent: &'a str,
    /// The action in the RPC body, as far as it has been read.
    pub action: Action<'a>,
    /// The caller that the request names.
    pub caller: &'a str,
    /// Whether the request's signature proves the caller.
    pub proof: Proof,
}

/// The action of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action<'a> {
    /// Nobody has looked.
    Unread,
    /// The request has none.
    Absent,
    /// This one.
    Is(&'a str),
}

/// Whether a request's signature proves its caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Proof {
    /// Nobody has verified it.
    #[default]
    Unasked,
    /// It does.
    Verified,
    /// It does not.
    Refused,
}

/// What a rule says that concerns the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Matches,
    Passes,
    WantsAction,
    WantsProof,
    Forged,
}

impl Rule {
    /// Whether every request matches.
    pub(super) fn matches_all(&self) -> bool {
        let lists = [&self.collectives, &self.agents, &self.actions, &self.callers];
        self.from.is_empty() && self.to.is_empty() && lists.iter().all(|list| list.is_empty())
    }

    /// Whether everything matches that costs nothing to know.
    pub(super) fn concerns(&self, asked: &Asked<'_>) -> bool {
        let region = |set: &BTreeSet<RegionId>, one| set.is_empty() || set.contains(one);
        region(&self.from, asked.from)
            && region(&self.to, asked.to)
            && any(&self.collectives, asked.collective)
            && any(&self.agents, asked.agent)
    }

    /// Whether the rest matches too.
    pub(super) fn decide(&self, asked: &Asked<'_>) -> Decision {
        match asked.action {
            _ if self.actions.is_empty() => {}
            Action::Unread => return Decision::WantsAction,
            Action::Absent => return Decision::Passes,
            Action::Is(action) if !any(&self.actions, action) => return Decision::Passes,
            Action::Is(_) => {}
        }
        match asked.proof {
            _ if self.callers.is_empty() => Decision::Matches,
            Proof::Unasked => Decision::WantsProof,
            Proof::Refused => Decision::Forged,
            Proof::Verified if any(&self.callers, asked.caller) => Decision::Matches,
            Proof::Verified => Decision::Passes,
        }
    }
}

fn any(patterns: &[Pattern], text: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches(text))
}
