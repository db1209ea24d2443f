//! What is wrong with a configuration file: all of it at once.

use std::{
    fmt,
    path::{Path, PathBuf},
};

/// Everything that is wrong with one configuration file, in the order of the file where a line is
/// known, then of discovery. Never empty.
#[derive(Debug, thiserror::Error)]
pub struct Problems {
    list: Vec<Problem>,
}

/// One thing that is wrong. Shown as `gateway.toml:12: link.listen: ...`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The configuration file.
    pub file: PathBuf,
    /// Its line, from 1; `None` for a key that is not there.
    pub line: Option<usize>,
    /// The dotted key; empty where there is none, as when the file cannot be read.
    pub key: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Problems {
    /// The problems, at least one.
    #[must_use]
    pub fn list(&self) -> &[Problem] {
        &self.list
    }

    pub(super) fn one(file: &Path, reason: impl fmt::Display) -> Self {
        let reason = reason.to_string();
        Self { list: vec![Problem { file: file.into(), line: None, key: String::new(), reason }] }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.list.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// Gathers problems while a file is read.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    list: Vec<(String, Option<usize>, String)>,
    /// Problems of other files.
    others: Vec<Problem>,
}

impl Gathered {
    /// A problem with a key; its line is looked up at the end.
    pub(super) fn add(&mut self, key: impl Into<String>, reason: impl fmt::Display) {
        self.list.push((key.into(), None, reason.to_string()));
    }

    /// A problem at a place in the text.
    pub(super) fn add_at(&mut self, key: String, line: Option<usize>, reason: impl fmt::Display) {
        self.list.push((key, line, reason.to_string()));
    }

    /// Problems of another file that this one names.
    pub(super) fn adopt(&mut self, problems: Problems) {
        self.others.extend(problems.list);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty() && self.others.is_empty()
    }

    /// Names the file and the lines.
    pub(super) fn into_problems(
        self,
        file: &Path,
        line_of: impl Fn(&str) -> Option<usize>,
    ) -> Problems {
        let mut list: Vec<Problem> = self
            .list
            .into_iter()
            .map(|(key, line, reason)| {
                let line = line.or_else(|| line_of(&key));
                Problem { file: file.into(), line, key, reason }
            })
            .collect();
        list.sort_by_key(|problem| problem.line.unwrap_or(usize::MAX));
        list.extend(self.others);
        Problems { list }
    }
}
