//! A scanner over JSON text that knows where everything stands.
//!
//! It reads as Go's `encoding/json` does and refuses what Go and we could take differently. Objects are read by
//! their known keys; other members are skipped without recursion, however deep a peer nests them. The text is
//! checked to be UTF-8 before it comes here.

mod skip;
mod string;
mod write;

pub(crate) use string::RawText;
pub(crate) use write::{ObjectWriter, array, string};

use crate::fault::{DecodeError, Fault, Layer};

/// A range of bytes in the scanned text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Span {
    /// The bytes of `text` it stands for.
    pub(crate) fn of(self, text: &str) -> &str {
        text.get(self.start..self.end).expect("a span is made from the text it is used on")
    }
}

/// One member of an object, where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member<'a> {
    /// The key between its quotes, as spelled.
    pub(crate) key: &'a str,
    /// From the key's opening quote to the end of the value.
    pub(crate) whole: Span,
    /// The value alone.
    pub(crate) value: Span,
}

impl Member<'_> {
    /// The same member in a text that has `offset` more bytes before it.
    pub(crate) fn moved_by(self, offset: usize) -> Self {
        let moved = |span: Span| Span { start: span.start + offset, end: span.end + offset };
        Self { key: self.key, whole: moved(self.whole), value: moved(self.value) }
    }
}

/// Reads JSON values one after the other.
///
/// It carries the layer that it reads, so that an error says where it is.
pub(crate) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    layer: Layer,
}

impl<'a> Scanner<'a> {
    /// Starts at the beginning of `text`, which is the text of `layer`.
    pub(crate) fn new(layer: Layer, text: &'a str) -> Self {
        Self { text, at: 0, layer }
    }

    /// Starts at `offset` of `text`; spans stay offsets into the whole text.
    pub(crate) fn starting_at(layer: Layer, text: &'a str, offset: usize) -> Self {
        Self { text, at: offset, layer }
    }

    /// Lets `read` read a value that is a layer of its own.
    pub(crate) fn within<T>(
        &mut self,
        layer: Layer,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        let outer = std::mem::replace(&mut self.layer, layer);
        let value = read(self)?;
        self.layer = outer;
        Ok(value)
    }

    /// An error in the layer that is being read.
    pub(crate) fn error(&self, fault: Fault) -> DecodeError {
        fault.within(self.layer)
    }

