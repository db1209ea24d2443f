//! JSON strings as they stand in the text, and which keys Go would take for each other.

use std::borrow::Cow;

use super::Span;
use crate::fault::Fault;

/// The text between the quotes of a JSON string, escapes and all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawText<'a> {
    body: &'a str,
    start: usize,
    escaped: bool,
}

impl Default for RawText<'_> {
    /// The empty string.
    fn default() -> Self {
        Self { body: "", start: 0, escaped: false }
    }
}

impl<'a> RawText<'a> {
    /// Reads the string whose opening quote stands at `quote` in `text`, and checks its escapes.
    pub(super) fn scan(text: &'a str, quote: usize) -> Result<Self, Fault> {
        let bytes = text.as_bytes();
        let start = quote + 1;
        let mut at = start;
        let mut escaped = false;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let Some(offset) = memchr::memchr2(b'"', b'\\', rest) else {
                return Err(Fault::NotJson { at: bytes.len(), expected: "the end of a string" });
            };
            at += offset;
            if bytes.get(at) == Some(&b'"') {
                break;
            }
            escaped = true;
            at += escape_len(bytes.get(at..).unwrap_or_default())
                .ok_or(Fault::NotJson { at, expected: "an escape" })?;
        }
        let body = Span { start, end: at }.of(text);
        // A fold over all bytes is vectorised; a search that stops early is not.
        if body.bytes().fold(u8::MAX, u8::min) < b' ' {
            return Err(Fault::NotJson { at: start, expected: "no control character in a string" });
        }
        Ok(Self { body, start, escaped })
    }

    /// The text between the quotes of a string that was scanned before.
    pub(crate) fn scanned(body: &'a str, escaped: bool) -> Self {
        Self { body, start: 0, escaped }
    }

    /// The text as spelled.
    pub(crate) fn body(&self) -> &'a str {
        self.body
    }

    /// Where the text stands, without its quotes.
    pub(crate) fn span(&self) -> Span {
        Span { start: self.start, end: self.start + self.body.len() }
    }

    /// Whether there are escapes in it.
    pub(crate) fn is_escaped(&self) -> bool {
        self.escaped
    }

    /// What it says. A lone half of a surrogate pair becomes U+FFFD, as in Go.
    pub(crate) fn decode(&self) -> Cow<'a, str> {
        if self.escaped { Cow::Owned(unescape(self.body)) } else { Cow::Borrowed(self.body) }
    }

    /// What it says, as a string of its own.
    pub(crate) fn into_string(self) -> String {
        self.decode().into_owned()
    }

    /// Which of the `known` keys this is; an error if it is another spelling of one.
    pub(super) fn find_in(&self, known: &'static [&'static str]) -> Result<Option<usize>, Fault> {
        if !self.escaped
            && let Some(index) = known.iter().position(|key| *key == self.body)
        {
            return Ok(Some(index));
        }
        let spelled = self.decode();
        match known.iter().find(|key| folds_to(&spelled, key)) {
            Some(key) => Err(Fault::AmbiguousKey { key, at: self.start }),
            None => Ok(None),
        }
    }
}

/// Length of the escape at the start of `bytes`, if it is one of JSON's.
fn escape_len(bytes: &[u8]) -> Option<usize> {
    match bytes.get(1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(2),
        b'u' => bytes.get(2..6)?.iter().all(u8::is_ascii_hexdigit).then_some(6),
        _ => None,
    }
}

fn unescape(body: &str) -> String {
    let mut out = String::with_capacity(body.len());
    let mut rest = body;
    while let Some((plain, escape)) = rest.split_once('\\') {
        out.push_str(plain);
        let (c, after) = unescape_one(escape);
        out.push(c);
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The character of the escape whose text after the backslash begins `escape`, and what follows it.
fn unescape_one(escape: &str) -> (char, &str) {
    let mut rest = escape.chars();
    let c = match rest.next() {
        Some('b') => '\u{8}',
        Some('f') => '\u{c}',
        Some('n') => '\n',
        Some('r') => '\r',
        Some('t') => '\t',
        Some('u') => return unescape_unit(rest.as_str()),
        Some(other) => other,
        None => char::REPLACEMENT_CHARACTER,
    };
    (c, rest.as_str())
}

/// The character of `\uXXXX`, or of two of them that are a surrogate pair; `text` begins after the first `u`.
fn unescape_unit(text: &str) -> (char, &str) {
    let (unit, rest) = code_unit(text);
    if let Some(c) = char::from_u32(unit) {
        return (c, rest);
    }
    if (0xd800..0xdc00).contains(&unit)
        && let Some(second) = rest.strip_prefix("\\u")
    {
        let (low, after) = code_unit(second);
        if (0xdc00..0xe000).contains(&low)
            && let Some(c) = char::from_u32(0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00))
        {
            return (c, after);
        }
    }
    (char::REPLACEMENT_CHARACTER, rest)
}

/// Four hexadecimal digits, checked when the string was scanned.
fn code_unit(text: &str) -> (u32, &str) {
    let (digits, rest) = text.split_at_checked(4).unwrap_or((text, ""));
    (u32::from_str_radix(digits, 16).unwrap_or(0xfffd), rest)
}

/// Whether Go's decoder takes `spelled` for the (lower-case ASCII) key `known`.
///
/// It compares under simple case folding, in which two characters beyond ASCII equal a letter of ours:
/// U+017F (long s) and U+212A (Kelvin sign).
fn folds_to(spelled: &str, known: &str) -> bool {
    if spelled.is_ascii() {
        return spelled.eq_ignore_ascii_case(known);
    }
    spelled.chars().map(fold).eq(known.chars().map(fold))
}

fn fold(c: char) -> char {
    match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        _ => c.to_ascii_lowercase(),
    }
}
