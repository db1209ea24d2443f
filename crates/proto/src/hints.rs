//! Who listens in a region.

use std::{collections::BTreeMap, time::Duration};

use antiphon_core::{CollectiveHints, Filter, HINT_PARTS_MAX, Hints, HintsPart, NameList, Slice};
use antiphon_wire::{Agent, Collective};

use crate::{
    COLLECTIVES_MAX, FieldError, Problem, SLICES_MAX,
    field::{list, name},
    v1,
};

/// Most shards of one collective.
const SHARDS_MAX: u16 = 1 << 15;

impl From<&Hints> for v1::Hints {
    fn from(hints: &Hints) -> Self {
        let collective = |(name, hints): (&Collective, &CollectiveHints)| v1::CollectiveHints {
            collective: name.to_string(),
            complete: hints.complete,
            identities: hints.identities,
            read: hints.read.as_secs(),
            agents: hints.agents.iter().map(str::to_owned).collect(),
            services: hints.services.iter().map(str::to_owned).collect(),
        };
        Self {
            monitors: hints.monitors,
            generation: hints.generation,
            parts: hints.parts.into(),
            collectives: hints.collectives.iter().map(collective).collect(),
        }
    }
}

impl TryFrom<v1::Hints> for Hints {
    type Error = FieldError;

    fn try_from(hints: v1::Hints) -> Result<Self, FieldError> {
        let mut collectives = BTreeMap::new();
        for one in list("collectives", hints.collectives, COLLECTIVES_MAX)? {
            let collective = name("collectives.collective", &one.collective)?;
            let said = CollectiveHints {
                complete: one.complete,
                identities: one.identities,
                read: Duration::from_secs(one.read),
                agents: names("collectives.agents", one.agents)?,
                services: names("collectives.services", one.services)?,
            };
            if collectives.insert(collective, said).is_some() {
                let problem = Problem::Twice { key: one.collective };
                return Err(FieldError::new("collectives.collective", problem));
            }
        }
        Ok(Self {
            monitors: hints.monitors,
            generation: hints.generation,
            parts: below("parts", hints.parts, HINT_PARTS_MAX)?,
            collectives,
        })
    }
}

impl From<&HintsPart> for v1::HintsPart {
    fn from(part: &HintsPart) -> Self {
        let slice = |slice: &Slice| v1::HintsSlice {
            collective: slice.collective.to_string(),
            shard: slice.shard.into(),
            shards: slice.shards.into(),
            filter: slice.filter.bytes().clone(),
        };
        Self {
            index: part.index.into(),
            generation: part.generation,
            slices: part.slices.iter().map(slice).collect(),
        }
    }
}

impl TryFrom<v1::HintsPart> for HintsPart {
    type Error = FieldError;

    fn try_from(part: v1::HintsPart) -> Result<Self, FieldError> {
        let slice = |slice: v1::HintsSlice| {
            Ok(Slice {
                collective: name("slices.collective", &slice.collective)?,
                shard: below("slices.shard", slice.shard, SHARDS_MAX)?,
                shards: below("slices.shards", slice.shards, SHARDS_MAX)?,
                filter: Filter::from_bytes(slice.filter),
            })
        };
        let slices = list("slices", part.slices, SLICES_MAX)?;
        Ok(Self {
            index: below("index", part.index, HINT_PARTS_MAX)?,
            generation: part.generation,
            slices: slices.into_iter().map(slice).collect::<Result<_, FieldError>>()?,
        })
    }
}

fn names(field: &str, names: Vec<String>) -> Result<NameList, FieldError> {
    let names = list(field, names, NameList::MAX)?;
    let names: Vec<Agent> =
        names.iter().map(|one| name(field, one)).collect::<Result<_, FieldError>>()?;
    Ok(NameList::new(&names))
}

/// A number of at most `max`.
fn below(field: &str, number: u32, max: u16) -> Result<u16, FieldError> {
    u16::try_from(number).ok().filter(|one| *one <= max).ok_or_else(|| {
        let problem =
            Problem::OutOfRange { number: number.into(), range: format!("0 to {max}").into() };
        FieldError::new(field, problem)
    })
}
