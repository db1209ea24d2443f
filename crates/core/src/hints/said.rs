//! What a gateway tells the others of its region's interest: one small summary and some filters,
//! each an advert of its own.

use std::{collections::BTreeMap, time::Duration};

use antiphon_wire::Collective;
use serde::{Deserialize, Serialize};

use super::{filter::Filter, names::NameList};

/// The summary.
///
/// The filters of one generation belong together: they are complete when all of them are there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hints {
    /// Whether this gateway can read its brokers' subscription lists.
    pub monitors: bool,
    /// Which filters belong to it: grows when identities are distributed over filters anew.
    pub generation: u64,
    /// How many adverts of filters there are; at most [`crate::HINT_PARTS_MAX`].
    pub parts: u16,
    /// By collective, those of which something is known.
    pub collectives: BTreeMap<Collective, CollectiveHints>,
}

/// What is known of one collective of a region.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectiveHints {
    /// Every server of the cluster was read, and not long ago: what the filters do not hold is not
    /// there.
    pub complete: bool,
    /// How many identities there are.
    pub identities: u64,
    /// When the servers were last read, since 1970-01-01 UTC, to the second; zero: never.
    pub read: Duration,
    /// Agents that somebody listens for.
    pub agents: NameList,
    /// Service agents that somebody listens for.
    pub services: NameList,
}

/// Some filters: as many as make an advert of a comfortable size.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HintsPart {
    /// Its place among the parts.
    pub index: u16,
    /// See [`Hints::generation`].
    pub generation: u64,
    /// The filters.
    pub slices: Vec<Slice>,
}

/// The identities of one collective whose hashes begin with the same bits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    /// The collective.
    pub collective: Collective,
    /// Which of the shards; below `shards`.
    pub shard: u16,
    /// Shards of this collective: a power of two.
    pub shards: u16,
    /// The identities in it.
    pub filter: Filter,
}
