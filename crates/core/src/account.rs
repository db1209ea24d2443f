//! The account of every unit that this gateway created: created = delivered + dropped + in doubt +
//! pending, per destination region, kind and collective.
//!
//! A unit is one message for one destination region. Units of one frame are numbered in a run, and
//! receipts name runs. A unit without a receipt by its deadline is in doubt; a late receipt still
//! moves it, as long as it is remembered.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use antiphon_wire::Collective;
use serde::{Deserialize, Serialize};

use crate::{
    DropReason,
    control::{Outcome, Receipt},
    id::{RegionId, UnitId},
    records::{RecordId, Records, Way},
};

/// What a tally is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TallyKey {
    /// The destination region. (The origin is the region of the gateway that keeps the account.)
    pub to: RegionId,
    /// Requests or replies.
    pub kind: UnitKind,
    /// The collective; `None` for replies on a subject of none that we export.
    pub collective: Option<Collective>,
}

/// What a unit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnitKind {
    /// On its way to nodes.
    Request,
    /// On its way to a client.
    Reply,
}

/// How units ended so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// All there ever were.
    pub created: u64,
    /// Published and confirmed.
    pub delivered: u64,
    /// Went no further, by reason.
    pub dropped: BTreeMap<DropReason, u64>,
    /// Nobody can know.
    pub in_doubt: u64,
}

impl Tally {
    /// Those whose end is not known yet.
    #[must_use]
    pub fn pending(&self) -> u64 {
        self.created - self.delivered - self.dropped.values().sum::<u64>() - self.in_doubt
    }

    /// Takes units that ended, or whose end became known.
    pub(crate) fn take(&mut self, moved: Moved) {
        self.in_doubt -= moved.cleared;
        match moved.outcome {
            Outcome::Delivered => self.delivered += moved.count,
            Outcome::Dropped(reason) if moved.count > 0 => {
                *self.dropped.entry(reason).or_default() += moved.count;
            }
            Outcome::Dropped(_) => {}
            Outcome::InDoubt => self.in_doubt += moved.count,
        }
    }
}

/// Units that are accounted for in another place than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moved {
    /// How many.
    pub(crate) count: u64,
    /// Those of them that were in doubt.
    pub(crate) cleared: u64,
    /// Where they are counted.
    pub(crate) outcome: Outcome,
}

/// The units of one frame.
#[derive(Debug)]
struct Run {
    key: TallyKey,
    /// The request that they belong to.
    record: Option<RecordId>,
    units: u64,
    pending: u64,
    in_doubt: u64,
    /// When pending turns into doubt, then when the run is forgotten.
    deadline: Duration,
}

/// Accounts of this gateway.
///
/// Bounds: runs by `runs_max`; tallies by regions × exported collectives × 2.
#[derive(Debug)]
pub(crate) struct Account {
    next_unit: u64,
    runs: BTreeMap<u64, Run>,
    deadlines: BTreeSet<(Duration, u64)>,
    /// Runs of which something was left in doubt, once each, the oldest first. The first of them is remembered
    /// yet; some behind it have been forgotten, not more than there are runs.
    doubted: VecDeque<u64>,
    tallies: BTreeMap<TallyKey, Tally>,
    /// The same by request, as far as it is remembered.
    records: Records,
    runs_max: usize,
    doubt_memory: Duration,
}

impl Account {
    pub(crate) fn new(runs_max: usize, doubt_memory: Duration) -> Self {
        Self {
            next_unit: 1,
            runs: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            doubted: VecDeque::new(),
            tallies: BTreeMap::new(),
            records: Records::default(),
            runs_max,
            doubt_memory,
        }
    }

    /// Creates `count` units of one frame and returns the first.
    ///
    /// A full account still counts them, as dropped: then there is nothing to return.
    pub(crate) fn create(
        &mut self,
        key: TallyKey,
        count: u64,
        deadline: Duration,
        record: Option<RecordId>,
    ) -> Option<UnitId> {
        if self.runs.len() >= self.runs_max {
            self.forget_doubt();
        }
        let tally = self.tallies.entry(key.clone()).or_default();
        tally.created += count;
        if let Some(record) = record {
            self.records.created(record, key.way(), count);
        }
        if self.runs.len() >= self.runs_max {
            let outcome = Outcome::Dropped(DropReason::AccountFull);
            let moved = Moved { count, cleared: 0, outcome };
            tally.take(moved);
            if let Some(record) = record {
                self.records.ended(record, key.way(), moved);
            }
            return None;
        }
        let first = self.next_unit;
        self.next_unit += count;
        let run = Run { key, record, units: count, pending: count, in_doubt: 0, deadline };
        self.runs.insert(first, run);
        self.deadlines.insert((deadline, first));
        Some(UnitId(first))
    }

