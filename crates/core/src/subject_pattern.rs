//! NATS wildcards: `*` stands for one token, a final `>` for one or more.

/// Whether a subject without wildcards matches a pattern.
pub(crate) fn matches(pattern: &str, subject: &str) -> bool {
    let mut wanted = pattern.split('.');
    let mut tokens = subject.split('.');
    loop {
        match (wanted.next(), tokens.next()) {
            (Some(">"), Some(_)) => return wanted.next().is_none(),
            (Some("*"), Some(token)) if !token.is_empty() => {}
            (Some(want), Some(token)) if want == token => {}
            (None, None) => return true,
            (Some(_) | None, Some(_) | None) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn wildcards_stand_for_tokens() {
        for (pattern, subject) in [("a.*.c", "a.b.c"), ("a.>", "a.b.c"), ("a.b", "a.b")] {
            assert!(matches(pattern, subject), "{pattern} {subject}");
        }
        for (pattern, subject) in [("a.*", "a.b.c"), ("a.>", "a"), ("a.b", "a.bc"), ("a.*", "a")] {
            assert!(!matches(pattern, subject), "{pattern} {subject}");
        }
    }
}
