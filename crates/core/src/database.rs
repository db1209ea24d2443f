//! The adverts of all gateways: newest wins, old ones expire, what a peer lacks is sent to it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{
    advert::{Advert, AdvertContent, AdvertKey, AdvertKind, GatewayState, Offer, Stamp, Topology},
    id::{GatewayId, RegionId},
};

/// Kinds of advert that each gateway may have here: hints are kept apart.
const KINDS: usize = 3;

/// The link-state database.
///
/// Bounds: `gateways_max` gateways, one advert of each kind for each; an entry that is not refreshed
/// goes after `expiry`, and its stamp after two more.
#[derive(Debug)]
pub(crate) struct Database {
    entries: BTreeMap<AdvertKey, Entry>,
    /// Stamps of what expired, and until when they are remembered: a peer that still has one of them
    /// must not bring it back.
    buried: BTreeMap<AdvertKey, (Stamp, Duration)>,
    /// When each entry goes.
    deadlines: BTreeSet<(Duration, AdvertKey)>,
    /// How many entries each region has.
    regions: BTreeMap<RegionId, usize>,
    gateways_max: usize,
    expiry: Duration,
}

#[derive(Debug)]
struct Entry {
    advert: Advert,
    /// When it was last replaced by a newer one.
    refreshed: Duration,
}

/// What came of an advert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// We had it, or a newer one.
    Known,
    /// Newer, and it says the same.
    Refreshed,
    /// Newer, and it says something else.
    Changed,
    /// No room for another gateway.
    Full,
}

impl Database {
    pub(crate) fn new(gateways_max: usize, expiry: Duration) -> Self {
        Self {
            entries: BTreeMap::new(),
            buried: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            regions: BTreeMap::new(),
            gateways_max,
            expiry,
        }
    }

    /// Takes an advert if it is newer than what is here.
    pub(crate) fn take(&mut self, advert: &Advert, now: Duration) -> Taken {
        let key = advert.draft.key();
        let Some(entry) = self.entries.get_mut(&key) else { return self.enter(key, advert, now) };
        // A name belongs to the region that had it first, for as long as that says anything.
        let elsewhere = advert.draft.region != entry.advert.draft.region;
        if elsewhere || advert.draft.stamp <= entry.advert.draft.stamp {
            return Taken::Known;
        }
        let same = entry.advert.draft.content == advert.draft.content;
        let before = std::mem::replace(&mut entry.refreshed, now);
        // What it says is copied only if it is news.
        match same {
            true => {
                entry.advert.draft.stamp = advert.draft.stamp;
                entry.advert.sealed.clone_from(&advert.sealed);
            }
            false => entry.advert.clone_from(advert),
        }
        let mut due = (before + self.expiry, key);
        self.deadlines.remove(&due);
        due.0 = now + self.expiry;
        self.deadlines.insert(due);
        if same { Taken::Refreshed } else { Taken::Changed }
    }

    fn enter(&mut self, key: AdvertKey, advert: &Advert, now: Duration) -> Taken {
        let buried = self.buried.get(&key).filter(|(_, until)| now < *until);
        if buried.is_some_and(|(stamp, _)| advert.draft.stamp <= *stamp) {
            return Taken::Known;
        }
        if self.entries.len() >= self.gateways_max * KINDS {
            return Taken::Full;
        }
        *self.regions.entry(advert.draft.region.clone()).or_default() += 1;
        self.deadlines.insert((now + self.expiry, key.clone()));
        self.entries.insert(key, Entry { advert: advert.clone(), refreshed: now });
        Taken::Changed
    }

    /// Forgets what was not refreshed; whether anything went.
    pub(crate) fn expire(&mut self, now: Duration) -> bool {
        let mut any = false;
        while self.deadlines.first().is_some_and(|(due, _)| *due <= now) {
            let Some((_, key)) = self.deadlines.pop_first() else { break };
            self.bury(key, now);
            any = true;
        }
        any
    }

