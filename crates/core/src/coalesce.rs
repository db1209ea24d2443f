//! Copies of one directed request, gathered so that they cross a link once.
//!
//! A client that addresses ten thousand nodes publishes the same bytes ten thousand times, on as many
//! subjects. Copies are gathered into an open *batch* as long as more messages wait behind them, so
//! that a single request never waits; a window, a count and bytes bound it besides.
//!
//! There is at most one open batch for each reply subject, and whatever else carries that reply
//! subject closes it first: so what one client publishes keeps its order. A repeated identity closes
//! the batch too, for copies that a client itself sends are copies.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use bytes::Bytes;

use crate::{hash, id::RegionId};

/// Longest time that a batch is open: a stall between two reads of the broker's bytes, and nothing
/// that a client could feel.
pub(crate) const WINDOW: Duration = Duration::from_millis(2);
/// Batches that are open at one time: clients whose copies interleave. The oldest makes room.
const OPEN_MAX: usize = 32;
/// Identities in one batch. More would share their payload no better, and the frame would hold up
/// others.
const IDENTITIES_MAX: usize = 1024;
/// Bytes of identities in one batch.
const IDENTITIES_BYTES_MAX: usize = 64 << 10;
/// Larger payloads are not gathered: looking for their like would cost more than it saves.
const PAYLOAD_BYTES_MAX: usize = 256 << 10;

/// Open batches. `R` is what was read of the first copy and holds for all.
///
/// Bounds: [`OPEN_MAX`] batches of [`PAYLOAD_BYTES_MAX`] bytes, and for each region
/// [`IDENTITIES_BYTES_MAX`] and one identity, for [`WINDOW`].
#[derive(Debug)]
pub(crate) struct Coalescer<R> {
    /// The oldest first; no two have the same reply subject.
    open: VecDeque<Batch<R>>,
}

/// Copies of one request.
#[derive(Debug)]
pub(crate) struct Batch<R> {
    /// What was read.
    pub(crate) read: R,
    /// The client's transport.
    pub(crate) payload: Bytes,
    /// When the first copy came.
    pub(crate) since: Duration,
    /// For whom the copies are, by the regions that get them, in the order of publication. No two of
    /// a region are alike.
    pub(crate) identities: BTreeMap<RegionId, Vec<String>>,
    reply_to: String,
    /// Hashes of the identities. Two that collide close the batch early, and nothing else.
    seen: BTreeSet<u64>,
    bytes: usize,
}

/// One message that may be a copy.
#[derive(Clone, Debug)]
pub(crate) struct Copy<'a> {
    /// The client's transport.
    pub(crate) payload: Bytes,
    /// The reply subject in it.
    pub(crate) reply_to: &'a str,
    /// For whom it is.
    pub(crate) identity: &'a str,
    /// The regions that get it.
    pub(crate) regions: &'a [RegionId],
}

impl<R> Coalescer<R> {
    pub(crate) fn new() -> Self {
        Self { open: VecDeque::new() }
    }

    /// Whether messages with this payload are gathered at all.
    pub(crate) fn takes(payload: &Bytes) -> bool {
        payload.len() <= PAYLOAD_BYTES_MAX
    }

    /// The batch of copies of this payload.
    pub(crate) fn like(&self, payload: &Bytes) -> Option<&Batch<R>> {
        self.open.iter().rev().find(|batch| same(&batch.payload, payload))
    }

    /// Adds a message to the batch of its like, or opens one. Returns what is closed by it, in order:
    /// the batch that it fills or cannot join, and the oldest if there are too many.
    pub(crate) fn add(
        &mut self,
        copy: &Copy<'_>,
        now: Duration,
        read: impl FnOnce() -> R,
    ) -> [Option<Batch<R>>; 2] {
        let at = self.open.iter().rposition(|batch| batch.reply_to == copy.reply_to);
        let batch = at.and_then(|at| self.open.get_mut(at));
        let joins =
            batch.is_some_and(|batch| same(&batch.payload, &copy.payload) && batch.add(copy));
        let ends = at.filter(|at| !joins || self.open.get(*at).is_some_and(Batch::is_full));
        let closed = ends.and_then(|at| self.open.remove(at));
        let mut oldest = None;
        if !joins {
            if self.open.len() >= OPEN_MAX {
                oldest = self.open.pop_front();
            }
            self.open.push_back(Batch::new(copy, now, read()));
        }
        [closed, oldest]
    }

    /// Closes the batch of this reply subject.
    pub(crate) fn close(&mut self, reply_to: &str) -> Option<Batch<R>> {
        let at = self.open.iter().position(|batch| batch.reply_to == reply_to)?;
        self.open.remove(at)
    }

    /// Closes the oldest batch if its window is over.
    pub(crate) fn close_due(&mut self, now: Duration) -> Option<Batch<R>> {
        let due = self.next_deadline().is_some_and(|deadline| deadline <= now);
        if due { self.open.pop_front() } else { None }
    }

    /// Closes the oldest batch.
    pub(crate) fn close_next(&mut self) -> Option<Batch<R>> {
        self.open.pop_front()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        self.open.front().map(|batch| batch.since + WINDOW)
    }
}

impl<R> Batch<R> {
    fn new(copy: &Copy<'_>, now: Duration, read: R) -> Self {
        let mut batch = Self {
            read,
            payload: copy.payload.clone(),
            since: now,
            identities: BTreeMap::new(),
            reply_to: copy.reply_to.to_owned(),
            seen: BTreeSet::new(),
            bytes: 0,
        };
        batch.add(copy);
        batch
    }

    /// Whether its identity was not there before, and has been added.
    fn add(&mut self, copy: &Copy<'_>) -> bool {
        if !self.seen.insert(hash::fnv1a(copy.identity.as_bytes())) {
            return false;
        }
        self.bytes += copy.identity.len();
        for region in copy.regions {
            match self.identities.get_mut(region) {
                Some(identities) => identities.push(copy.identity.to_owned()),
                None => {
                    self.identities.insert(region.clone(), vec![copy.identity.to_owned()]);
                }
            }
        }
        true
    }

    fn is_full(&self) -> bool {
        self.seen.len() >= IDENTITIES_MAX || self.bytes >= IDENTITIES_BYTES_MAX
    }
}

/// Payloads are compared byte by byte only if they are not the same memory.
fn same(one: &Bytes, other: &Bytes) -> bool {
    (one.as_ptr() == other.as_ptr() && one.len() == other.len()) || one == other
}

#[cfg(test)]
mod tests;
