//! Times in scenarios: `90s`, `80ms..120ms`, `-5m`.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

use crate::process::Skew;

/// A length of time, such as `90s`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(pub Duration);

/// A range of times, such as `80ms..120ms`, or one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Between {
    /// The shortest.
    pub min: Duration,
    /// The longest; never shorter.
    pub max: Duration,
}

/// How far a clock is off, such as `+30s` or `-5m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Offset(pub Skew);

/// When a run ends: from then on nothing is done, asked or looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct End(pub(super) Span);

impl End {
    /// Says of a time that does not come why not.
    pub(super) fn must_follow(self, at: Span) -> Result<(), String> {
        if at < self.0 {
            Ok(())
        } else {
            Err(format!("{at} is not before the end, run_for = {}", self.0))
        }
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = humantime::parse_duration(text);
        parsed.map(Self).map_err(|error| format!("{text:?} is no time such as \"90s\": {error}"))
    }
}

impl FromStr for Between {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (min, max) = text.split_once("..").unwrap_or((text, text));
        let (Span(min), Span(max)) = (min.parse()?, max.parse()?);
        if min > max {
            Err(format!("{text:?} ends before it begins"))
        } else {
            Ok(Self { min, max })
        }
    }
}

impl FromStr for Offset {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let skew: (fn(Duration) -> Skew, &str) = match text.split_at_checked(1) {
            Some(("+", by)) => (Skew::Ahead, by),
            Some(("-", by)) => (Skew::Behind, by),
            Some(_) | None => return Err(format!("{text:?} is no offset such as \"+30s\"")),
        };
        Ok(Self(skew.0(skew.1.parse::<Span>()?.0)))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = humantime::format_duration(self.0).to_string();
        f.write_str(&text.replace(' ', ""))
    }
}

impl fmt::Display for Between {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", Span(self.min), Span(self.max))
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Skew::Ahead(by) => write!(f, "+{}", Span(by)),
            Skew::Behind(by) => write!(f, "-{}", Span(by)),
        }
    }
}

macro_rules! as_text {
    ($($name:ident),*) => {$(
        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    )*};
}

as_text!(Span, Between, Offset);