    /// Records how a run of units ended. What is not remembered, and counts beyond what is open, are
    /// ignored: a peer cannot make the account wrong for others. `idle` is how many runs may be looked
    /// at in vain, so that nobody can keep us busy with what has ended.
    pub(crate) fn settle(&mut self, receipt: Receipt, now: Duration, idle: &mut u32) {
        let first = receipt.unit.0;
        let end = first.saturating_add(receipt.count).min(self.next_unit);
        let mut at = self.runs.range(..=first).next_back().map_or(first, |(start, _)| *start);
        while let Some((&start, run)) = self.runs.range_mut(at..end.max(at)).next() {
            at = start + 1;
            let before = (run.pending, run.in_doubt);
            let overlap = end.min(start + run.units).saturating_sub(first.max(start));
            let moved = run.settle(overlap, receipt.outcome);
            run.note(moved, &mut self.tallies, &mut self.records);
            if (run.pending, run.in_doubt) == before {
                let Some(left) = idle.checked_sub(1) else { return };
                *idle = left;
                continue;
            }
            if run.pending > 0 {
                continue;
            }
            self.deadlines.remove(&(run.deadline, start));
            if run.in_doubt == 0 {
                self.runs.remove(&start);
            } else {
                run.deadline = now + self.doubt_memory;
                self.deadlines.insert((run.deadline, start));
                if before.0 > 0 {
                    self.doubted.push_back(start);
                }
            }
        }
        self.trim_doubted();
    }

    /// Takes out what has been forgotten or cleared: at the front at once, elsewhere when it is the most.
    fn trim_doubted(&mut self) {
        while self.doubted.front().is_some_and(|first| !self.runs.contains_key(first)) {
            self.doubted.pop_front();
        }
        if self.doubted.len() > 2 * self.runs.len() {
            self.doubted.retain(|first| self.runs.contains_key(first));
        }
    }

    /// Forgets the oldest run of which nothing is pending, to make room.
    fn forget_doubt(&mut self) {
        while let Some(first) = self.doubted.pop_front() {
            if let Some(run) = self.runs.get(&first).filter(|run| run.pending == 0) {
                self.deadlines.remove(&(run.deadline, first));
                self.runs.remove(&first);
                return;
            }
        }
    }

    /// Turns what waited too long into doubt, and forgets old doubt.
    pub(crate) fn expire(&mut self, now: Duration) {
        self.records.expire(now);
        while let Some(&(deadline, first)) = self.deadlines.first()
            && deadline <= now
        {
            self.deadlines.remove(&(deadline, first));
            let Some(run) = self.runs.get_mut(&first) else { continue };
            if run.pending == 0 {
                self.runs.remove(&first);
                continue;
            }
            let moved = run.settle(run.pending, Outcome::InDoubt);
            run.note(moved, &mut self.tallies, &mut self.records);
            run.deadline = now + self.doubt_memory;
            self.deadlines.insert((run.deadline, first));
            self.doubted.push_back(first);
        }
        self.trim_doubted();
    }

    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    pub(crate) fn tallies(&self) -> &BTreeMap<TallyKey, Tally> {
        &self.tallies
    }

    pub(crate) fn records(&self) -> &Records {
        &self.records
    }

    pub(crate) fn records_mut(&mut self) -> &mut Records {
        &mut self.records
    }

    /// Units whose end is not known yet, counted from the runs and not from the tallies.
    pub(crate) fn pending(&self) -> u64 {
        self.runs.values().map(|run| run.pending).sum()
    }
}

impl TallyKey {
    fn way(&self) -> Way<'_> {
        match self.kind {
            UnitKind::Request => Way::Request(&self.to),
            UnitKind::Reply => Way::Reply(&self.to),
        }
    }
}

