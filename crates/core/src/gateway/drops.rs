//! What this gateway refused or lost, wherever it was created: counters and a few examples.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use crate::{
    Action, DropReason, Dropped, EndToEnd, Gateway, Now, Outcome, RegionId, queue::Queued,
};

/// Examples kept.
const EXAMPLES_MAX: usize = 64;
/// Longest subject in an example, in characters.
const SUBJECT_MAX: usize = 256;

/// Drops younger than this are counted apart.
const RECENT: Duration = Duration::from_secs(60);

/// What is counted: reason and destination region.
type Key = (DropReason, Option<RegionId>);

/// Counters by reason and destination region. Bound: reasons × regions that the database knows.
#[derive(Debug, Default)]
pub(super) struct Drops {
    pub(super) counts: BTreeMap<Key, u64>,
    /// The same by second, the latest last; at most as many as [`RECENT`] has.
    recent: VecDeque<(Duration, BTreeMap<Key, u64>)>,
    /// The latest, newest last.
    pub(super) examples: VecDeque<(Now, Dropped)>,
    /// Messages that came out of the fabric and were heard again on the broker: nothing is lost.
    pub(super) marked: u64,
    /// Messages on our reply subjects that are not ours: left to Choria's own broker.
    pub(super) foreign: u64,
}

/// A message that was refused before it became a unit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refused<'a> {
    pub(super) reason: DropReason,
    pub(super) subject: &'a str,
    pub(super) request: Option<&'a str>,
    pub(super) size: usize,
}

impl Drops {
    /// How many were dropped for this in the last minute.
    pub(super) fn recent(&self, key: &Key, now: Duration) -> u64 {
        let young = self.recent.iter().filter(|(second, _)| *second + RECENT > now);
        young.filter_map(|(_, counts)| counts.get(key)).sum()
    }

    fn count(&mut self, key: Key, count: u64, now: Duration) {
        *self.counts.entry(key.clone()).or_default() += count;
        self.recent.retain(|(second, _)| *second + RECENT > now);
        let second = Duration::from_secs(now.as_secs());
        if self.recent.back().is_none_or(|(last, _)| *last != second) {
            self.recent.push_back((second, BTreeMap::new()));
        }
        if let Some((_, counts)) = self.recent.back_mut() {
            *counts.entry(key).or_default() += count;
        }
    }
}

impl Gateway {
    /// Counts a message that was refused before routing.
    pub(super) fn refuse(&mut self, refused: Refused<'_>, now: Now, out: &mut Vec<Action>) {
        let dropped = Dropped {
            reason: refused.reason,
            to: None,
            subject: refused.subject.chars().take(SUBJECT_MAX).collect(),
            request: refused.request.map(str::to_owned),
            size: refused.size as u64,
            count: 1,
        };
        self.note_drop(dropped, now, out);
    }

    /// Ends some or all units of a frame: counts them here and tells their creator.
    pub(super) fn drop_units(
        &mut self,
        end: &EndToEnd,
        reason: DropReason,
        now: Now,
        out: &mut Vec<Action>,
    ) {
        self.note_not_returned(end, reason, now);
        self.ended(end, Outcome::Dropped(reason), now);
        self.note_drop_of(end, end.body.units(), reason, now, out);
    }

    /// Counts units of a frame that ended here.
    pub(super) fn note_drop_of(
        &mut self,
        end: &EndToEnd,
        count: u64,
        reason: DropReason,
        now: Now,
        out: &mut Vec<Action>,
    ) {
        // A peer may write any name into a frame: only those of regions become keys.
        let known = end.to == self.me.region || self.database.knows(&end.to);
        let dropped = Dropped {
            reason,
            to: known.then(|| end.to.clone()),
            subject: end.body.describe().chars().take(SUBJECT_MAX).collect(),
            request: Some(end.body.request_id().to_owned()),
            size: end.body.payload().len() as u64,
            count,
        };
        self.note_drop(dropped, now, out);
    }

    /// Counts a message that the broker refused after it was handed over.
    pub(super) fn note_refused_publish(
        &mut self,
        subject: &str,
        size: u64,
        reason: DropReason,
        now: Now,
        out: &mut Vec<Action>,
    ) {
        let to = Some(self.me.region.clone());
        let subject = subject.chars().take(SUBJECT_MAX).collect();
        let dropped = Dropped { reason, to, subject, request: None, size, count: 1 };
        self.note_drop(dropped, now, out);
    }

    /// Drops what waited too long.
    pub(super) fn drop_all(
        &mut self,
        expired: Vec<(Queued, DropReason)>,
        now: Now,
        out: &mut Vec<Action>,
    ) {
        for (queued, reason) in expired {
            let at_home = queued.frame.end.to == self.me.region;
            let away = reason == DropReason::NoRoute && at_home;
            let reason = if away { DropReason::BrokerAway } else { reason };
            self.drop_units(&queued.frame.end, reason, now, out);
        }
    }

    fn note_drop(&mut self, dropped: Dropped, now: Now, out: &mut Vec<Action>) {
        let key = (dropped.reason, dropped.to.clone());
        self.drops.count(key, dropped.count, now.mono);
        if self.drops.examples.len() == EXAMPLES_MAX {
            self.drops.examples.pop_front();
        }
        self.drops.examples.push_back((now, dropped.clone()));
        out.push(Action::Dropped(Box::new(dropped)));
    }
}
