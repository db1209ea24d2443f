//! What was asked lately, so that a new policy can be tried on it before it holds.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{Action, Asked, Direction, Effect, Policy, Proof, Verdict};
use crate::{hash, id::RegionId};

/// How much time one part covers.
const PART: Duration = Duration::from_secs(60);
/// How many parts are kept: what happened in the last nine to ten minutes.
const PARTS_MAX: usize = 10;
/// Kinds of request that are told apart in one part.
const KINDS_MAX: usize = 1000;

/// Requests of the last minutes, by kind. Bound: ten parts of a minute with 1000 kinds each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recent {
    parts: VecDeque<Part>,
}

#[derive(Clone, Debug, Default)]
struct Part {
    number: u64,
    /// By a hash of the kind. Two kinds of one hash count as one that is not told apart.
    kinds: BTreeMap<u64, (Kind, u64)>,
    /// Requests of kinds for which there was no room.
    others: u64,
}

/// What policies look at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    direction: Direction,
    from: RegionId,
    to: RegionId,
    collective: String,
    agent: String,
    /// `None`: not read. `Some(None)`: it has none.
    action: Option<Option<String>>,
    caller: String,
}

/// A kind of request that another policy would decide about in another way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Which way it goes.
    pub direction: Direction,
    /// The region of its client.
    pub from: RegionId,
    /// The region of its nodes.
    pub to: RegionId,
    /// The collective.
    pub collective: String,
    /// The agent.
    pub agent: String,
    /// The action; `None` where it has none or nobody has read it.
    pub action: Option<String>,
    /// The caller that the requests named, proved or not.
    pub caller: String,
    /// How many of them were asked about in the last minutes.
    pub count: u64,
    /// What holds now.
    pub before: Judged,
    /// What would hold.
    pub after: Judged,
}

/// What a policy says of a kind of request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// Let through or not; `None`: that depends on the action, which nobody has read.
    pub effect: Option<Effect>,
    /// The rule that says so; `None`: no rule matches.
    pub rule: Option<String>,
}

impl Recent {
    /// Notes `count` requests that were decided about.
    pub(crate) fn note(&mut self, asked: &Asked<'_>, count: u64, now: Duration) {
        let number = now.as_secs() / PART.as_secs();
        if self.parts.back().is_none_or(|part| part.number != number) {
            self.parts.push_back(Part { number, ..Part::default() });
            self.forget(number);
        }
        let Some(part) = self.parts.back_mut() else { return };
        let room = part.kinds.len() < KINDS_MAX;
        match part.kinds.get_mut(&digest(asked)) {
            Some((kind, counted)) if kind.is(asked) => *counted += count,
            None if room => drop(part.kinds.insert(digest(asked), (Kind::of(asked), count))),
            Some(_) | None => part.others += count,
        }
    }

    /// What would change with another policy, the most frequent first; callers are taken for proved.
    pub(crate) fn compare(&self, now: &Policy, then: &Policy, at: Duration) -> Vec<Change> {
        let mut kinds: BTreeMap<&Kind, u64> = BTreeMap::new();
        for (kind, count) in self.fresh(at).flat_map(|part| part.kinds.values()) {
            *kinds.entry(kind).or_default() += count;
        }
        let change = |(kind, count)| Kind::change(kind, count, now, then);
        let mut changes: Vec<Change> = kinds.into_iter().filter_map(change).collect();
        changes.sort_by_key(|change| std::cmp::Reverse(change.count));
        changes
    }

    /// All requests of the last minutes, and those of them that are not told apart.
    pub(crate) fn totals(&self, at: Duration) -> (u64, u64) {
        let others: u64 = self.fresh(at).map(|part| part.others).sum();
        let told = self.fresh(at).flat_map(|part| part.kinds.values()).map(|(_, count)| count);
        (told.sum::<u64>() + others, others)
    }

    fn fresh(&self, at: Duration) -> impl Iterator<Item = &Part> {
        let oldest = oldest(at.as_secs() / PART.as_secs());
        self.parts.iter().filter(move |part| part.number >= oldest)
    }

    fn forget(&mut self, number: u64) {
        let oldest = oldest(number);
        while self.parts.front().is_some_and(|part| part.number < oldest) {
            self.parts.pop_front();
        }
    }
}

fn oldest(number: u64) -> u64 {
    (number + 1).saturating_sub(PARTS_MAX as u64)
}

impl Kind {
    fn of(asked: &Asked<'_>) -> Self {
        Self {
            direction: asked.direction,
            from: asked.from.clone(),
            to: asked.to.clone(),
            collective: asked.collective.to_owned(),
            agent: asked.agent.to_owned(),
            action: match asked.action {
                Action::Unread => None,
                Action::Absent => Some(None),
                Action::Is(action) => Some(Some(action.to_owned())),
            },
            caller: asked.caller.to_owned(),
        }
    }

    fn is(&self, asked: &Asked<'_>) -> bool {
        let asked = Asked { proof: Proof::Verified, ..*asked };
        self.asked() == asked
    }

    fn asked(&self) -> Asked<'_> {
        Asked {
            direction: self.direction,
            from: &self.from,
            to: &self.to,
            collective: &self.collective,
            agent: &self.agent,
            action: match &self.action {
                None => Action::Unread,
                Some(None) => Action::Absent,
                Some(Some(action)) => Action::Is(action),
            },
            caller: &self.caller,
            proof: Proof::Verified,
        }
    }

    fn change(&self, count: u64, now: &Policy, then: &Policy) -> Option<Change> {
        let before = Judged::of(now.judge(&self.asked()));
        let after = Judged::of(then.judge(&self.asked()));
        if before.effect == after.effect {
            return None;
        }
        Some(Change {
            direction: self.direction,
            from: self.from.clone(),
            to: self.to.clone(),
            collective: self.collective.clone(),
            agent: self.agent.clone(),
            action: self.action.clone().flatten(),
            caller: self.caller.clone(),
            count,
            before,
            after,
        })
    }
}

impl Judged {
    fn of(verdict: Verdict<'_>) -> Self {
        match verdict {
            Verdict::Ruled(effect, rule) => {
                Self { effect: Some(effect), rule: rule.map(|rule| rule.name.clone()) }
            }
            Verdict::WantsAction | Verdict::WantsProof | Verdict::Forged => {
                Self { effect: None, rule: None }
            }
        }
    }
}

fn digest(asked: &Asked<'_>) -> u64 {
    let action = match asked.action {
        Action::Unread => "?",
        Action::Absent => "",
        Action::Is(action) => action,
    };
    let parts = [
        asked.direction.label(),
        asked.from.as_str(),
        asked.to.as_str(),
        asked.collective,
        asked.agent,
        action,
        asked.caller,
    ];
    let mix = |sum: u64, part: &str| sum.rotate_left(7) ^ hash::fnv1a(part.as_bytes());
    parts.into_iter().fold(0, mix)
}
