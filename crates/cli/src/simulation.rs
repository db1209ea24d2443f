//! What came of simulations, for people and programs: pure functions of what was seen.

pub mod document;
pub mod export;
pub mod page;
pub mod snapshot;
pub mod swarm;
pub mod tables;

use std::{sync::Arc, time::Duration};

use antiphon_sim::{Outcome, Scenario};

/// What is simulated.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    /// The scenario's file, as it was named.
    pub file: String,
    /// The scenario, with what befalls it besides.
    pub scenario: Scenario,
    /// That, as it was typed.
    pub what_if: Vec<String>,
}

/// One scenario with one seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// What was simulated.
    pub subject: Arc<Subject>,
    /// How long the machine that simulated it took.
    pub wall: Duration,
    /// What came of it.
    pub outcome: Outcome,
}

impl Run {
    /// The line that repeats it exactly.
    #[must_use]
    pub fn again(&self) -> String {
        let mut line = format!("antiphon sim run {}", quoted(&self.subject.file));
        line.push_str(&format!(" --seed {}", self.outcome.seed));
        for what_if in &self.subject.what_if {
            line.push_str(&format!(" --what-if {}", quoted(what_if)));
        }
        line
    }

    /// The scenario's file without folder and ending.
    #[must_use]
    pub fn name(&self) -> &str {
        let file = self.subject.file.rsplit('/').next().unwrap_or_default();
        file.strip_suffix(".toml").unwrap_or(file)
    }
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    let plain = |one: char| one.is_ascii_alphanumeric() || "-_./:@+,=%".contains(one);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_needs_it() {
        assert_eq!(quoted("simulations/kill.toml"), "simulations/kill.toml");
        assert_eq!(quoted("down:eu-us,down:ap-1@5s"), "down:eu-us,down:ap-1@5s");
        assert_eq!(quoted("it's mine"), "'it'\\''s mine'");
        assert_eq!(quoted(""), "''");
    }
}
