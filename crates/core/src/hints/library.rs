//! What all gateways say of their regions' interest, and look-ups in it.

use std::{collections::BTreeMap, time::Duration};

use antiphon_wire::Collective;

use super::{
    filter::{Filter, IdentityHash},
    said::{CollectiveHints, Hints, HintsPart},
};
use crate::{
    HINT_PARTS_MAX,
    advert::{Advert, AdvertContent, AdvertKey, AdvertKind, Stamp},
    database::Taken,
    id::{GatewayId, RegionId},
};

/// The hints of all gateways, ours included.
///
/// Bounds: `gateways_max` summaries; filters of `bytes_max` bytes in all, at most
/// [`HINT_PARTS_MAX`] adverts of them a gateway. A summary that is not refreshed goes after `expiry`,
/// its filters with it.
#[derive(Debug)]
pub(crate) struct Library {
    entries: BTreeMap<AdvertKey, Entry>,
    shelves: BTreeMap<RegionId, BTreeMap<GatewayId, Shelf>>,
    /// Signed bytes of all parts.
    bytes: u64,
    bytes_max: u64,
    gateways_max: usize,
    expiry: Duration,
    /// When to look what has become too old; early rather than late.
    wake: Option<Duration>,
}

#[derive(Debug)]
struct Entry {
    advert: Advert,
    refreshed: Duration,
}

/// What one gateway says, put together.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    /// Whether it can read its brokers' subscription lists.
    pub(crate) monitors: bool,
    collectives: BTreeMap<Collective, Volume>,
}

/// What one gateway says of one collective.
#[derive(Debug)]
pub(crate) struct Volume {
    /// As it says, and all filters are there.
    pub(crate) complete: bool,
    pub(crate) hints: CollectiveHints,
    shards: Vec<Filter>,
}

impl Library {
    pub(crate) fn new(bytes_max: u64, gateways_max: usize, expiry: Duration) -> Self {
        Self {
            entries: BTreeMap::new(),
            shelves: BTreeMap::new(),
            bytes: 0,
            bytes_max,
            gateways_max,
            expiry,
            wake: None,
        }
    }

    /// Takes an advert of hints if it is newer than what is here.
    pub(crate) fn take(&mut self, advert: Advert, now: Duration) -> Taken {
        let key = advert.draft.key();
        let taken = match self.entries.get(&key) {
            None if !self.has_room(&key, &advert) => return Taken::Full,
            None => Taken::Changed,
            Some(entry) => {
                let elsewhere = advert.draft.region != entry.advert.draft.region;
                if elsewhere || advert.draft.stamp <= entry.advert.draft.stamp {
                    return Taken::Known;
                }
                let same = entry.advert.draft.content == advert.draft.content;
                if same { Taken::Refreshed } else { Taken::Changed }
            }
        };
        let (region, gateway) = (advert.draft.region.clone(), key.gateway.clone());
        self.wake = self.wake.or(Some(now + self.expiry));
        self.bytes += weight(&key, &advert);
        if let Some(old) = self.entries.insert(key.clone(), Entry { advert, refreshed: now }) {
            self.bytes = self.bytes.saturating_sub(weight(&key, &old.advert));
        }
        if taken == Taken::Changed {
            self.arrange(&region, &gateway);
        }
        taken
    }

    fn has_room(&self, key: &AdvertKey, advert: &Advert) -> bool {
        match key.kind {
            AdvertKind::HintsPart(index) => {
                index < HINT_PARTS_MAX && self.bytes + weight(key, advert) <= self.bytes_max
            }
            AdvertKind::Hints | AdvertKind::Topology | AdvertKind::Offer | AdvertKind::Orders => {
                self.shelves.values().map(BTreeMap::len).sum::<usize>() < self.gateways_max
            }
        }
    }

