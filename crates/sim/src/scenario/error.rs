//! What is wrong with a scenario, and where.

use std::ops::Range;

/// What is wrong with a scenario file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {what}")]
pub struct ScenarioError {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, naming the key.
    pub what: String,
}

/// What is wrong with a value, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) span: Range<usize>,
    pub(crate) what: String,
}

impl ScenarioError {
    pub(crate) fn syntax(file: &str, text: &str, error: &toml::de::Error) -> Self {
        let span = error.span().unwrap_or_default();
        Self { file: file.to_owned(), line: line_at(text, &span), what: error.message().to_owned() }
    }

    pub(crate) fn fault(file: &str, text: &str, fault: Fault) -> Self {
        Self { file: file.to_owned(), line: line_at(text, &fault.span), what: fault.what }
    }
}

fn line_at(text: &str, span: &Range<usize>) -> usize {
    1 + text.bytes().take(span.start).filter(|byte| *byte == b'\n').count()
}
