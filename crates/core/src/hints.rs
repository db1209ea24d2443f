//! Hints: which identities, agents and services live in which region.
//!
//! They only ever prune, and only when complete. What is kept of an identity is a hash of 64 bits in
//! its own region and some ten bits elsewhere: names can be read again from the brokers at any time.

mod filter;
mod interest;
mod layout;
mod library;
mod local;
mod names;
mod said;
mod twins;

use serde::{Deserialize, Serialize};

pub use self::{
    filter::{Filter, IdentityHash},
    interest::{CollectiveInterest, Interest, InterestAnswer, InterestRead},
    names::NameList,
    said::{CollectiveHints, Hints, HintsPart, Slice},
};
pub(crate) use self::{
    layout::Layout,
    library::{Library, Shelf, Volume},
    local::Local,
    twins::{Twin, Twins},
};

/// What the hints of a region say of one identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Holding {
    /// It may be there.
    Yes,
    /// It is not there: some gateway of the region has read every server, and not long ago.
    No,
    /// Nobody can say.
    Unknown,
}

/// What the hints of a region say of one identity, and how old that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hint {
    /// What they say.
    pub holding: Holding,
    /// When the region's brokers were last read, since 1970-01-01 UTC, to the second; zero: never.
    pub read: std::time::Duration,
}
