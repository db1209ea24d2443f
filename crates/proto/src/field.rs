//! Checks that many conversions share. Each names the field that it checks.

use std::{fmt::Display, time::Duration};

use antiphon_core::GatewayState;
use bytes::Bytes;

use crate::{FieldError, Problem, v1};

/// A validated name out of a text.
pub(crate) fn name<T>(field: &str, text: &str) -> Result<T, FieldError>
where
    T: for<'a> TryFrom<&'a str, Error: Display>,
{
    T::try_from(text).map_err(|error| invalid(field, &error))
}

/// A validated name, or `None` for the empty text.
pub(crate) fn optional_name<T>(field: &str, text: &str) -> Result<Option<T>, FieldError>
where
    T: for<'a> TryFrom<&'a str, Error: Display>,
{
    if text.is_empty() { Ok(None) } else { name(field, text).map(Some) }
}

/// A free text of at most `max` bytes.
pub(crate) fn text(field: &str, text: String, max: usize) -> Result<String, FieldError> {
    at_most(field, text.len(), "bytes", max)?;
    Ok(text)
}

/// Free bytes, at most `max`.
pub(crate) fn bytes(field: &str, bytes: Bytes, max: usize) -> Result<Bytes, FieldError> {
    at_most(field, bytes.len(), "bytes", max)?;
    Ok(bytes)
}

/// A list of at most `max` entries.
pub(crate) fn list<T>(field: &str, list: Vec<T>, max: usize) -> Result<Vec<T>, FieldError> {
    at_most(field, list.len(), "entries", max)?;
    Ok(list)
}

/// A message that must be there.
pub(crate) fn required<T>(field: &str, value: Option<T>) -> Result<T, FieldError> {
    value.ok_or_else(|| FieldError::new(field, Problem::Missing))
}

/// A small number that travels as a larger one.
pub(crate) fn small(field: &str, number: u32) -> Result<u8, FieldError> {
    u8::try_from(number).map_err(|_| {
        let range = "0 to 255".into();
        FieldError::new(field, Problem::OutOfRange { number: number.into(), range })
    })
}

/// A text that breaks the rule of its kind.
pub(crate) fn invalid(field: &str, rule: &dyn Display) -> FieldError {
    FieldError::new(field, Problem::Invalid { rule: rule.to_string() })
}

/// Microseconds on the wire; half a million years at most.
pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// A gateway's state. Unknown numbers are a newer peer's: read as starting, so that the gateway is
/// known and nothing is sent to it on a guess.
pub(crate) fn state(field: &str, number: i32) -> Result<GatewayState, FieldError> {
    match v1::GatewayState::try_from(number) {
        Ok(v1::GatewayState::Unspecified) => Err(FieldError::new(field, Problem::Missing)),
        Ok(v1::GatewayState::Starting) | Err(_) => Ok(GatewayState::Starting),
        Ok(v1::GatewayState::Active) => Ok(GatewayState::Active),
        Ok(v1::GatewayState::Draining) => Ok(GatewayState::Draining),
        Ok(v1::GatewayState::Left) => Ok(GatewayState::Left),
    }
}

impl From<GatewayState> for v1::GatewayState {
    fn from(state: GatewayState) -> Self {
        match state {
            GatewayState::Starting => Self::Starting,
            GatewayState::Active => Self::Active,
            GatewayState::Draining => Self::Draining,
            GatewayState::Left => Self::Left,
        }
    }
}

fn at_most(field: &str, count: usize, unit: &'static str, max: usize) -> Result<(), FieldError> {
    if count <= max {
        return Ok(());
    }
    Err(FieldError::new(field, Problem::TooMuch { count, unit, max }))
}
