//! Which callers a node listens to.

use regex::bytes::{Regex, RegexBuilder};

/// `plugin.choria.security.certname_whitelist`, by default.
const ALLOWED_DEFAULT: [&str; 2] = [r"\.mcollective$", r"\.choria$"];
/// `plugin.choria.security.privileged_users`, by default.
const PRIVILEGED_DEFAULT: [&str; 2] = [r"\.privileged.mcollective$", r"\.privileged.choria$"];

/// Patterns for names of certificates: who may call, and who may call for others.
///
/// Patterns are those of Go's RE2 over ASCII, found anywhere in the name unless anchored;
/// `/pattern/` means `pattern`.
#[derive(Clone, Debug)]
pub struct CallerLists {
    allowed: Vec<Regex>,
    privileged: Vec<Regex>,
}

/// A pattern that is no regular expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{pattern:?} is no regular expression: {detail}")]
pub struct PatternError {
    /// The pattern as configured.
    pub pattern: String,
    /// What is wrong with it.
    pub detail: String,
}

impl CallerLists {
    /// Lists made of patterns.
    ///
    /// # Errors
    /// [`PatternError`] for the first bad pattern.
    pub fn new<P: AsRef<str>>(allowed: &[P], privileged: &[P]) -> Result<Self, PatternError> {
        Ok(Self { allowed: compile(allowed)?, privileged: compile(privileged)? })
    }

    pub(super) fn allows(&self, name: &str) -> bool {
        self.allowed.iter().any(|pattern| pattern.is_match(name.as_bytes()))
    }

    pub(super) fn is_privileged(&self, name: &str) -> bool {
        self.privileged.iter().any(|pattern| pattern.is_match(name.as_bytes()))
    }
}

impl Default for CallerLists {
    /// Choria's defaults: `\.mcollective$` and `\.choria$` may call, `\.privileged.mcollective$`
    /// and `\.privileged.choria$` for others.
    fn default() -> Self {
        Self::new(&ALLOWED_DEFAULT, &PRIVILEGED_DEFAULT).expect("the defaults are good patterns")
    }
}

fn compile<P: AsRef<str>>(patterns: &[P]) -> Result<Vec<Regex>, PatternError> {
    patterns.iter().map(|pattern| compile_one(pattern.as_ref())).collect()
}

fn compile_one(pattern: &str) -> Result<Regex, PatternError> {
    let bare = pattern.strip_prefix('/').and_then(|rest| rest.strip_suffix('/'));
    // Without Unicode `\w` and `\d` are ASCII, as in Go.
    RegexBuilder::new(bare.unwrap_or(pattern))
        .unicode(false)
        .build()
        .map_err(|error| PatternError { pattern: pattern.to_owned(), detail: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_not_anchored_and_slashes_around_them_are_stripped() {
        let lists = CallerLists::new(&["/^ops/", "admin"], &[]).unwrap();
        assert!(lists.allows("ops.example.net"));
        assert!(!lists.allows("devops.example.net"));
        assert!(lists.allows("the.admin.example.net"));
    }

    #[test]
    fn the_defaults_allow_choria_s_users_and_privilege_their_signers() {
        let lists = CallerLists::default();
        assert!(lists.allows("alice.mcollective") && lists.allows("alice.choria"));
        assert!(!lists.allows("n1.example.net") && !lists.allows("alice.mcollective.net"));
        assert!(lists.is_privileged("aaa.privileged.choria"));
        assert!(!lists.is_privileged("privileged.choria"));
    }

    #[test]
    fn a_bad_pattern_is_named() {
        let error = CallerLists::new(&["(", ")"], &[]).unwrap_err();
        assert_eq!(error.pattern, "(");
    }
}
