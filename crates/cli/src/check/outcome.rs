//! What a check found.

use crate::noun::finding::Severity;

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What is wrong; empty if nothing is.
    pub findings: Vec<Finding>,
    /// What was looked at, one line, for when nothing is wrong.
    pub good: String,
    /// Why it cannot be told, if it cannot.
    pub unknown: Option<String>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What and where, one line.
    pub text: String,
    /// The next command or setting, where it is more exact than the check's own.
    pub next: Option<String>,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// As it should be.
    Good,
    /// It cannot be told.
    Unknown,
    /// Worth a look.
    Warning,
    /// Broken.
    Problem,
}

impl Outcome {
    /// Nothing is wrong.
    pub(super) fn good(looked_at: impl Into<String>) -> Self {
        Self { good: looked_at.into(), ..Self::default() }
    }

    /// It cannot be told.
    pub(super) fn unknown(why: impl Into<String>) -> Self {
        Self { unknown: Some(why.into()), ..Self::default() }
    }

    /// These are wrong; if there are none, what was looked at.
    pub(super) fn of(
        findings: impl IntoIterator<Item = Finding>,
        looked_at: impl Into<String>,
    ) -> Self {
        let mut findings: Vec<Finding> = findings.into_iter().collect();
        findings.sort_by(|one, other| {
            other.severity.cmp(&one.severity).then_with(|| one.text.cmp(&other.text))
        });
        findings.dedup();
        Self { findings, good: looked_at.into(), unknown: None }
    }

    /// How it ended.
    #[must_use]
    pub fn state(&self) -> State {
        match self.findings.iter().map(|finding| finding.severity).max() {
            Some(Severity::Problem) => State::Problem,
            Some(Severity::Warning) => State::Warning,
            None if self.unknown.is_some() => State::Unknown,
            None => State::Good,
        }
    }

    /// One line: the worst finding and how many more there are, why it is unknown, or what was
    /// looked at.
    #[must_use]
    pub fn line(&self) -> String {
        match (self.findings.as_slice(), &self.unknown) {
            ([only], _) => only.text.clone(),
            ([first, rest @ ..], _) => format!("{} (and {} more)", first.text, rest.len()),
            ([], Some(why)) => why.clone(),
            ([], None) => self.good.clone(),
        }
    }
}

impl State {
    /// The word in tables and JSON.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Unknown => "unknown",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

impl Finding {
    pub(super) fn warning(text: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, text: text.into(), next: None }
    }

    pub(super) fn problem(text: impl Into<String>) -> Self {
        Self { severity: Severity::Problem, text: text.into(), next: None }
    }

    /// The same with the next command or setting.
    pub(super) fn next(self, next: impl Into<String>) -> Self {
        Self { next: Some(next.into()), ..self }
    }
}
