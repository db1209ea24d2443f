//! What a region lets out to whom, and what it lets in from whom.
//!
//! A policy is three lists of rules: *export* (requests of our clients for another region), *accept*
//! (requests of another region for our nodes) and *transit* (requests between two others). Rules are
//! read in order and the first that matches decides; where none does, the list says what holds.
//! Both ends of a request ask their own policy. A reply belongs to a request that was let through,
//! and is never asked about.
//!
//! Pure and total: [`Policy::judge`] is a function of the policy and of what is [`Asked`].

mod bucket;
mod follow;
mod pattern;
mod recent;
mod rule;

use serde::{Deserialize, Serialize};

pub(crate) use self::{bucket::Buckets, recent::Recent};
pub use self::{
    bucket::{Rate, RateLimits},
    follow::Follow,
    pattern::{Pattern, PatternError},
    recent::{Change, Judged},
    rule::{Action, Asked, Proof, Rule},
};

/// Most rules in one list; a longer one is refused where policies are read.
pub const RULES_MAX: usize = 1000;

/// What a region lets out, in and through.
///
/// The default lets everything out and in that `export` in the gateway's configuration names, sets
/// no limits, and follows the halts of all regions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Requests of our clients for another region.
    pub export: Rules,
    /// Requests of another region for our nodes.
    pub accept: Rules,
    /// Requests between two other regions, where the gateway's configuration allows transit at all.
    pub transit: Rules,
    /// How many requests a second.
    pub limits: RateLimits,
    /// The other regions whose emergency stops hold here.
    #[serde(default)]
    pub follow_halts: Follow,
}

/// The rules of one direction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// In order; at most [`RULES_MAX`], each name once.
    pub rules: Vec<Rule>,
    /// What holds where no rule matches.
    pub otherwise: Effect,
}

/// Which way a request goes, as seen from the region whose policy it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Out of our region.
    Export,
    /// Into our region.
    Accept,
    /// From one other region to another.
    Transit,
}

/// What a rule does.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Lets the request through.
    #[default]
    Allow,
    /// Does not.
    Deny,
}

/// The answer of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict<'p> {
    /// Decided: by this rule, or by what holds where no rule matches.
    Ruled(Effect, Option<&'p Rule>),
    /// The request's action is needed to decide.
    WantsAction,
    /// It is needed to know whether the caller is who it says.
    WantsProof,
    /// A rule names callers, and the signature does not prove this one.
    Forged,
}

impl Policy {
    /// Decides about a request.
    #[must_use]
    pub fn judge(&self, asked: &Asked<'_>) -> Verdict<'_> {
        self.rules(asked.direction).judge(asked)
    }

    /// The rules of one direction.
    #[must_use]
    pub fn rules(&self, direction: Direction) -> &Rules {
        match direction {
            Direction::Export => &self.export,
            Direction::Accept => &self.accept,
            Direction::Transit => &self.transit,
        }
    }

    /// Whether there may be requests in this direction with this answer. A rule behind one that matches
    /// everything is never read.
    #[must_use]
    pub fn may(&self, direction: Direction, effect: Effect) -> bool {
        let Rules { rules, otherwise } = self.rules(direction);
        for rule in rules {
            if rule.effect == effect || rule.matches_all() {
                return rule.effect == effect;
            }
        }
        *otherwise == effect
    }

    /// Whether any rule names callers: then their requests' signatures may have to be verified.
    #[must_use]
    pub fn names_callers(&self) -> bool {
        let rules = Direction::ALL.iter().flat_map(|direction| &self.rules(*direction).rules);
        rules.into_iter().any(|rule| !rule.callers.is_empty())
    }
}

impl Rules {
    fn judge(&self, asked: &Asked<'_>) -> Verdict<'_> {
        for rule in self.rules.iter().filter(|rule| rule.concerns(asked)) {
            match rule.decide(asked) {
                rule::Decision::Matches => return Verdict::Ruled(rule.effect, Some(rule)),
                rule::Decision::Passes => {}
                rule::Decision::WantsAction => return Verdict::WantsAction,
                rule::Decision::WantsProof => return Verdict::WantsProof,
                rule::Decision::Forged => return Verdict::Forged,
            }
        }
        Verdict::Ruled(self.otherwise, None)
    }
}

impl Direction {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Export, Self::Accept, Self::Transit];

    /// The word in files and tables.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Export => "export",
            Self::Accept => "accept",
            Self::Transit => "transit",
        }
    }
}

impl Effect {
    /// The word in files and tables.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

#[cfg(test)]
mod tests;
