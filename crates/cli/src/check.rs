//! The doctor: what can be wrong with a fabric, how it is noticed, and what to do about it.
//!
//! A [`Check`] is a pure function of [`Evidence`]: reports of gateways, documents of brokers, answers
//! to pings. Gathering it is the command's work. `docs/checks.md` is made from the same values.

pub mod before;
mod broker;
pub mod docs;
mod end_to_end;
pub mod evidence;
pub mod facts;
mod identity;
pub mod junit;
mod links;
mod membership;
mod monitors;
mod outcome;
mod policy;
mod quorum;
mod routing;
mod runtime;
pub mod show;
mod versions;

use self::before::Before;
pub use self::{
    evidence::Evidence,
    outcome::{Finding, Outcome, State},
};
use crate::{Exit, noun::finding::Severity};

/// One thing that can be wrong.
#[derive(Debug)]
pub struct Check {
    /// Stable, as `LINK-003`; never used again for something else.
    pub code: &'static str,
    /// What is expected, one line.
    pub title: &'static str,
    /// What it means and why it matters, for the documentation.
    pub meaning: &'static str,
    /// What to do where a finding does not say it more exactly: a command or a setting.
    pub next: &'static str,
    /// How it is noticed.
    pub test: Test,
}

/// How a check looks at what was gathered.
#[derive(Clone, Copy, Debug)]
pub enum Test {
    /// At a running fabric.
    Running(fn(&Evidence) -> Outcome),
    /// At a configuration, before the first start.
    Before(fn(&Before) -> Outcome),
}

/// What a check says.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Which.
    pub check: &'static Check,
    /// What it found.
    pub outcome: Outcome,
}

/// A group of checks.
#[derive(Debug)]
pub struct Category {
    /// Its name.
    pub name: &'static str,
    /// In the order of their codes.
    pub checks: &'static [&'static [Check]],
}

/// Every check, in the order of the documentation.
pub const CATEGORIES: &[Category] = &[
    Category { name: "identity", checks: &[identity::CHECKS] },
    Category { name: "membership", checks: &[membership::CHECKS, quorum::CHECKS] },
    Category { name: "links", checks: &[links::CHECKS] },
    Category { name: "routing", checks: &[routing::CHECKS] },
    Category { name: "broker", checks: &[broker::CHECKS, monitors::CHECKS] },
    Category { name: "policy", checks: &[policy::CHECKS] },
    Category { name: "runtime", checks: &[runtime::CHECKS] },
    Category { name: "versions", checks: &[versions::CHECKS] },
    Category { name: "end to end", checks: &[end_to_end::CHECKS] },
    Category { name: "before the first start", checks: before::CHECKS },
];

impl Category {
    /// Its checks.
    pub fn checks(&self) -> impl Iterator<Item = &'static Check> {
        self.checks.iter().flat_map(|checks| checks.iter())
    }
}

impl Check {
    /// The name of its category.
    #[must_use]
    pub fn category(&self) -> &'static str {
        let mine = |category: &&Category| category.checks().any(|one| one.code == self.code);
        CATEGORIES.iter().find(mine).map_or("", |category| category.name)
    }

    /// Where it is explained.
    #[must_use]
    pub fn anchor(&self) -> String {
        format!("docs/checks.md#{}", self.code.to_lowercase())
    }
}

/// Every check, in the order of the documentation.
pub fn all() -> impl Iterator<Item = &'static Check> {
    CATEGORIES.iter().flat_map(Category::checks)
}

/// Looks at a running fabric.
#[must_use]
pub fn look(evidence: &Evidence) -> Vec<Answer> {
    let answer = |check: &'static Check| match check.test {
        Test::Running(test) => Some(Answer { check, outcome: test(evidence) }),
        Test::Before(_) => None,
    };
    all().filter_map(answer).collect()
}

/// Looks at what a gateway would meet if it were started.
#[must_use]
pub fn look_before(before: &Before) -> Vec<Answer> {
    let answer = |check: &'static Check| match check.test {
        Test::Before(test) => Some(Answer { check, outcome: test(before) }),
        Test::Running(_) => None,
    };
    all().filter_map(answer).collect()
}

/// The exit code for these answers; warnings count only where the caller is strict.
#[must_use]
pub fn exit(answers: &[Answer], strict: bool) -> Exit {
    let findings = answers.iter().flat_map(|answer| &answer.outcome.findings);
    match findings.map(|finding| finding.severity).max() {
        Some(Severity::Problem) => Exit::Problem,
        Some(Severity::Warning) if strict => Exit::Warning,
        Some(Severity::Warning) | None => Exit::Good,
    }
}
