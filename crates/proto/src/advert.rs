//! What adverts say.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
    sync::Arc,
};

use antiphon_core::{AdvertContent, AdvertDraft, GatewayId, Incarnation, Offer, Stamp, Topology};

use crate::{
    ADJACENCIES_MAX, COLLECTIVES_MAX, FieldError, Problem,
    field::{list, name, state},
    v1,
};

impl From<&AdvertDraft> for v1::Advert {
    fn from(draft: &AdvertDraft) -> Self {
        Self {
            gateway: draft.gateway.to_string(),
            region: draft.region.to_string(),
            incarnation: draft.stamp.incarnation.0,
            version: draft.stamp.version,
            content: Some(match &draft.content {
                AdvertContent::Topology(topology) => {
                    v1::advert::Content::Topology((&**topology).into())
                }
                AdvertContent::Offer(offer) => v1::advert::Content::Offer(offer.into()),
                AdvertContent::Hints(hints) => v1::advert::Content::Hints((&**hints).into()),
                AdvertContent::HintsPart(part) => v1::advert::Content::HintsPart((&**part).into()),
                AdvertContent::Orders(orders) => v1::advert::Content::Orders(orders.into()),
            }),
        }
    }
}

impl TryFrom<v1::Advert> for AdvertDraft {
    type Error = FieldError;

    fn try_from(advert: v1::Advert) -> Result<Self, FieldError> {
        let stamp = Stamp { incarnation: Incarnation(advert.incarnation), version: advert.version };
        let newer = || FieldError::new("content", Problem::Newer);
        Ok(Self {
            gateway: name("gateway", &advert.gateway)?,
            region: name("region", &advert.region)?,
            stamp,
            content: match advert.content.ok_or_else(newer)? {
                v1::advert::Content::Topology(topology) => AdvertContent::Topology(Arc::new(
                    topology.try_into().map_err(|error: FieldError| error.within("topology"))?,
                )),
                v1::advert::Content::Offer(offer) => AdvertContent::Offer(
                    offer.try_into().map_err(|error: FieldError| error.within("offer"))?,
                ),
                v1::advert::Content::Hints(hints) => AdvertContent::Hints(Arc::new(
                    hints.try_into().map_err(|error: FieldError| error.within("hints"))?,
                )),
                v1::advert::Content::HintsPart(part) => AdvertContent::HintsPart(Arc::new(
                    part.try_into().map_err(|error: FieldError| error.within("hints_part"))?,
                )),
                v1::advert::Content::Orders(orders) => AdvertContent::Orders(
                    orders.try_into().map_err(|error: FieldError| error.within("orders"))?,
                ),
            },
        })
    }
}

impl From<&Topology> for v1::Topology {
    fn from(topology: &Topology) -> Self {
        let adjacency = |(gateway, cost): (&GatewayId, &u32)| v1::Adjacency {
            gateway: gateway.to_string(),
            cost: *cost,
        };
        Self {
            state: v1::GatewayState::from(topology.state).into(),
            broker: topology.broker,
            transit: topology.transit,
            transit_ruled: topology.transit_ruled,
            adjacencies: topology.adjacencies.iter().map(adjacency).collect(),
            native: topology.native.iter().map(ToString::to_string).collect(),
        }
    }
}

impl TryFrom<v1::Topology> for Topology {
    type Error = FieldError;

    fn try_from(topology: v1::Topology) -> Result<Self, FieldError> {
        Ok(Self {
            state: state("state", topology.state)?,
            broker: topology.broker,
            transit: topology.transit,
            transit_ruled: topology.transit_ruled,
            adjacencies: adjacencies(topology.adjacencies)?,
            native: set("native", &topology.native, ADJACENCIES_MAX)?,
        })
    }
}

impl From<&Offer> for v1::Offer {
    fn from(offer: &Offer) -> Self {
        Self { collectives: offer.collectives.iter().map(ToString::to_string).collect() }
    }
}

impl TryFrom<v1::Offer> for Offer {
    type Error = FieldError;

    fn try_from(offer: v1::Offer) -> Result<Self, FieldError> {
        Ok(Self { collectives: set("collectives", &offer.collectives, COLLECTIVES_MAX)? })
    }
}

fn adjacencies(entries: Vec<v1::Adjacency>) -> Result<BTreeMap<GatewayId, u32>, FieldError> {
    let mut adjacencies = BTreeMap::new();
    for v1::Adjacency { gateway, cost } in list("adjacencies", entries, ADJACENCIES_MAX)? {
        if adjacencies.insert(name("adjacencies.gateway", &gateway)?, cost).is_some() {
            return Err(FieldError::new("adjacencies", Problem::Twice { key: gateway }));
        }
    }
    Ok(adjacencies)
}

/// A set of names; the same name twice is one.
fn set<T>(field: &str, names: &[String], max: usize) -> Result<BTreeSet<T>, FieldError>
where
    T: Ord + for<'a> TryFrom<&'a str, Error: Display>,
{
    if names.len() > max {
        let problem = Problem::TooMuch { count: names.len(), unit: "entries", max };
        return Err(FieldError::new(field, problem));
    }
    names.iter().map(|one| name(field, one)).collect()
}