    fn bury(&mut self, key: AdvertKey, now: Duration) {
        let Some(entry) = self.entries.remove(&key) else { return };
        let region = entry.advert.draft.region;
        if let Some(count) = self.regions.get_mut(&region) {
            *count -= 1;
            if *count == 0 {
                self.regions.remove(&region);
            }
        }
        self.buried.retain(|_, (_, until)| *until > now);
        if self.buried.len() < self.gateways_max * KINDS {
            self.buried.insert(key, (entry.advert.draft.stamp, now + self.expiry * 2));
        }
    }

    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        self.deadlines.first().map(|(due, _)| *due)
    }

    /// The stamp of everything here.
    pub(crate) fn digest(&self) -> Vec<(AdvertKey, Stamp)> {
        self.entries.iter().map(|(key, entry)| (key.clone(), entry.advert.draft.stamp)).collect()
    }

    /// What a peer with this digest lacks.
    pub(crate) fn newer_than(&self, digest: &[(AdvertKey, Stamp)]) -> Vec<Advert> {
        let theirs: BTreeMap<_, _> = digest.iter().map(|(key, stamp)| (key, *stamp)).collect();
        let lacks = |(key, entry): &(&AdvertKey, &Entry)| {
            theirs.get(key).is_none_or(|stamp| *stamp < entry.advert.draft.stamp)
        };
        self.entries.iter().filter(lacks).map(|(_, entry)| entry.advert.clone()).collect()
    }

    /// The newest stamp of one gateway's adverts of one kind.
    pub(crate) fn stamp(&self, gateway: &GatewayId, kind: AdvertKind) -> Option<Stamp> {
        self.get(gateway, kind).map(|entry| entry.advert.draft.stamp)
    }

    /// When the newest of one gateway's adverts of one kind came.
    pub(crate) fn refreshed(&self, gateway: &GatewayId, kind: AdvertKind) -> Option<Duration> {
        self.get(gateway, kind).map(|entry| entry.refreshed)
    }

    /// Every gateway's place in the topology, with its region.
    pub(crate) fn topologies(&self) -> impl Iterator<Item = (&GatewayId, &RegionId, &Topology)> {
        self.entries.values().filter_map(|entry| match &entry.advert.draft.content {
            AdvertContent::Topology(topology) => {
                Some((&entry.advert.draft.gateway, &entry.advert.draft.region, &**topology))
            }
            AdvertContent::Offer(_)
            | AdvertContent::Hints(_)
            | AdvertContent::HintsPart(_)
            | AdvertContent::Orders(_) => None,
        })
    }

    /// What the regions of gateways that have not left offer, one item a gateway.
    pub(crate) fn offers(&self) -> impl Iterator<Item = (&RegionId, &Offer)> + Clone {
        self.entries.iter().filter_map(|(key, entry)| match &entry.advert.draft.content {
            AdvertContent::Offer(offer) if self.stays(&key.gateway) => {
                Some((&entry.advert.draft.region, offer))
            }
            AdvertContent::Offer(_)
            | AdvertContent::Topology(_)
            | AdvertContent::Hints(_)
            | AdvertContent::HintsPart(_)
            | AdvertContent::Orders(_) => None,
        })
    }

    /// Whether any gateway of this region has said anything.
    pub(crate) fn knows(&self, region: &RegionId) -> bool {
        self.regions.contains_key(region)
    }

    /// One gateway's region and place.
    pub(crate) fn topology(&self, gateway: &GatewayId) -> Option<(&RegionId, &Topology)> {
        let draft = &self.get(gateway, AdvertKind::Topology)?.advert.draft;
        match &draft.content {
            AdvertContent::Topology(topology) => Some((&draft.region, topology)),
            AdvertContent::Offer(_)
            | AdvertContent::Hints(_)
            | AdvertContent::HintsPart(_)
            | AdvertContent::Orders(_) => None,
        }
    }

    fn stays(&self, gateway: &GatewayId) -> bool {
        self.topology(gateway).is_some_and(|(_, topology)| topology.state != GatewayState::Left)
    }

    fn get(&self, gateway: &GatewayId, kind: AdvertKind) -> Option<&Entry> {
        self.entries.get(&AdvertKey { gateway: gateway.clone(), kind })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{id::Incarnation, testing::at};
    use bytes::Bytes;

    fn advert(gateway: &str, incarnation: u64, version: u64, broker: bool) -> Advert {
        let content = AdvertContent::Topology(Topology { broker, ..Topology::default() }.into());
        let draft = crate::AdvertDraft {
            gateway: gateway.parse().unwrap(),
            region: "eu".parse().unwrap(),
            stamp: Stamp { incarnation: Incarnation(incarnation), version },
            content,
        };
        Advert { draft, sealed: Bytes::new() }
    }

    fn database() -> Database {
        Database::new(1, Duration::from_secs(100))
    }

    #[test]
    fn the_newest_wins_across_restarts() {
        let mut database = database();
        assert_eq!(database.take(&advert("a", 1, 9, true), at(0).mono), Taken::Changed);
        assert_eq!(database.take(&advert("a", 1, 8, false), at(0).mono), Taken::Known);
        assert_eq!(database.take(&advert("a", 2, 1, true), at(0).mono), Taken::Refreshed);
        assert_eq!(database.take(&advert("a", 1, 10, false), at(0).mono), Taken::Known);
        assert_eq!(database.take(&advert("a", 2, 2, false), at(0).mono), Taken::Changed);
    }

    #[test]
    fn what_is_not_refreshed_expires() {
        let mut database = database();
        database.take(&advert("a", 1, 1, true), at(0).mono);
        database.take(&advert("a", 1, 2, true), at(50).mono);
        assert_eq!(database.next_deadline(), Some(at(150).mono));
        assert!(!database.expire(at(149).mono));
        assert!(database.expire(at(150).mono));
    }

    #[test]
    fn a_peer_is_sent_what_it_lacks() {
        let mut database = database();
        database.take(&advert("a", 1, 5, true), at(0).mono);
        assert_eq!(database.newer_than(&[]).len(), 1);
        assert_eq!(database.newer_than(&database.digest()).len(), 0);
        let mut old = database.digest();
        old[0].1.version = 4;
        assert_eq!(database.newer_than(&old).len(), 1);
    }

    #[test]
    fn there_is_room_for_so_many_gateways() {
        let mut database = database();
        database.take(&advert("a", 1, 1, true), at(0).mono);
        database.take(&advert("b", 1, 1, true), at(0).mono);
        database.take(&advert("c", 1, 1, true), at(0).mono);
        assert_eq!(database.take(&advert("d", 1, 1, true), at(0).mono), Taken::Full);
    }
}
