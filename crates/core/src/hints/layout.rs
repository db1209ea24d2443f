//! How identities are distributed over adverts: large collectives in shards, small ones together.

use antiphon_wire::Collective;

use super::{
    filter::{Filter, IdentityHash},
    local::{Known, Local},
    said::{HintsPart, Slice},
};
use crate::HINT_PARTS_MAX;

/// Identities of a shard, on average, at most: filters of 10 kB, built in a fraction of a millisecond.
const SHARD_LEN: usize = 8192;
/// Bytes of filters in one advert, unless a single one is larger.
const PART_BYTES: usize = 24 << 10;
/// What a slice takes besides its filter's bytes, about.
const SLICE_BYTES: usize = 48;

/// Which slices make up which part. Equal counts, within the steps in which filters grow, give
/// equal layouts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Layout {
    parts: Vec<Vec<Place>>,
}

/// The place of a slice among all.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    collective: Collective,
    shard: u16,
    shards: u16,
}

/// Which of the identities are told.
pub(crate) type Told<'a> = &'a dyn Fn(&Collective, IdentityHash) -> bool;

impl Layout {
    /// For what is known. More than [`HINT_PARTS_MAX`] parts are cut off: see [`Self::is_whole`].
    pub(crate) fn new(local: &Local, told: Told<'_>) -> Self {
        let mut parts: Vec<Vec<Place>> = Vec::new();
        let mut room = 0;
        for (collective, known) in local.collectives() {
            let count = told_len(collective, known, told);
            let shards = shards_for(count);
            let bytes = SLICE_BYTES + Filter::bytes_for(count / usize::from(shards.max(1)));
            for shard in 0..shards {
                if room < bytes {
                    parts.push(Vec::new());
                    room = PART_BYTES;
                }
                room = room.saturating_sub(bytes);
                if let Some(part) = parts.last_mut() {
                    part.push(Place { collective: collective.clone(), shard, shards });
                }
            }
        }
        Self { parts }
    }

    /// Whether everything has a place.
    pub(crate) fn is_whole(&self) -> bool {
        self.parts.len() <= usize::from(HINT_PARTS_MAX)
    }

    /// How many parts there are.
    pub(crate) fn len(&self) -> u16 {
        u16::try_from(self.parts.len()).unwrap_or(u16::MAX).min(HINT_PARTS_MAX)
    }

    /// The part in which an identity of a collective has its place.
    pub(crate) fn part_of(&self, collective: &Collective, identity: IdentityHash) -> Option<u16> {
        let here = |place: &Place| {
            place.collective == *collective && place.shard == identity.shard(place.shards)
        };
        let index = self.parts.iter().position(|part| part.iter().any(here))?;
        u16::try_from(index).ok()
    }

    /// Builds the filters of one part: work for at most some three shards' identities.
    pub(crate) fn build(
        &self,
        index: u16,
        generation: u64,
        local: &Local,
        told: Told<'_>,
    ) -> HintsPart {
        let places = self.parts.get(usize::from(index)).map(Vec::as_slice).unwrap_or_default();
        let slice = |place: &Place| Slice {
            collective: place.collective.clone(),
            shard: place.shard,
            shards: place.shards,
            filter: local
                .get(&place.collective)
                .map(|known| filter(place, known, told))
                .unwrap_or_default(),
        };
        HintsPart { index, generation, slices: places.iter().map(slice).collect() }
    }
}

fn filter(place: &Place, known: &Known, told: Told<'_>) -> Filter {
    let (shard, shards) = (place.shard, place.shards);
    let read = known.read();
    let begin = read.partition_point(|one| one.shard(shards) < shard);
    let end = read.partition_point(|one| one.shard(shards) <= shard);
    let read = read.get(begin..end).unwrap_or_default().iter().copied();
    let fresh = known.fresh().filter(|one| one.shard(shards) == shard);
    let identities: Vec<IdentityHash> =
        read.chain(fresh).filter(|one| told(&place.collective, *one)).collect();
    Filter::build(identities.iter().copied(), identities.len())
}

fn told_len(collective: &Collective, known: &Known, told: Told<'_>) -> usize {
    let fresh = known.fresh().filter(|one| told(collective, *one)).count();
    known.read().len() + fresh
}

fn shards_for(count: usize) -> u16 {
    match count {
        0 => 0,
        _ => u16::try_from(count.div_ceil(SHARD_LEN).next_power_of_two()).unwrap_or(1 << 15),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        Now,
        hints::interest::{CollectiveInterest, InterestRead},
    };

    fn local(counts: &[usize]) -> Local {
        let name = |n: usize| Collective::try_from(format!("c{n:04}")).unwrap();
        let names: BTreeSet<Collective> = (0..counts.len()).map(name).collect();
        let mut local = Local::new(&names, &BTreeSet::new(), std::time::Duration::from_secs(120));
        let collectives = counts.iter().enumerate().map(|(n, count)| CollectiveInterest {
            collective: name(n),
            identities: (0..*count).map(|one| IdentityHash::of(&format!("n{one}.c{n}"))).collect(),
            agents: Vec::new(),
            services: Vec::new(),
        });
        let collectives = collectives.collect();
        let reading =
            InterestRead { complete: true, servers: 1, collectives, ..InterestRead::default() };
        local.on_read(reading, Now::default());
        local
    }

    const ALL: Told<'static> = &|_, _| true;

    #[test]
    fn every_identity_is_in_exactly_the_part_where_it_is_looked_for() {
        let counts = [3, 0, 40_000, 900];
        let local = local(&counts);
        let layout = Layout::new(&local, ALL);
        let parts: Vec<HintsPart> =
            (0..layout.len()).map(|part| layout.build(part, 1, &local, ALL)).collect();
        for (collective, known) in local.collectives() {
            for identity in known.read() {
                let part = layout.part_of(collective, *identity).unwrap();
                let here = parts[usize::from(part)].slices.iter().find(|slice| {
                    slice.collective == *collective && slice.shard == identity.shard(slice.shards)
                });
                assert!(here.unwrap().filter.may_hold(*identity));
            }
        }
        assert!(
            parts.iter().all(|part| part
                .slices
                .iter()
                .map(|one| one.filter.bytes().len())
                .sum::<usize>()
                <= PART_BYTES)
        );
    }

    #[test]
    fn a_few_nodes_more_leave_the_layout_as_it_is() {
        let before = Layout::new(&local(&[3000, 500, 20_000]), ALL);
        let after = Layout::new(&local(&[3002, 503, 20_004]), ALL);
        assert_eq!(before, after);
        assert_ne!(before, Layout::new(&local(&[3000, 500, 40_000]), ALL));
    }

    #[test]
    fn small_collectives_share_a_part() {
        let layout = Layout::new(&local(&[10; 200]), ALL);
        assert_eq!(layout.len(), 1);
        assert!(layout.is_whole());
    }
}