    /// Ends the reading: nothing but white space may follow.
    pub(crate) fn finish(mut self) -> Result<(), DecodeError> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.error(Fault::TrailingBytes { at: self.at })),
        }
    }

    /// Reads an object and calls `on` for each member that is in `known`; `on` must read its value.
    ///
    /// A known key that appears twice, or in any other spelling that Go would match, is refused.
    pub(crate) fn object(
        &mut self,
        known: &'static [&'static str],
        mut on: impl FnMut(&'static str, &mut Self) -> Result<(), DecodeError>,
    ) -> Result<Span, DecodeError> {
        let mut seen = 0_u32;
        self.members(|key, scanner| {
            let Some(index) = key.find_in(known).map_err(|fault| scanner.error(fault))? else {
                return scanner.skip().map(drop);
            };
            let name = known.get(index).copied().unwrap_or_default();
            let bit = 1_u32 << index;
            if seen & bit != 0 {
                let at = key.span().start;
                return Err(scanner.error(Fault::AmbiguousKey { key: name, at }));
            }
            seen |= bit;
            on(name, scanner)
        })
    }

    /// Reads an array and calls `on` at each element; `on` must read it.
    fn array(
        &mut self,
        mut on: impl FnMut(&mut Self) -> Result<(), DecodeError>,
    ) -> Result<Span, DecodeError> {
        let start = self.expect(b'[', "an array")?;
        if !self.take(b']') {
            loop {
                on(self)?;
                if !self.take(b',') {
                    break;
                }
            }
            self.expect(b']', "`,` or `]`")?;
        }
        Ok(Span { start, end: self.at })
    }

    /// Lists the members of an object.
    pub(crate) fn list_members(&mut self) -> Result<Vec<Member<'a>>, DecodeError> {
        let mut members = Vec::with_capacity(8);
        self.members(|key, scanner| {
            let value = scanner.skip()?;
            let whole = Span { start: key.span().start - 1, end: value.end };
            members.push(Member { key: key.body(), whole, value });
            Ok(())
        })?;
        Ok(members)
    }

    /// Reads the value of member `key`: a string, or null.
    pub(crate) fn text(&mut self, key: &'static str) -> Result<Option<RawText<'a>>, DecodeError> {
        match self.peek() {
            Some(b'"') => self.string().map(Some),
            _ => self.null_or(key, "a string"),
        }
    }

    /// Reads the value of member `key`: an integer that is not negative, or null.
    pub(crate) fn integer(&mut self, key: &'static str) -> Result<Option<u64>, DecodeError> {
        const WANTED: &str = "an integer from 0 to 9223372036854775807";
        if !matches!(self.peek(), Some(b'0'..=b'9' | b'-')) {
            return self.null_or(key, WANTED);
        }
        let digits = self.skip()?.of(self.text);
        match digits.parse::<i64>().map(u64::try_from) {
            Ok(Ok(number)) => Ok(Some(number)),
            _ => Err(self.error(Fault::Invalid { key, expected: WANTED })),
        }
    }

    /// Reads the value of member `key`: an array whose elements `on` reads, or null. Says whether there is one.
    pub(crate) fn list(
        &mut self,
        key: &'static str,
        on: impl FnMut(&mut Self) -> Result<(), DecodeError>,
    ) -> Result<Option<Span>, DecodeError> {
        match self.peek() {
            Some(b'[') => self.array(on).map(Some),
            _ => self.null_or(key, "an array"),
        }
    }

    /// Reads the value of member `key`: an array of strings (null counting as an empty one, as in Go), or null.
    pub(crate) fn texts(
        &mut self,
        key: &'static str,
        mut on: impl FnMut(RawText<'a>),
    ) -> Result<Option<Span>, DecodeError> {
        self.list(key, |element| {
            on(element.text(key)?.unwrap_or_default());
            Ok(())
        })
    }

    /// Whether an object comes next.
    pub(crate) fn at_object(&mut self) -> bool {
        self.peek() == Some(b'{')
    }

    /// Whether a string comes next.
    pub(crate) fn at_text(&mut self) -> bool {
        self.peek() == Some(b'"')
    }

    /// Reads the null that must come next, if the value of `key` is not what was `expected`.
    pub(crate) fn null_or<T>(
        &mut self,
        key: &'static str,
        expected: &'static str,
    ) -> Result<Option<T>, DecodeError> {
        match self.peek() {
            Some(b'n') => self.word("null").map(|()| None),
            _ => Err(self.error(Fault::Invalid { key, expected })),
        }
    }

    /// Reads an object; `on` is called after each key and must read the value.
    fn members(
        &mut self,
        mut on: impl FnMut(RawText<'a>, &mut Self) -> Result<(), DecodeError>,
    ) -> Result<Span, DecodeError> {
        let start = self.expect(b'{', "an object")?;
        if !self.take(b'}') {
            loop {
                let key = self.key()?;
                on(key, self)?;
                if !self.take(b',') {
                    break;
                }
            }
            self.expect(b'}', "`,` or `}`")?;
        }
        Ok(Span { start, end: self.at })
    }

    /// Reads a key and the colon after it.
    fn key(&mut self) -> Result<RawText<'a>, DecodeError> {
        if self.peek() != Some(b'"') {
            return Err(self.not_json("a key"));
        }
        let key = self.string()?;
        self.expect(b':', "`:`")?;
        Ok(key)
    }

    /// Reads a string whose opening quote comes next.
    fn string(&mut self) -> Result<RawText<'a>, DecodeError> {
        let text = RawText::scan(self.text, self.at).map_err(|fault| self.error(fault))?;
        self.at = text.span().end + 1;
        Ok(text)
    }

    /// Reads the rest of a literal.
    fn word(&mut self, word: &'static str) -> Result<(), DecodeError> {
        if !self.rest().starts_with(word.as_bytes()) {
            return Err(self.not_json(word));
        }
        self.at += word.len();
        Ok(())
    }

    /// Reads `byte` after any white space and returns where it stood.
    fn expect(&mut self, byte: u8, expected: &'static str) -> Result<usize, DecodeError> {
        if !self.take(byte) {
            return Err(self.not_json(expected));
        }
        Ok(self.at - 1)
    }

    /// Takes `byte` if it is next after any white space.
    fn take(&mut self, byte: u8) -> bool {
        self.peek();
        self.take_now(byte)
    }

    /// Takes `byte` if it is the very next.
    fn take_now(&mut self, byte: u8) -> bool {
        let found = self.rest().first() == Some(&byte);
        self.at += usize::from(found);
        found
    }

    /// Skips white space and shows the next byte.
    fn peek(&mut self) -> Option<u8> {
        loop {
            match self.rest().first() {
                Some(b' ' | b'\t' | b'\r' | b'\n') => self.at += 1,
                other => return other.copied(),
            }
        }
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn not_json(&self, expected: &'static str) -> DecodeError {
        self.error(Fault::NotJson { at: self.at, expected })
    }
}

#[cfg(test)]
mod tests;
