//! Adverts: what a gateway tells all others over links, signed by its certificate's key.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use antiphon_wire::Collective;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    hints::{Hints, HintsPart},
    id::{GatewayId, Incarnation, RegionId},
    order::Orders,
};

/// One advert: content for us, and the signed bytes that are relayed verbatim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advert {
    /// What it says.
    pub draft: AdvertDraft,
    /// The signed bytes with certificate chain; opaque here.
    pub sealed: Bytes,
}

/// The content of an advert, before it is signed and after it is verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdvertDraft {
    /// Who says it, as proved by the signature's certificate.
    pub gateway: GatewayId,
    /// Its region, as proved by the signature's certificate.
    pub region: RegionId,
    /// How new it is.
    pub stamp: Stamp,
    /// What it says.
    pub content: AdvertContent,
}

/// Orders the adverts of one gateway and kind: the newer one wins.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Stamp {
    /// The life in which it was made.
    pub incarnation: Incarnation,
    /// Counts up within that life.
    pub version: u64,
}

/// What an advert can say. Kinds are apart because they differ in size and in how often they change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AdvertContent {
    /// The gateway's place in the topology.
    Topology(Arc<Topology>),
    /// What its region offers.
    Offer(Offer),
    /// What it knows of its region's interest.
    Hints(Arc<Hints>),
    /// Some of the filters that belong to its hints.
    HintsPart(Arc<HintsPart>),
    /// What operators of its region have ordered.
    Orders(Orders),
}

/// The kind of an advert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AdvertKind {
    /// [`AdvertContent::Topology`].
    Topology,
    /// [`AdvertContent::Offer`].
    Offer,
    /// [`AdvertContent::Hints`].
    Hints,
    /// [`AdvertContent::HintsPart`], by its index.
    HintsPart(u16),
    /// [`AdvertContent::Orders`].
    Orders,
}

/// A gateway's place in the topology.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topology {
    /// Where it is in its life.
    pub state: GatewayState,
    /// Whether its broker connection stands.
    pub broker: bool,
    /// Whether it carries traffic between other regions: some of it, if it has rules of its own.
    pub transit: bool,
    /// Whether its rules refuse some of that traffic. Routes do not depend on it: a table has one way to
    /// a region, whatever is asked.
    #[serde(default)]
    pub transit_ruled: bool,
    /// Its open links that do not flap, and their cost; a link counts when both ends advertise it.
    pub adjacencies: BTreeMap<GatewayId, u32>,
    /// Regions whose brokers are joined natively with its own.
    pub native: BTreeSet<RegionId>,
}

/// What a region offers, as one of its gateways knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The exported collectives.
    pub collectives: BTreeSet<Collective>,
}

/// Where a gateway is in its life.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum GatewayState {
    /// Not in the queue group yet.
    #[default]
    Starting,
    /// Takes and delivers messages.
    Active,
    /// On its way out: deliver through others.
    Draining,
    /// Said goodbye.
    Left,
}

impl GatewayState {
    /// Whether frames may be routed to or through a gateway in this state.
    #[must_use]
    pub const fn takes_frames(self) -> bool {
        matches!(self, Self::Starting | Self::Active)
    }

    /// The word that tables and JSON use.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Active => "active",
            Self::Draining => "draining",
            Self::Left => "left",
        }
    }
}

/// Which advert: one gateway's, of one kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AdvertKey {
    /// Who made it.
    pub gateway: GatewayId,
    /// Of which kind.
    pub kind: AdvertKind,
}

impl AdvertDraft {
    /// Which advert this is a version of.
    #[must_use]
    pub fn key(&self) -> AdvertKey {
        AdvertKey { gateway: self.gateway.clone(), kind: self.content.kind() }
    }
}

impl AdvertKind {
    /// Whether adverts of this kind are hints: they decide no route.
    #[must_use]
    pub const fn is_hint(self) -> bool {
        matches!(self, Self::Hints | Self::HintsPart(_))
    }
}

impl AdvertContent {
    /// The kind of this content.
    #[must_use]
    pub fn kind(&self) -> AdvertKind {
        match self {
            Self::Topology(_) => AdvertKind::Topology,
            Self::Offer(_) => AdvertKind::Offer,
            Self::Hints(_) => AdvertKind::Hints,
            Self::HintsPart(part) => AdvertKind::HintsPart(part.index),
            Self::Orders(_) => AdvertKind::Orders,
        }
    }
}
