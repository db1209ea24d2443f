//! How units ended: settled at once where they are ours, told to their creator where not.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    Action, Control, EndToEnd, Gateway, GatewayId, Incarnation, Now, Outcome, RECEIPTS_MAX,
    Receipt, Receipts, UnitId,
};

/// Longest time that a receipt waits for others, to travel with them.
const DELAY: Duration = Duration::from_millis(5);

/// Runs that one message of a peer may name in vain.
const IDLE_MAX: u32 = 4096;
/// Creators out of reach that receipts wait for.
const WAITING_MAX: usize = 1024;
/// How long receipts wait for a route to their creator, and how often one is looked for.
const PATIENCE: Duration = Duration::from_secs(5);
const RETRY: Duration = Duration::from_millis(250);

/// Receipts that wait to be sent.
///
/// Bound: what ends within [`DELAY`]; for a creator that is out of reach, within [`PATIENCE`].
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    waiting: BTreeMap<Towards, Batch>,
    due: Option<Duration>,
    full: bool,
}

#[derive(Debug)]
struct Batch {
    since: Duration,
    receipts: Vec<Receipt>,
}

/// Whom a receipt is for, and how many links it may still cross.
type Towards = (GatewayId, Incarnation, u8);

impl Outgoing {
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.due
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    fn push(&mut self, to: Towards, receipt: Receipt, now: Duration) {
        if self.waiting.len() >= WAITING_MAX && !self.waiting.contains_key(&to) {
            return; // Its creator will find these units in doubt.
        }
        let empty = Batch { since: now, receipts: Vec::new() };
        let receipts = &mut self.waiting.entry(to).or_insert(empty).receipts;
        match receipts.last_mut() {
            Some(last)
                if last.outcome == receipt.outcome
                    && last.unit.0.checked_add(last.count) == Some(receipt.unit.0) =>
            {
                last.count = last.count.saturating_add(receipt.count);
            }
            Some(_) | None => receipts.push(receipt),
        }
        self.full |= receipts.len() >= RECEIPTS_MAX;
        self.due.get_or_insert(now + DELAY);
    }
}

impl Gateway {
    /// Records how all units of a frame ended.
    pub(super) fn ended(&mut self, end: &EndToEnd, outcome: Outcome, now: Now) {
        self.ended_units(end, end.unit, end.body.units(), outcome, now);
    }

    /// Records how a run of a frame's units ended.
    pub(super) fn ended_units(
        &mut self,
        end: &EndToEnd,
        unit: UnitId,
        count: u64,
        outcome: Outcome,
        now: Now,
    ) {
        let creator = (&end.creator.gateway, end.creator.incarnation);
        self.ended_of(creator, Receipt { unit, count, outcome }, now);
    }

    /// Records how a run of a creator's units ended.
    pub(super) fn ended_of(
        &mut self,
        creator: (&GatewayId, Incarnation),
        receipt: Receipt,
        now: Now,
    ) {
        if *creator.0 != self.me.gateway {
            let towards = (creator.0.clone(), creator.1, self.config.limits.hops);
            self.outgoing.push(towards, receipt, now.mono);
        } else if creator.1 == self.me.incarnation {
            let mut idle = IDLE_MAX;
            self.account.settle(receipt, now.mono, &mut idle);
        }
    }

    /// Takes receipts, or passes them on towards their creator.
    pub(super) fn on_receipts(&mut self, receipts: Receipts, now: Now) {
        let Receipts { to, incarnation, limit, receipts } = receipts;
        let mine = to == self.me.gateway && incarnation == self.me.incarnation;
        let mut idle = IDLE_MAX;
        for receipt in receipts.into_iter().take(RECEIPTS_MAX) {
            if mine {
                self.account.settle(receipt, now.mono, &mut idle);
            } else if let Some(limit) = limit.checked_sub(1)
                && to != self.me.gateway
            {
                self.outgoing.push((to.clone(), incarnation, limit), receipt, now.mono);
            } // else: its creator will find these units in doubt.
        }
    }

    pub(super) fn send_receipts(&mut self, now: Now, out: &mut Vec<Action>) {
        if !self.outgoing.full && self.outgoing.due.is_none_or(|due| due > now.mono) {
            return;
        }
        let waiting = std::mem::take(&mut self.outgoing).waiting;
        for ((to, incarnation, limit), batch) in waiting {
            let Some(link) = self.link_towards(&to) else {
                if batch.since + PATIENCE > now.mono {
                    self.outgoing.waiting.insert((to, incarnation, limit), batch);
                    self.outgoing.due = Some(now.mono + RETRY);
                } // else: its creator will find these units in doubt.
                continue;
            };
            for part in batch.receipts.chunks(RECEIPTS_MAX) {
                let to = to.clone();
                let receipts = Receipts { to, incarnation, limit, receipts: part.to_vec() };
                out.push(Action::Control { link, message: Control::Receipts(receipts) });
            }
        }
    }
}
