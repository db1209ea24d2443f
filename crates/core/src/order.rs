//! What operators order while the fabric runs: emergency stops, and links that are not to be used.
//!
//! An order is given in one region, travels in the adverts of that region's gateways, and is kept by
//! everybody until it ends. A halt holds where the region that gave it is followed (its own always
//! is); about one thing the newest halt or resumption holds, whoever of them gave it. A link that is
//! ordered down is not used by either of the two regions until the one that ordered it lifts that.

mod book;

use std::{fmt, time::Duration};

use antiphon_wire::Collective;
use serde::{Deserialize, Serialize};

pub(crate) use self::book::{Book, Held, InForce};
use crate::{id::RegionId, policy::Pattern};

/// Orders of one region that are kept, and so in one advert.
pub const ORDERS_MAX: usize = 32;
/// Longest that an order lasts, and how long one does that says nothing.
pub const ORDER_LASTS_MAX: Duration = Duration::from_secs(30 * 24 * 3600);
/// Longest reason, and longest name of who gave an order, in bytes.
pub const ORDER_TEXT_MAX: usize = 256;

/// What is stopped.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "stop", rename_all = "kebab-case")]
pub enum Stop {
    /// Requests of this collective.
    Collective {
        /// Which.
        collective: Collective,
    },
    /// Requests of this caller, as they name it.
    Caller {
        /// Which; `*` stands for any characters.
        caller: Pattern,
    },
    /// Requests between two regions, either way.
    Pair {
        /// One of them, the lower by name.
        one: RegionId,
        /// The other.
        other: RegionId,
    },
    /// Links between the region that orders it and this one: they stay up, and no frames are sent
    /// over them.
    Link {
        /// The other region.
        with: RegionId,
    },
}

/// One order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// What it is about.
    #[serde(flatten)]
    pub stop: Stop,
    /// Whether it stops, or lifts an earlier order that did.
    pub stands: bool,
    /// Who gave it and where; at most [`ORDER_TEXT_MAX`].
    pub by: String,
    /// Why; at most [`ORDER_TEXT_MAX`].
    pub reason: String,
    /// When, since 1970-01-01 UTC; the newest about a matter holds.
    pub made: Duration,
    /// Until when, since 1970-01-01 UTC; then everybody forgets it.
    pub until: Duration,
}

/// The orders of a region, as one of its gateways knows them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Orders {
    /// Each about another matter; at most [`ORDERS_MAX`].
    pub orders: Vec<Order>,
}

/// An order as an operator gives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderGiven {
    /// What it is about.
    #[serde(flatten)]
    pub stop: Stop,
    /// Whether to stop it, or to lift what did.
    pub stands: bool,
    /// Who gives it; cut to what fits.
    pub by: String,
    /// Why; cut to what fits.
    pub reason: String,
    /// For how long, at most [`ORDER_LASTS_MAX`]; `None`: that long.
    pub lasts: Option<Duration>,
}

/// Why an order is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// There are too many that stand.
    #[error("{ORDERS_MAX} orders of region {0} stand already: lift some first")]
    Full(RegionId),
    /// A pair needs two regions, and a link another one than ours.
    #[error("{0} is the same region at both ends")]
    SameRegion(RegionId),
    /// What is to be lifted does not hold.
    #[error("no order about {0} holds here")]
    NothingHolds(Stop),
    /// It holds because the other region wants it, which alone may lift it.
    #[error("{0} are held down by region {1}, whose operator alone can lift that")]
    TheirsToLift(Stop, RegionId),
}

/// An order, and whether it holds here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderView {
    /// The order.
    #[serde(flatten)]
    pub order: Order,
    /// The region that gave it.
    pub region: RegionId,
    /// Whether our policy follows that region in this matter.
    pub followed: bool,
    /// Whether it stops anything here: it stands, is followed, and is the newest about its matter.
    pub holds: bool,
}

impl Stop {
    /// A stop of requests between two regions.
    #[must_use]
    pub fn pair(one: RegionId, other: RegionId) -> Self {
        let (one, other) = if one <= other { (one, other) } else { (other, one) };
        Self::Pair { one, other }
    }

    /// The region to which links are held down, if that is what it does.
    #[must_use]
    pub const fn link(&self) -> Option<&RegionId> {
        match self {
            Self::Link { with } => Some(with),
            Self::Collective { .. } | Self::Caller { .. } | Self::Pair { .. } => None,
        }
    }

    /// Whether requests are stopped, and not links held down.
    #[must_use]
    pub const fn is_halt(&self) -> bool {
        self.link().is_none()
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Collective { collective } => write!(f, "collective {collective}"),
            Self::Caller { caller } => write!(f, "caller {caller}"),
            Self::Pair { one, other } => write!(f, "requests between {one} and {other}"),
            Self::Link { with } => write!(f, "links with {with}"),
        }
    }
}
