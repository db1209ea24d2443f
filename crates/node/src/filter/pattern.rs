//! Texts of a filter: literal, or a regular expression between slashes.

use regex::{Regex, RegexBuilder};

/// Compiled expressions may take this much memory, in bytes: they come from callers.
const REGEX_BYTES_MAX: usize = 256 << 10;

/// How a text of a filter is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pattern<'a> {
    /// As it stands.
    Text(&'a str),
    /// The expression between the slashes; unanchored.
    Regex(&'a str),
}

impl<'a> Pattern<'a> {
    /// Reads a text.
    pub(crate) fn of(text: &'a str) -> Self {
        match text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
            Some(body) => Self::Regex(body),
            None => Self::Text(text),
        }
    }
}

/// Whether the expression is found in `text`, with regard to case; a broken one is not.
pub(crate) fn regex_matches(body: &str, text: &str) -> bool {
    compile(body, false).is_some_and(|regex| regex.is_match(text))
}

/// As [`regex_matches`], without regard to case.
pub(crate) fn regex_matches_any_case(body: &str, text: &str) -> bool {
    compile(body, true).is_some_and(|regex| regex.is_match(text))
}

/// Whether the expression is found in one of `texts`, with regard to case.
pub(crate) fn regex_finds(body: &str, texts: &[String]) -> bool {
    compile(body, false).is_some_and(|regex| texts.iter().any(|text| regex.is_match(text)))
}

/// As [`regex_finds`], without regard to case.
pub(crate) fn regex_finds_any_case(body: &str, texts: &[String]) -> bool {
    compile(body, true).is_some_and(|regex| texts.iter().any(|text| regex.is_match(text)))
}

fn compile(body: &str, any_case: bool) -> Option<Regex> {
    RegexBuilder::new(body).case_insensitive(any_case).size_limit(REGEX_BYTES_MAX).build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_two_slashes_make_an_expression() {
        assert_eq!(Pattern::of("/x/"), Pattern::Regex("x"));
        assert_eq!(Pattern::of("//"), Pattern::Regex(""));
        assert_eq!(Pattern::of("/"), Pattern::Text("/"));
        assert_eq!(Pattern::of("/x"), Pattern::Text("/x"));
    }
}
