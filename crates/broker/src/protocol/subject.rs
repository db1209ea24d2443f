//! Which texts are subjects, and which subjects a pattern takes.

/// The longest subject, in bytes: with a queue group and numbers it fits the 4096 bytes of a server's line.
const SUBJECT_BYTES_MAX: usize = 3072;

/// The longest queue group, in bytes.
const GROUP_BYTES_MAX: usize = 512;

/// Whether a message may be published on this subject: tokens between dots, none empty, none a wildcard,
/// no white space, no control character.
pub fn is_publishable(subject: &str) -> bool {
    is_wellformed(subject) && !subject.split('.').any(|token| token == "*" || token == ">")
}

/// What a subscription asks for: a legal subject, perhaps with wildcards, perhaps with a queue group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    subject: String,
    group: Option<String>,
}

impl Pattern {
    /// A pattern; none if the subject or the group is not legal.
    pub fn new(subject: String, group: Option<String>) -> Option<Self> {
        let tail = subject.find('>').is_some_and(|at| {
            let is_token = subject.split('.').any(|token| token == ">");
            is_token && at + 1 != subject.len()
        });
        let is_group = |group: &String| group.len() <= GROUP_BYTES_MAX && is_word(group);
        let legal = is_wellformed(&subject) && !tail && group.as_ref().is_none_or(is_group);
        legal.then_some(Self { subject, group })
    }

    /// The subject, with its wildcards.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The queue group.
    pub fn group(&self) -> Option<&str> {
        self.group.as_deref()
    }

    /// Whether this pattern takes messages on `subject`, which has no wildcards.
    pub fn takes(&self, subject: &str) -> bool {
        let mut tokens = subject.split('.');
        for wanted in self.subject.split('.') {
            match (wanted, tokens.next()) {
                (_, None) => return false,
                (">", Some(_)) => return true,
                ("*", Some(_)) => {}
                (wanted, Some(token)) if wanted == token => {}
                (_, Some(_)) => return false,
            }
        }
        tokens.next().is_none()
    }
}

fn is_wellformed(subject: &str) -> bool {
    subject.len() <= SUBJECT_BYTES_MAX && subject.split('.').all(is_word)
}

fn is_word(word: &str) -> bool {
    !word.is_empty() && !word.contains(|c: char| c.is_whitespace() || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(pattern: &str, subject: &str) -> bool {
        Pattern::new(pattern.to_owned(), None).unwrap().takes(subject)
    }

    #[test]
    fn only_plain_subjects_are_published_on() {
        assert!(["a", "a.b-c.$d", "a*.b", "choria.é"].into_iter().all(is_publishable));
        let bad = ["", "a..b", ".a", "a.", "a.*", ">", "a b", "a\tb", "a\r\nPING", "a\0"];
        assert!(!bad.into_iter().any(is_publishable));
        assert!(!is_publishable(&"a".repeat(SUBJECT_BYTES_MAX + 1)));
    }

    #[test]
    fn a_pattern_may_hold_wildcards_but_the_tail_only_at_the_end() {
        let legal = |subject: &str| Pattern::new(subject.to_owned(), None).is_some();
        assert!(["a", "*", ">", "a.*.b", "*.reply.>", "a>b"].into_iter().all(legal));
        assert!(!["", "a..b", ">.a", "a.>.b", "a b", "a\r\nUNSUB 1"].into_iter().any(legal));
        let group = |group: &str| Pattern::new("a".to_owned(), Some(group.to_owned())).is_some();
        assert!(group("eu_federation"));
        assert!(!["", "a b", "a\r\n"].into_iter().any(group));
    }

    #[test]
    fn wildcards_take_one_token_or_at_least_one() {
        assert!(takes("a.b", "a.b") && !takes("a.b", "a.c") && !takes("a.b", "a.b.c"));
        assert!(takes("a.*.c", "a.b.c") && !takes("a.*", "a") && !takes("*", "a.b"));
        assert!(takes("a.>", "a.b.c") && !takes("a.>", "a") && takes(">", "a"));
    }
}
