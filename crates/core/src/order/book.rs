//! Every order that is known, and what of it holds here.

use std::{collections::BTreeMap, time::Duration};

use antiphon_wire::Collective;

use super::{ORDER_LASTS_MAX, ORDERS_MAX, Order, OrderView, Stop};
use crate::{
    Alarm,
    id::RegionId,
    policy::{Follow, Pattern},
};

/// Orders of all regions that are kept.
const BOOK_MAX: usize = 1024;
/// How far the clock of who gave an order may be ahead of ours. Bounds what a wrong clock, or a lie,
/// can outdo.
const AHEAD_MAX: Duration = Duration::from_secs(24 * 3600);

/// All orders that are known, of whatever region.
///
/// Bounds: [`ORDERS_MAX`] of each region and [`BOOK_MAX`] in all, each until it ends.
#[derive(Debug, Default)]
pub(crate) struct Book {
    orders: BTreeMap<Key, Order>,
    force: InForce,
    /// When the next of them ends, by the wall clock.
    ends: Option<Duration>,
}

/// What an order is about, and the region that gave it.
type Key = (Stop, RegionId);

/// An order that holds, for whoever is stopped by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) region: RegionId,
    pub(crate) by: String,
    pub(crate) reason: String,
}

/// What holds here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct InForce {
    collectives: BTreeMap<Collective, Held>,
    callers: BTreeMap<Pattern, Held>,
    pairs: BTreeMap<(RegionId, RegionId), Held>,
    /// By the other region.
    links: BTreeMap<RegionId, Held>,
}

impl Book {
    /// Takes an order of this region if it is newer than what is known; whether it was.
    pub(crate) fn take(&mut self, mut order: Order, region: &RegionId, unix: Duration) -> bool {
        order.until = order.until.min(unix.saturating_add(ORDER_LASTS_MAX));
        if order.until <= unix || order.made > unix.saturating_add(AHEAD_MAX) {
            return false;
        }
        let key = (order.stop.clone(), region.clone());
        let known = self.orders.get(&key);
        if known.is_some_and(|known| known.made >= order.made) {
            return false;
        }
        if known.is_none() && self.of_region(region).count() >= ORDERS_MAX {
            self.forget_oldest(region);
        }
        if known_or_room(&self.orders, &key) {
            self.orders.insert(key, order);
            return true;
        }
        false
    }

    /// The time of an order that is to outdo all that are known about its matter.
    pub(crate) fn next_time(&self, stop: &Stop, unix: Duration) -> Duration {
        let about = self.orders.iter().filter(|((one, _), _)| one == stop);
        let newest = about.map(|(_, order)| order.made).max();
        newest.map_or(unix, |newest| unix.max(newest.saturating_add(Duration::from_micros(1))))
    }

    /// The orders of one region.
    pub(crate) fn of_region(&self, region: &RegionId) -> impl Iterator<Item = &Order> {
        self.orders.iter().filter(move |((_, one), _)| one == region).map(|(_, order)| order)
    }

    /// The region whose order about this matter holds here; of links our own, where both ends have
    /// one.
    pub(crate) fn holding(&self, stop: &Stop, me: &RegionId) -> Option<&RegionId> {
        let InForce { collectives, callers, pairs, links } = &self.force;
        let held = match stop {
            Stop::Collective { collective } => collectives.get(collective),
            Stop::Caller { caller } => callers.get(caller),
            Stop::Pair { one, other } => pairs.get(&(one.clone(), other.clone())),
            Stop::Link { with } if with == me => None,
            Stop::Link { with } => links.get(with),
        };
        held.map(|held| &held.region)
    }

    /// Works out what holds; whether that is something else than before.
    pub(crate) fn review(&mut self, me: &RegionId, follow: &Follow, unix: Duration) -> bool {
        self.orders.retain(|_, order| order.until > unix);
        let next = self.following(me, follow);
        self.ends = self.orders.values().map(|order| order.until).min();
        let changed = next != self.force;
        self.force = next;
        changed
    }

    /// What holds here, as of the last review.
    pub(crate) const fn in_force(&self) -> &InForce {
        &self.force
    }

    /// What would hold here of the orders that are known, if these regions were followed.
    pub(crate) fn following(&self, me: &RegionId, follow: &Follow) -> InForce {
        let mut force = InForce::default();
        for ((stop, region), order) in self.newest(me, follow) {
            if order.stands {
                force.add(stop, region, order, me);
            }
        }
        force
    }

