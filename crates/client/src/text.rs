//! Texts that others wrote.

use std::borrow::Cow;

/// `text` without control characters other than line feeds and tabs: a node's words must not steer our terminal.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    let steers = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    match text.contains(steers) {
        true => Cow::Owned(text.replace(steers, "\u{fffd}")),
        false => Cow::Borrowed(text),
    }
}

/// A column is no wider: one long text must not push all others away, and formatting panics beyond 65,535.
const COLUMN_MAX: usize = 200;

/// How wide a column for these texts is, in characters; longer ones stick out.
pub(crate) fn column<T: AsRef<str>>(texts: impl Iterator<Item = T>) -> usize {
    texts.map(|text| text.as_ref().chars().count()).max().unwrap_or(0).min(COLUMN_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_as_wide_as_its_longest_text_within_bounds() {
        assert_eq!(column(["ü", "abc"].iter()), 3);
        let width = column([String::from("x").repeat(100_000)].iter());
        assert_eq!(format!("{:<width$}", "a").len(), 200);
    }

    #[test]
    fn only_lines_and_tabs_are_left_of_control_characters() {
        assert_eq!(clean("a\n\tb"), "a\n\tb");
        assert_eq!(clean("\u{1b}[31mred\u{7}\r"), "\u{fffd}[31mred\u{fffd}\u{fffd}");
    }
}
