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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_and_tabs_are_left_of_control_characters() {
        assert_eq!(clean("a\n\tb"), "a\n\tb");
        assert_eq!(clean("\u{1b}[31mred\u{7}\r"), "\u{fffd}[31mred\u{fffd}\u{fffd}");
    }
}