    /// The newest order about each matter, of those that are followed.
    fn newest<'a>(&'a self, me: &'a RegionId, follow: &'a Follow) -> Vec<(&'a Key, &'a Order)> {
        let mut newest: BTreeMap<(&Stop, Option<&RegionId>), (&Key, &Order)> = BTreeMap::new();
        for (key, order) in self.orders.iter().filter(|(key, _)| follows(me, follow, key)) {
            // Each end of a link has its own say.
            let end = (!key.0.is_halt()).then_some(&key.1);
            let one = newest.entry((&key.0, end)).or_insert((key, order));
            if order.made > one.1.made {
                *one = (key, order);
            }
        }
        newest.into_values().collect()
    }

    /// When the next of them ends, by the wall clock.
    pub(crate) fn ends(&self) -> Option<Duration> {
        self.ends
    }

    /// What an operator should know of what holds.
    pub(crate) fn alarms(&self, me: &RegionId) -> Vec<Alarm> {
        let halted = |stop: Stop, held: &Held| Alarm::Halted {
            what: stop.to_string(),
            region: held.region.clone(),
            by: held.by.clone(),
            reason: held.reason.clone(),
        };
        let InForce { collectives, callers, pairs, links } = &self.force;
        let collectives = collectives
            .iter()
            .map(|(one, held)| halted(Stop::Collective { collective: one.clone() }, held));
        let callers =
            callers.iter().map(|(one, held)| halted(Stop::Caller { caller: one.clone() }, held));
        let pairs = pairs
            .iter()
            .map(|((one, other), held)| halted(Stop::pair(one.clone(), other.clone()), held));
        let links = links.iter().map(|(region, held)| Alarm::LinkOrderedDown {
            between: [me.clone(), region.clone()],
            region: held.region.clone(),
            by: held.by.clone(),
            reason: held.reason.clone(),
        });
        collectives.chain(callers).chain(pairs).chain(links).collect()
    }

    /// All orders, and which of them hold here.
    pub(crate) fn views(&self, me: &RegionId, follow: &Follow) -> Vec<OrderView> {
        let newest = self.newest(me, follow);
        let view = |(key, order): (&Key, &Order)| OrderView {
            order: order.clone(),
            region: key.1.clone(),
            followed: follows(me, follow, key),
            holds: order.stands && newest.iter().any(|(one, _)| *one == key),
        };
        self.orders.iter().map(view).collect()
    }

    /// Makes room for another order of a region; those that lift something go first.
    fn forget_oldest(&mut self, region: &RegionId) {
        let of_region = self.orders.iter().filter(|((_, one), _)| one == region);
        let oldest = of_region.min_by_key(|(_, order)| (order.stands, order.made));
        if let Some(key) = oldest.map(|(key, _)| key.clone()) {
            self.orders.remove(&key);
        }
    }
}

impl InForce {
    /// How many halts hold.
    pub(crate) fn halts(&self) -> usize {
        self.collectives.len() + self.callers.len() + self.pairs.len()
    }

    pub(crate) fn stops_collective(&self, collective: &str) -> Option<&Held> {
        self.collectives.get(collective)
    }

    pub(crate) fn stops_caller(&self, caller: &str) -> Option<&Held> {
        let mut callers = self.callers.iter();
        callers.find(|(pattern, _)| pattern.matches(caller)).map(|(_, held)| held)
    }

    pub(crate) fn stops_pair(&self, one: &RegionId, other: &RegionId) -> Option<&Held> {
        if self.pairs.is_empty() {
            return None;
        }
        let (one, other) = if one <= other { (one, other) } else { (other, one) };
        self.pairs.get(&(one.clone(), other.clone()))
    }

    /// Whether links between our region and this one are not to be used.
    pub(crate) fn bars(&self, region: &RegionId) -> bool {
        self.links.contains_key(region)
    }

    fn add(&mut self, stop: &Stop, region: &RegionId, order: &Order, me: &RegionId) {
        let held =
            Held { region: region.clone(), by: order.by.clone(), reason: order.reason.clone() };
        match stop.clone() {
            Stop::Collective { collective } => drop(self.collectives.insert(collective, held)),
            Stop::Caller { caller } => drop(self.callers.insert(caller, held)),
            Stop::Pair { one, other } => drop(self.pairs.insert((one, other), held)),
            Stop::Link { with: other } => {
                let other = if region == me { other } else { region.clone() };
                // Where both ends order it, ours is shown.
                if region == me {
                    self.links.insert(other, held);
                } else {
                    self.links.entry(other).or_insert(held);
                }
            }
        }
    }
}

/// Whether an order counts here: one about links at both of its ends, a halt where its region is
/// followed.
fn follows(me: &RegionId, follow: &Follow, (stop, region): &Key) -> bool {
    match stop {
        _ if region == me => true,
        Stop::Link { with: other } => other == me,
        Stop::Collective { .. } | Stop::Caller { .. } | Stop::Pair { .. } => {
            follow.includes(region)
        }
    }
}

fn known_or_room(orders: &BTreeMap<Key, Order>, key: &Key) -> bool {
    orders.len() < BOOK_MAX || orders.contains_key(key)
}

#[cfg(test)]
mod tests;
