//! One value of the file, read so that a bad one does not hide the next.

use std::{fmt, time::Duration};

use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use super::problem::Gathered;

/// A value that is absent, good, or of the wrong shape.
#[derive(Default)]
pub(super) enum Field<T> {
    #[default]
    Absent,
    Good(T),
    Bad(String),
}

impl<T> Field<T> {
    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// The value, if it is there and good; a bad one is reported.
    pub(super) fn optional(self, key: &str, problems: &mut Gathered) -> Option<T> {
        match self {
            Self::Absent => None,
            Self::Good(value) => Some(value),
            Self::Bad(reason) => {
                problems.add(key, reason);
                None
            }
        }
    }

    /// The value; a bad one and a missing one are reported.
    pub(super) fn required(self, key: &str, problems: &mut Gathered) -> Option<T> {
        if self.is_absent() {
            problems.add(key, "is missing");
        }
        self.optional(key, problems)
    }

    /// The value, or the default where it is absent or bad; a bad one is reported.
    pub(super) fn or(self, default: T, key: &str, problems: &mut Gathered) -> T {
        self.optional(key, problems).unwrap_or(default)
    }
}

/// Shows no value: it may be a secret, or lead to one.
impl<T> fmt::Debug for Field<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "Absent",
            Self::Good(_) => "Good",
            Self::Bad(_) => "Bad",
        })
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = toml::Value::deserialize(deserializer)?;
        Ok(match T::deserialize(value) {
            Ok(value) => Self::Good(value),
            Err(error) => Self::Bad(error.message().to_owned()),
        })
    }
}

/// A time such as `3s` or `250ms`, greater than zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Period(pub(super) Duration);

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let period: Duration = humantime_serde::deserialize(deserializer)?;
        if period.is_zero() {
            return Err(serde::de::Error::custom("must be longer than zero"));
        }
        Ok(Self(period))
    }
}