    /// Forgets what was not refreshed.
    pub(crate) fn expire(&mut self, now: Duration) {
        if self.wake.is_none_or(|due| now < due) {
            return;
        }
        let expiry = self.expiry;
        let old = |entry: &Entry| entry.refreshed + expiry <= now;
        let summaries = |key: &&AdvertKey| key.kind == AdvertKind::Hints;
        let gone = self.entries.iter().filter(|(_, entry)| old(entry));
        let gone: Vec<GatewayId> =
            gone.map(|(key, _)| key).filter(summaries).map(|key| key.gateway.clone()).collect();
        for gateway in gone {
            self.entries.remove(&AdvertKey { gateway, kind: AdvertKind::Hints });
        }
        let orphans = self.entries.iter().filter(|(key, entry)| match key.kind {
            AdvertKind::HintsPart(index) => old(entry) && index >= self.parts_of(&key.gateway),
            AdvertKind::Hints | AdvertKind::Topology | AdvertKind::Offer | AdvertKind::Orders => {
                false
            }
        });
        let orphans: Vec<AdvertKey> = orphans.map(|(key, _)| key.clone()).collect();
        for key in orphans {
            if let Some(old) = self.entries.remove(&key) {
                self.bytes = self.bytes.saturating_sub(weight(&key, &old.advert));
            }
        }
        let entries = &self.entries;
        for shelves in self.shelves.values_mut() {
            shelves.retain(|gateway, _| entries.contains_key(&summary_of(gateway)));
        }
        self.shelves.retain(|_, shelves| !shelves.is_empty());
        self.wake = self
            .entries
            .values()
            .map(|entry| entry.refreshed + expiry)
            .filter(|due| *due > now)
            .min();
    }

    /// When a summary may expire.
    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        self.wake
    }

    /// The stamp of everything here.
    pub(crate) fn digest(&self) -> impl Iterator<Item = (AdvertKey, Stamp)> {
        self.entries.iter().map(|(key, entry)| (key.clone(), entry.advert.draft.stamp))
    }

    /// What a peer with this digest lacks.
    pub(crate) fn newer_than(&self, digest: &[(AdvertKey, Stamp)]) -> Vec<Advert> {
        let theirs: BTreeMap<_, _> = digest.iter().map(|(key, stamp)| (key, *stamp)).collect();
        let lacks = |(key, entry): &(&AdvertKey, &Entry)| {
            theirs.get(key).is_none_or(|stamp| *stamp < entry.advert.draft.stamp)
        };
        self.entries.iter().filter(lacks).map(|(_, entry)| entry.advert.clone()).collect()
    }

    /// One part of a gateway, as it was last said.
    pub(crate) fn part(&self, gateway: &GatewayId, index: u16) -> Option<(&HintsPart, Duration)> {
        let key = AdvertKey { gateway: gateway.clone(), kind: AdvertKind::HintsPart(index) };
        let entry = self.entries.get(&key)?;
        match &entry.advert.draft.content {
            AdvertContent::HintsPart(part) => Some((part, entry.refreshed)),
            AdvertContent::Topology(_)
            | AdvertContent::Offer(_)
            | AdvertContent::Hints(_)
            | AdvertContent::Orders(_) => None,
        }
    }

    /// How many parts a gateway's summary speaks of.
    fn parts_of(&self, gateway: &GatewayId) -> u16 {
        let content =
            self.entries.get(&summary_of(gateway)).map(|entry| &entry.advert.draft.content);
        match content {
            Some(AdvertContent::Hints(hints)) => hints.parts,
            Some(
                AdvertContent::HintsPart(_)
                | AdvertContent::Topology(_)
                | AdvertContent::Offer(_)
                | AdvertContent::Orders(_),
            )
            | None => 0,
        }
    }

    /// What all gateways say.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&RegionId, &GatewayId, &Shelf)> {
        self.shelves.iter().flat_map(move |(region, shelves)| {
            shelves.iter().map(move |(gateway, shelf)| (region, gateway, shelf))
        })
    }

    /// What a gateway of a region says.
    pub(crate) fn shelf(&self, region: &RegionId, gateway: &GatewayId) -> Option<&Shelf> {
        self.shelves.get(region)?.get(gateway)
    }

    /// What the gateways of a region say.
    pub(crate) fn shelves(&self, region: &RegionId) -> impl Iterator<Item = (&GatewayId, &Shelf)> {
        self.shelves.get(region).into_iter().flatten()
    }

    /// Puts together anew what one gateway says.
    fn arrange(&mut self, region: &RegionId, gateway: &GatewayId) {
        let Some(Entry { advert, .. }) = self.entries.get(&summary_of(gateway)) else { return };
        let AdvertContent::Hints(hints) = &advert.draft.content else { return };
        let incarnation = advert.draft.stamp.incarnation;
        let part = |index| {
            let key = AdvertKey { gateway: gateway.clone(), kind: AdvertKind::HintsPart(index) };
            let draft = &self.entries.get(&key)?.advert.draft;
            match &draft.content {
                AdvertContent::HintsPart(part) if draft.stamp.incarnation == incarnation => {
                    (part.generation == hints.generation).then_some(&**part)
                }
                AdvertContent::HintsPart(_)
                | AdvertContent::Topology(_)
                | AdvertContent::Offer(_)
                | AdvertContent::Hints(_)
                | AdvertContent::Orders(_) => None,
            }
        };
        let parts: Vec<&HintsPart> =
            (0..hints.parts.min(HINT_PARTS_MAX)).filter_map(part).collect();
        let shelf = Shelf::new(hints, &parts);
        self.shelves.entry(region.clone()).or_default().insert(gateway.clone(), shelf);
    }
}

