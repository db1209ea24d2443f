//! Whose emergency stops hold here.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::id::RegionId;

/// The other regions whose halts hold here. Our own region's always do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Follow {
    /// All: an emergency is rarely that of one region.
    #[default]
    Any,
    /// These.
    Regions(BTreeSet<RegionId>),
}

impl Follow {
    /// Whether the halts of this other region hold here.
    #[must_use]
    pub fn includes(&self, region: &RegionId) -> bool {
        match self {
            Self::Any => true,
            Self::Regions(regions) => regions.contains(region),
        }
    }
}
