//! Skipping values that nobody asked for, however deep a peer nests them.

use super::{Scanner, Span};
use crate::fault::{DecodeError, Fault};

/// How deep a value may nest. Choria's own messages need five.
const DEPTH_MAX: u32 = 64;

impl Scanner<'_> {
    /// Skips one value of any type.
    ///
    /// Iterative: the kinds of the open brackets are the bits of one word.
    pub(crate) fn skip(&mut self) -> Result<Span, DecodeError> {
        self.peek();
        let start = self.at;
        let mut open = Brackets::default();
        loop {
            if self.value_or_bracket(&mut open)? {
                continue;
            }
            if self.close_brackets(&mut open)? {
                return Ok(Span { start, end: self.at });
            }
        }
    }

    /// Reads a scalar, an empty array or object, or the opening of one that is not empty (then true).
    fn value_or_bracket(&mut self, open: &mut Brackets) -> Result<bool, DecodeError> {
        match self.peek() {
            Some(b'{') => {
                open.push(Bracket::Object).ok_or_else(|| self.too_deep())?;
                self.at += 1;
                if !self.take(b'}') {
                    return self.key().map(|_| true);
                }
                open.pop();
            }
            Some(b'[') => {
                open.push(Bracket::Array).ok_or_else(|| self.too_deep())?;
                self.at += 1;
                if !self.take(b']') {
                    return Ok(true);
                }
                open.pop();
            }
            Some(b'"') => drop(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word("true")?,
            Some(b'f') => self.word("false")?,
            Some(b'n') => self.word("null")?,
            _ => return Err(self.not_json("a value")),
        }
        Ok(false)
    }

    /// After a value: reads what closes, up to the next comma. True if nothing is open any more.
    fn close_brackets(&mut self, open: &mut Brackets) -> Result<bool, DecodeError> {
        while let Some(bracket) = open.last() {
            if self.take(b',') {
                if bracket == Bracket::Object {
                    self.key()?;
                }
                return Ok(false);
            }
            match bracket {
                Bracket::Object => self.expect(b'}', "`,` or `}`")?,
                Bracket::Array => self.expect(b']', "`,` or `]`")?,
            };
            open.pop();
        }
        Ok(true)
    }

    fn number(&mut self) -> Result<(), DecodeError> {
        self.take_now(b'-');
        if !self.take_now(b'0') {
            self.digits()?;
        }
        if self.take_now(b'.') {
            self.digits()?;
        }
        if self.take_now(b'e') || self.take_now(b'E') {
            let _sign = self.take_now(b'+') || self.take_now(b'-');
            self.digits()?;
        }
        Ok(())
    }

    /// One digit at least.
    fn digits(&mut self) -> Result<(), DecodeError> {
        let rest = self.rest();
        let count = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        if count == 0 {
            return Err(self.not_json("a digit"));
        }
        self.at += count;
        Ok(())
    }

    fn too_deep(&self) -> DecodeError {
        self.error(Fault::TooDeep { at: self.at })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Bracket {
    Array,
    Object,
}

/// The kinds of the open brackets, innermost in the lowest bit.
#[derive(Default)]
struct Brackets {
    objects: u64,
    depth: u32,
}

impl Brackets {
    /// `None` if there is no room for one more.
    fn push(&mut self, bracket: Bracket) -> Option<()> {
        if self.depth == DEPTH_MAX {
            return None;
        }
        self.depth += 1;
        self.objects = self.objects << 1 | u64::from(bracket == Bracket::Object);
        Some(())
    }

    fn pop(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.objects >>= 1;
    }

    fn last(&self) -> Option<Bracket> {
        match (self.depth, self.objects & 1) {
            (0, _) => None,
            (_, 0) => Some(Bracket::Array),
            (_, _) => Some(Bracket::Object),
        }
    }
}
