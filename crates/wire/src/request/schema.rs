//! What nodes ask of a request beyond what can be read.
//!
//! Sources: go-choria `internal/fs/schemas/choria/protocol/{v1,v2}/request.json`, and recorded behaviour: nodes check
//! the request as Go re-encodes it, in which a list that was left out is null and hence wrong.

use super::{FactFilter, Request};
use crate::version::Version;

const OPERATORS: [&str; 7] = [">=", "<=", "<", ">", "!=", "==", "=~"];

/// A rule of a node's schema that a request breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// The id must have exactly 32 characters (v1).
    #[error("the request id has {chars} characters instead of 32")]
    RequestIdLength {
        /// How many it has.
        chars: usize,
    },
    /// The time to live is too short.
    #[error("a ttl of {ttl_secs} s is below the minimum of {min_secs} s")]
    TtlTooShort {
        /// What it is, in seconds.
        ttl_secs: u64,
        /// What it must be at least, in seconds.
        min_secs: u64,
    },
    /// A member is missing or empty that must not be.
    #[error("`{member}` is missing or empty")]
    Empty {
        /// The member.
        member: &'static str,
    },
    /// The filter, or a list of it, is missing or null.
    #[error("the filter lacks `{member}`")]
    FilterIncomplete {
        /// The list, or `filter`.
        member: &'static str,
    },
    /// A fact filter has an unknown operator.
    #[error("{operator:?} is no operator of a fact filter")]
    UnknownOperator {
        /// What it says.
        operator: String,
    },
}

/// Checks the rules of the request's version.
pub(super) fn check(request: &Request) -> Result<(), SchemaError> {
    match request.head.version {
        Version::V1 => {
            check_id_length(request)?;
            check_ttl(request, 30)?;
        }
        Version::V2 => {
            check_ttl(request, 1)?;
            check_present("sender", request.sender.is_empty())?;
            check_present("time", request.head.time.is_zero())?;
        }
    }
    check_present("message", request.message.is_empty())?;
    check_filter(request)
}

fn check_id_length(request: &Request) -> Result<(), SchemaError> {
    match request.head.id.as_str().chars().count() {
        32 => Ok(()),
        chars => Err(SchemaError::RequestIdLength { chars }),
    }
}

fn check_ttl(request: &Request, min_secs: u64) -> Result<(), SchemaError> {
    let ttl_secs = request.head.ttl.as_secs();
    if ttl_secs < min_secs { Err(SchemaError::TtlTooShort { ttl_secs, min_secs }) } else { Ok(()) }
}

fn check_present(member: &'static str, empty: bool) -> Result<(), SchemaError> {
    if empty { Err(SchemaError::Empty { member }) } else { Ok(()) }
}

fn check_filter(request: &Request) -> Result<(), SchemaError> {
    match (request.head.version, request.absent) {
        (Version::V2, Some("filter")) | (_, None) => {}
        (_, Some(member)) => return Err(SchemaError::FilterIncomplete { member }),
    }
    request.filter.fact.iter().try_for_each(check_fact)
}

fn check_fact(fact: &FactFilter) -> Result<(), SchemaError> {
    check_present("filter.fact.fact", fact.fact.is_empty())?;
    check_present("filter.fact.value", fact.value.is_empty())?;
    if OPERATORS.contains(&fact.operator.as_str()) {
        return Ok(());
    }
    Err(SchemaError::UnknownOperator { operator: fact.operator.chars().take(64).collect() })
}
