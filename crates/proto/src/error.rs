//! What is wrong with a peer's message, and in which field.

use std::borrow::Cow;

/// A field that does not hold what it must; prints as `end.creator.gateway: "a b" is not …`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct FieldError {
    /// The field and those around it, joined by dots.
    pub path: String,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What can be wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// It must be there.
    #[error("missing")]
    Missing,
    /// What it holds is of a kind that only newer gateways know.
    #[error("of a kind that only newer gateways know")]
    Newer,
    /// Its bytes are no such message.
    #[error("not decodable: {reason}")]
    Undecodable {
        /// The decoder's words.
        reason: String,
    },
    /// Its text breaks the rule of its kind.
    #[error("{rule}")]
    Invalid {
        /// The text, at most 64 characters of it, and the rule.
        rule: String,
    },
    /// Too many bytes or entries.
    #[error("{count} {unit}, at most {max} allowed")]
    TooMuch {
        /// How many there are.
        count: usize,
        /// Of what: `bytes` or `entries`.
        unit: &'static str,
        /// How many there may be.
        max: usize,
    },
    /// A number outside its range.
    #[error("{number} is not in {range}")]
    OutOfRange {
        /// The number.
        number: u64,
        /// `a to b`.
        range: Cow<'static, str>,
    },
    /// The same key twice.
    #[error("{key:?} twice")]
    Twice {
        /// The key.
        key: String,
    },
}

impl FieldError {
    /// An error about the field named `field`.
    pub(crate) fn new(field: &str, problem: Problem) -> Self {
        Self { path: field.to_owned(), problem }
    }

    /// The same error, seen from the message that holds it in its field `outer`.
    #[must_use]
    pub(crate) fn within(self, outer: &str) -> Self {
        Self { path: format!("{outer}.{}", self.path), problem: self.problem }
    }
}