impl Run {
    /// Moves up to `count` units, pending ones first.
    fn settle(&mut self, count: u64, outcome: Outcome) -> Moved {
        let pending = self.pending.min(count);
        self.pending -= pending;
        let cleared = match outcome {
            Outcome::InDoubt => 0,
            Outcome::Delivered | Outcome::Dropped(_) => self.in_doubt.min(count - pending),
        };
        self.in_doubt -= cleared;
        if outcome == Outcome::InDoubt {
            self.in_doubt += pending;
        }
        Moved { count: pending + cleared, cleared, outcome }
    }

    /// Writes down what was moved.
    fn note(&self, moved: Moved, tallies: &mut BTreeMap<TallyKey, Tally>, records: &mut Records) {
        if moved.count == 0 {
            return;
        }
        // It was made when the run was created.
        if let Some(tally) = tallies.get_mut(&self.key) {
            tally.take(moved);
        }
        if let Some(record) = self.record {
            records.ended(record, self.key.way(), moved);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::at;

    fn key() -> TallyKey {
        TallyKey { to: "us".parse().unwrap(), kind: UnitKind::Request, collective: None }
    }

    fn account() -> Account {
        Account::new(3, Duration::from_secs(10))
    }

    fn settle(account: &mut Account, unit: u64, count: u64, outcome: Outcome) {
        account.settle(Receipt { unit: UnitId(unit), count, outcome }, at(5).mono, &mut 10);
    }

    fn tally(account: &Account) -> Tally {
        account.tallies()[&key()].clone()
    }

    #[test]
    fn one_receipt_settles_the_units_of_several_frames() {
        let mut account = account();
        account.create(key(), 3, at(5).mono, None).unwrap();
        account.create(key(), 2, at(5).mono, None).unwrap();
        settle(&mut account, 2, 3, Outcome::Delivered);
        assert_eq!((tally(&account).delivered, account.pending()), (3, 2));
        settle(&mut account, 1, 5, Outcome::Dropped(DropReason::NoRoute));
        assert_eq!((tally(&account).pending(), account.pending()), (0, 0));
        assert_eq!(account.next_deadline(), None);
    }

    #[test]
    fn a_late_receipt_clears_doubt_until_it_is_forgotten() {
        let mut account = account();
        account.create(key(), 2, at(5).mono, None).unwrap();
        account.expire(at(5).mono);
        assert_eq!(tally(&account).in_doubt, 2);
        settle(&mut account, 1, 1, Outcome::Delivered);
        assert_eq!((tally(&account).in_doubt, tally(&account).delivered), (1, 1));
        account.expire(at(15).mono);
        settle(&mut account, 2, 1, Outcome::Delivered);
        assert_eq!((tally(&account).in_doubt, tally(&account).delivered), (1, 1));
    }

    #[test]
    fn doubt_that_is_cleared_leaves_nothing_behind() {
        let mut account = account();
        // One that nobody clears stands before all others.
        account.create(key(), 1, at(0).mono, None).unwrap();
        for round in 1..100 {
            let unit = account.create(key(), 9, at(round).mono, None).unwrap();
            account.expire(at(round).mono);
            for late in 0..9 {
                settle(&mut account, unit.0 + late, 1, Outcome::Delivered);
                assert!(account.doubted.len() <= 4, "{:?}", account.doubted);
            }
        }
        account.expire(at(1000).mono);
        assert!(account.runs.is_empty() && account.doubted.is_empty());
    }

    #[test]
    fn a_receipt_for_more_than_is_open_changes_nothing_else() {
        let mut account = account();
        account.create(key(), 1, at(5).mono, None).unwrap();
        settle(&mut account, 0, u64::MAX, Outcome::Delivered);
        settle(&mut account, 1, 1, Outcome::Dropped(DropReason::Expired));
        settle(&mut account, 77, 1, Outcome::InDoubt);
        assert_eq!(tally(&account).delivered, 1);
        assert!(tally(&account).dropped.is_empty());
    }

    #[test]
    fn a_full_account_counts_what_it_turns_away() {
        let mut account = account();
        for _ in 0..3 {
            assert!(account.create(key(), 1, at(5).mono, None).is_some());
        }
        assert_eq!(account.create(key(), 4, at(5).mono, None), None);
        assert_eq!(tally(&account).dropped[&DropReason::AccountFull], 4);
        assert_eq!(tally(&account).pending(), account.pending());
    }
}
