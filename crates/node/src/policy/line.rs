//! Lines of a policy, and groups of callers.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::Path;

use regex::Regex;

use crate::filter::{Pattern, Profile, condition, fact_matches};

/// What is wrong with a policy.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the policy: expected {fault}")]
pub(super) struct PolicyError {
    pub(super) line: usize,
    pub(super) fault: &'static str,
}

/// One line: whom it is about, and what it says.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) allow: bool,
    callers: String,
    actions: String,
    facts: String,
    classes: String,
}

/// Named lists of callers: `<name> <caller id> <caller id> …` per line.
#[derive(Debug, Default)]
pub(super) struct Groups(BTreeMap<String, Vec<String>>);

impl Entry {
    /// Reads a line; one with a compound expression is passed over, as Choria's Go nodes do.
    pub(super) fn parse(line: usize, text: &str) -> Result<Option<Self>, PolicyError> {
        let fields: Vec<&str> = text.split('\t').map(str::trim).filter(|f| !f.is_empty()).collect();
        let (verdict, rest) = match fields.split_first() {
            Some((verdict @ (&"allow" | &"deny"), rest)) => (*verdict, rest),
            Some(_) | None => return Err(PolicyError { line, fault: "allow or deny, then a tab" }),
        };
        match rest {
            [callers, actions, facts, classes] => Ok(Some(Self {
                allow: verdict == "allow",
                callers: (*callers).to_owned(),
                actions: (*actions).to_owned(),
                facts: (*facts).to_owned(),
                classes: (*classes).to_owned(),
            })),
            [_, _, expression] if is_compound(expression) => Ok(None),
            _ => Err(PolicyError { line, fault: "callers, actions, facts and classes, with tabs" }),
        }
    }

    pub(super) fn fits(
        &self,
        caller: &str,
        action: &str,
        profile: &Profile<'_>,
        groups: &Groups,
    ) -> bool {
        any(&self.callers, |name| groups.fits(name, caller))
            && any(&self.actions, |name| name == action)
            && all(&self.facts, |fact| holds(fact, profile))
            && all(&self.classes, |class| profile.has_class(class))
    }
}

impl Groups {
    /// Reads the file; one that is not there has no groups.
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error),
        };
        let mut groups = BTreeMap::<String, Vec<String>>::new();
        for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
            let mut words = line.split_whitespace().map(str::to_owned);
            if let Some(name) = words.next() {
                groups.entry(name).or_default().extend(words);
            }
        }
        Ok(Self(groups))
    }

    /// Whether `name` (a caller id, an expression or a group) means the caller.
    fn fits(&self, name: &str, caller: &str) -> bool {
        name_fits(name, caller)
            || self.0.get(name).is_some_and(|group| group.iter().any(|id| name_fits(id, caller)))
    }
}

fn name_fits(name: &str, caller: &str) -> bool {
    match Pattern::of(name) {
        Pattern::Text(name) => name == caller,
        Pattern::Regex(body) => Regex::new(body).is_ok_and(|regex| regex.is_match(caller)),
    }
}

/// Whether one of a field's words fits, or it is for everyone.
fn any<'a>(field: &'a str, fits: impl FnMut(&'a str) -> bool) -> bool {
    field == "*" || field.split_whitespace().any(fits)
}

/// Whether all of a field's words fit, or it asks for nothing.
fn all<'a>(field: &'a str, fits: impl FnMut(&'a str) -> bool) -> bool {
    field == "*" || field.split_whitespace().all(fits)
}

fn holds(fact: &str, profile: &Profile<'_>) -> bool {
    condition::parse(fact).is_some_and(|filter| fact_matches(&filter, profile.facts))
}

fn is_compound(expression: &str) -> bool {
    let words = ["and", "or", "not"];
    expression.contains(['(', '!']) || expression.split_whitespace().any(|w| words.contains(&w))
}
