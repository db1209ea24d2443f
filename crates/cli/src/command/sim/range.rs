//! `1..10000`, or one number.

use std::{fmt, ops::RangeInclusive, str::FromStr};

/// Numbers from and to, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Numbers {
    /// The first.
    pub(super) from: u64,
    /// The last; never less.
    pub(super) to: u64,
}

impl Numbers {
    pub(super) fn all(self) -> RangeInclusive<u64> {
        self.from..=self.to
    }
}

impl FromStr for Numbers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse::<u64>().map_err(|error| format!("{text:?}: {error}"));
        let (from, to) = text.split_once("..").unwrap_or((text, text));
        let to = to.strip_prefix('=').unwrap_or(to);
        let (from, to) = (number(from)?, number(to)?);
        if from > to {
            return Err(format!("{text:?} ends before it begins"));
        }
        Ok(Self { from, to })
    }
}

impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.from == self.to {
            write!(f, "{}", self.from)
        } else {
            write!(f, "{}..{}", self.from, self.to)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_are_included() {
        for (text, from, to) in [("7", 7, 7), ("1..10000", 1, 10_000), ("3..=8", 3, 8)] {
            assert_eq!(text.parse(), Ok(Numbers { from, to }));
        }
        assert_eq!(Numbers { from: 1, to: 3 }.to_string(), "1..3");
        assert_eq!(Numbers { from: 3, to: 3 }.to_string(), "3");
        for text in ["", "..", "8..3", "x", "1..x", "-1"] {
            assert!(text.parse::<Numbers>().is_err(), "{text:?}");
        }
    }
}