impl Shelf {
    fn new(hints: &Hints, parts: &[&HintsPart]) -> Self {
        let mut filters: BTreeMap<&Collective, BTreeMap<u16, &Filter>> = BTreeMap::new();
        let mut shards: BTreeMap<&Collective, u16> = BTreeMap::new();
        for slice in parts.iter().flat_map(|part| &part.slices) {
            shards.insert(&slice.collective, slice.shards);
            filters.entry(&slice.collective).or_default().insert(slice.shard, &slice.filter);
        }
        let volume = |(collective, hints): (&Collective, &CollectiveHints)| {
            let wanted = shards.get(collective).copied().unwrap_or_default();
            let found = filters.get(collective);
            let all = found.map_or(0, BTreeMap::len) == usize::from(wanted)
                && (wanted == 0 || wanted.is_power_of_two())
                && (wanted > 0 || hints.identities == 0);
            // Without some, the others are of no use: which is which is known by its place.
            let shards = found.filter(|_| all).into_iter().flat_map(BTreeMap::values);
            let shards = shards.map(|filter| (*filter).clone()).collect();
            let volume = Volume { complete: hints.complete && all, hints: hints.clone(), shards };
            (collective.clone(), volume)
        };
        Self {
            monitors: hints.monitors,
            collectives: hints.collectives.iter().map(volume).collect(),
        }
    }

    pub(crate) fn get(&self, collective: &Collective) -> Option<&Volume> {
        self.collectives.get(collective)
    }

    pub(crate) fn volumes(&self) -> impl Iterator<Item = (&Collective, &Volume)> {
        self.collectives.iter()
    }
}

impl Volume {
    /// Whether an identity may be there; `false` is certain only where this is complete.
    pub(crate) fn may_hold(&self, identity: IdentityHash) -> bool {
        let shards = u16::try_from(self.shards.len()).unwrap_or_default();
        let shard = usize::from(identity.shard(shards));
        self.shards.get(shard).is_some_and(|filter| filter.may_hold(identity))
    }
}

fn summary_of(gateway: &GatewayId) -> AdvertKey {
    AdvertKey { gateway: gateway.clone(), kind: AdvertKind::Hints }
}

/// What an advert counts for in the bound on bytes.
fn weight(key: &AdvertKey, advert: &Advert) -> u64 {
    match (key.kind, &advert.draft.content) {
        (AdvertKind::HintsPart(_), AdvertContent::HintsPart(part)) => {
            let slices = part.slices.iter().map(|slice| slice.filter.bytes().len() + 48);
            (advert.sealed.len() + slices.sum::<usize>()) as u64
        }
        (
            AdvertKind::HintsPart(_)
            | AdvertKind::Hints
            | AdvertKind::Topology
            | AdvertKind::Offer
            | AdvertKind::Orders,
            _,
        ) => 0,
    }
}
