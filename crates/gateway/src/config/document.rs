//! The text of a configuration file, and where in it each key stands.

use std::ops::Range;

use toml::{
    Spanned,
    de::{DeArray, DeTable, DeValue},
};

/// A parsed file that still knows its lines.
#[derive(Debug)]
pub(super) struct Document<'a> {
    text: &'a str,
    root: DeTable<'a>,
}

/// A place where the text is no TOML.
#[derive(Debug)]
pub(super) struct SyntaxError {
    pub(super) line: Option<usize>,
    pub(super) reason: String,
}

impl<'a> Document<'a> {
    /// Parses the whole text; what could be read is kept beside the errors.
    pub(super) fn parse(text: &'a str) -> (Self, Vec<SyntaxError>) {
        let (root, errors) = DeTable::parse_recoverable(text);
        let errors = errors
            .into_iter()
            .map(|error| SyntaxError {
                line: error.span().map(|span| line_at(text, span.start)),
                reason: error.message().to_owned(),
            })
            .collect();
        (Self { text, root: root.into_inner() }, errors)
    }

    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    /// The line of a dotted key, from 1; elements of arrays are counted from 0.
    pub(super) fn line_of(&self, key: &str) -> Option<usize> {
        let (mut table, mut array) = (Some(&self.root), None::<&DeArray<'a>>);
        let mut found = None;
        for part in key.split('.') {
            let (at, value) = match (table, array) {
                (Some(table), _) => {
                    let (name, value) = table.iter().find(|(name, _)| name.get_ref() == part)?;
                    (name.span().start, value)
                }
                (None, Some(array)) => {
                    let value = array.get(part.parse::<usize>().ok()?)?;
                    (value.span().start, value)
                }
                (None, None) => return None,
            };
            found = Some(line_at(self.text, at));
            (table, array) = (as_table(value), value.get_ref().as_array());
        }
        found
    }

    /// The dotted key whose name or value covers this place in the text; empty where there is none.
    pub(super) fn key_at(&self, span: &Range<usize>) -> String {
        key_in(&self.root, span).unwrap_or_default()
    }
}

/// The line of a byte, from 1.
pub(super) fn line_at(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

fn as_table<'b, 'a>(value: &'b Spanned<DeValue<'a>>) -> Option<&'b DeTable<'a>> {
    value.get_ref().as_table()
}

/// Looks inside tables first: the span of one under a header is only the header.
fn key_in(table: &DeTable<'_>, span: &Range<usize>) -> Option<String> {
    table.iter().find_map(|(name, value)| {
        let inner = as_table(value).and_then(|inner| key_in(inner, span));
        if let Some(inner) = inner {
            return Some(format!("{}.{inner}", name.get_ref()));
        }
        let covers = |of: Range<usize>| of.start <= span.start && span.start < of.end;
        let covered = covers(name.span()) || covers(value.span());
        covered.then(|| name.get_ref().to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "fabric = \"acme\"\n[link]\nlisten = \"x\"\ntls = { key = \"k\" }\n";

    #[test]
    fn a_dotted_key_leads_to_its_line() {
        let (document, errors) = Document::parse(TEXT);
        assert!(errors.is_empty());
        assert_eq!(document.line_of("fabric"), Some(1));
        assert_eq!(document.line_of("link"), Some(2));
        assert_eq!(document.line_of("link.listen"), Some(3));
        assert_eq!(document.line_of("link.tls.key"), Some(4));
        assert_eq!(document.line_of("link.seeds"), None);
        assert_eq!(document.line_of("fabric.x"), None);
    }

    #[test]
    fn a_place_leads_to_its_key() {
        let (document, _) = Document::parse(TEXT);
        let at = TEXT.find("\"x\"").unwrap();
        assert_eq!(document.key_at(&(at..at + 1)), "link.listen");
    }

    #[test]
    fn every_syntax_error_is_found() {
        let (_, errors) = Document::parse("a = \nb = 1\nc = [1,\n");
        let lines: Vec<_> = errors.iter().filter_map(|error| error.line).collect();
        assert!(lines.len() > 1 && lines.contains(&1), "{errors:?}");
    }
}
