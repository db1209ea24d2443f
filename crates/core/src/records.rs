//! What became of each request, for people: who asked, where it went, what came back, what did not.
//!
//! A record is kept by every gateway that has to do with the request, each of what it did itself: the
//! one where it entered knows the caller and how its units ended, the one that publishes an answer
//! knows from which region it came, the one that took the answer from its nodes knows how that ended.
//!
//! A record is written from the messages and never read for a decision: losing it costs sight alone.

mod view;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use antiphon_wire::RequestHead;

use crate::{
    Candidate, DropReason, Now, RegionId, Rejection, Tally, Target, Verdict, account::Moved,
};

pub use view::{
    KeptFrom, PublishedView, QuestionView, Refusals, RequestView, RequestsAsked, RequestsView,
    ReturnedView, WayView,
};

/// Records kept; the oldest goes first.
const RECORDS_MAX: usize = 4096;
/// What they may take together, in bytes as estimated by [`Record::new`] and [`WAY_BYTES`].
const BYTES_MAX: usize = 8 << 20;
/// How long after its first message a request is remembered.
const MEMORY: Duration = Duration::from_secs(15 * 60);

/// What one record takes without its texts and lists.
const RECORD_BYTES: usize = 512;
/// What one entry of a list takes.
const WAY_BYTES: usize = 160;
/// Longest text of a target, in characters.
const TARGET_MAX: usize = 256;

/// Numbers a record for as long as the process lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RecordId(u64);

/// Every record of this gateway.
///
/// Bounds: `records_max` and `bytes_max`; each is forgotten after `memory`.
#[derive(Debug)]
pub(crate) struct Records {
    /// Oldest first: numbers grow, and so do the times of their first message.
    records: BTreeMap<RecordId, Record>,
    by_request: BTreeMap<Arc<str>, RecordId>,
    /// The one that was looked up last: replies and copies come in runs.
    latest: Option<(Arc<str>, RecordId)>,
    bytes: usize,
    next: u64,
    /// Counts up with each change of any record.
    version: u64,
    bounds: Bounds,
}

/// How much is kept, and how long.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    records: usize,
    bytes: usize,
    memory: Duration,
}

#[derive(Debug)]
struct Record {
    request: Arc<str>,
    first: Now,
    last: Duration,
    version: u64,
    bytes: usize,
    /// What its first message said; `None` where only answers passed here.
    asked: Option<Question>,
    /// Messages that entered here: one for each identity where it is directed.
    messages: u64,
    refused: BTreeMap<DropReason, u64>,
    /// Regions that a message was not sent to although they hold the collective.
    kept_from: Vec<(RegionId, &'static str, u64)>,
    /// Units of requests by destination.
    sent: Vec<(RegionId, Tally)>,
    /// Answers published here, by where they come from.
    returned: Vec<(RegionId, Returned)>,
    /// Requests published here, by where they come from.
    published: Vec<(RegionId, u64)>,
    /// Units of answers that entered here, by destination.
    answered: Vec<(RegionId, Tally)>,
}

#[derive(Debug)]
struct Question {
    head: RequestHead,
    target: String,
}

#[derive(Debug, Default)]
struct Returned {
    published: u64,
    dropped: BTreeMap<DropReason, u64>,
}

impl Default for Records {
    fn default() -> Self {
        Self::new(Bounds { records: RECORDS_MAX, bytes: BYTES_MAX, memory: MEMORY })
    }
}

impl Records {
    fn new(bounds: Bounds) -> Self {
        Self {
            records: BTreeMap::new(),
            by_request: BTreeMap::new(),
            latest: None,
            bytes: 0,
            next: 1,
            version: 0,
            bounds,
        }
    }

    /// A message of a request entered here and has been decided about.
    pub(crate) fn asked(
        &mut self,
        head: &RequestHead,
        target: &Target,
        candidates: &[Candidate],
        now: Now,
    ) -> RecordId {
        let (id, record) = self.open(head.id.as_str(), now);
        record.messages += 1;
        let mut grown = 0;
        if record.asked.is_none() {
            let target = target.describe(head.collective.as_str());
            let target: String = target.chars().take(TARGET_MAX).collect();
            grown += target.len() + head.caller.as_str().len();
            record.asked = Some(Question { head: head.clone(), target });
        }
        for Candidate { region, verdict } in candidates {
            let Verdict::Rejected(rejection) = verdict else { continue };
            if matches!(rejection, Rejection::OwnRegion | Rejection::CollectiveNotHeld) {
                continue;
            }
            let label = rejection.label();
            let same = |(one, why, _): &&mut (RegionId, &str, u64)| one == region && *why == label;
            match record.kept_from.iter_mut().find(same) {
                Some((.., count)) => *count += 1,
                None => {
                    record.kept_from.push((region.clone(), label, 1));
                    grown += WAY_BYTES;
                }
            }
        }
        self.grow(id, grown);
        id
    }

    /// A message with this request id was refused before it became a unit.
    pub(crate) fn refused(&mut self, request: &str, reason: DropReason, now: Now) {
        let (id, record) = self.open(request, now);
        let grown = if record.refused.contains_key(&reason) { 0 } else { WAY_BYTES };
        *record.refused.entry(reason).or_default() += 1;
        self.grow(id, grown);
    }

    /// An answer entered here.
    pub(crate) fn answered(&mut self, request: &str, now: Now) -> RecordId {
        self.open(request, now).0
    }

    /// A frame's request was published here, on this many subjects.
    pub(crate) fn published(&mut self, request: &str, from: &RegionId, count: u64, now: Now) {
        let (id, record) = self.open(request, now);
        let (counted, grown) = entry(&mut record.published, from);
        *counted += count;
        self.grow(id, grown);
    }

    /// An answer was published here, or went no further.
    pub(crate) fn returned(
        &mut self,
        request: &str,
        from: &RegionId,
        end: Result<(), DropReason>,
        now: Now,
    ) {
        let (id, record) = self.open(request, now);
        let (returned, grown) = entry(&mut record.returned, from);
        match end {
            Ok(()) => returned.published += 1,
            Err(reason) => *returned.dropped.entry(reason).or_default() += 1,
        }
        self.grow(id, grown);
    }

    /// Units were created for this record.
    pub(crate) fn created(&mut self, id: RecordId, way: Way<'_>, count: u64) {
        let grown = self.change(id, way, |tally| tally.created += count);
        self.grow(id, grown);
    }

    /// Units of this record ended.
    pub(crate) fn ended(&mut self, id: RecordId, way: Way<'_>, moved: Moved) {
        let grown = self.change(id, way, |tally| tally.take(moved));
        self.grow(id, grown);
    }

    /// Forgets what is old.
    pub(crate) fn expire(&mut self, now: Duration) {
        while let Some((id, record)) = self.records.first_key_value()
            && record.first.mono + self.bounds.memory <= now
        {
            self.forget(*id);
        }
    }

    /// The record of a request, made if there is none.
    fn open(&mut self, request: &str, now: Now) -> (RecordId, &mut Record) {
        let id = match &self.latest {
            Some((latest, id)) if **latest == *request => Some(*id),
            Some(_) | None => self.by_request.get(request).copied(),
        };
        let id = id.unwrap_or_else(|| self.insert(request, now));
        self.version += 1;
        let version = self.version;
        let record = self.records.entry(id).or_insert_with(|| Record::new(request.into(), now));
        if self.latest.as_ref().is_none_or(|(_, latest)| *latest != id) {
            self.latest = Some((Arc::clone(&record.request), id));
        }
        record.last = now.unix;
        record.version = version;
        (id, record)
    }

    fn insert(&mut self, request: &str, now: Now) -> RecordId {
        let id = RecordId(self.next);
        self.next += 1;
        let record = Record::new(request.into(), now);
        self.bytes += record.bytes;
        self.by_request.insert(Arc::clone(&record.request), id);
        self.records.insert(id, record);
        while self.records.len() > self.bounds.records {
            self.forget_oldest();
        }
        id
    }

    fn change(&mut self, id: RecordId, way: Way<'_>, change: impl FnOnce(&mut Tally)) -> usize {
        let Some(record) = self.records.get_mut(&id) else { return 0 };
        self.version += 1;
        record.version = self.version;
        let (tally, grown) = match way {
            Way::Request(to) => entry(&mut record.sent, to),
            Way::Reply(to) => entry(&mut record.answered, to),
        };
        change(tally);
        grown
    }

    /// Reckons what a record has grown by, and makes room for it.
    fn grow(&mut self, id: RecordId, by: usize) {
        if by == 0 {
            return;
        }
        if let Some(record) = self.records.get_mut(&id) {
            record.bytes += by;
            self.bytes += by;
        }
        while self.bytes > self.bounds.bytes && self.records.len() > 1 {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((id, _)) = self.records.first_key_value() {
            self.forget(*id);
        }
    }

    fn forget(&mut self, id: RecordId) {
        let Some(record) = self.records.remove(&id) else { return };
        self.bytes -= record.bytes;
        self.by_request.remove(&record.request);
        self.latest.take_if(|(_, latest)| *latest == id);
    }
}

/// Which of a record's units.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way<'a> {
    /// Those of the request, for this region.
    Request(&'a RegionId),
    /// Those of answers, for this region.
    Reply(&'a RegionId),
}

impl Record {
    fn new(request: Arc<str>, now: Now) -> Self {
        Self {
            bytes: RECORD_BYTES + 2 * request.len(),
            request,
            first: now,
            last: now.unix,
            version: 0,
            asked: None,
            messages: 0,
            refused: BTreeMap::new(),
            kept_from: Vec::new(),
            sent: Vec::new(),
            returned: Vec::new(),
            published: Vec::new(),
            answered: Vec::new(),
        }
    }
}

/// The entry of a region in a short list, and what the list grew by.
fn entry<'a, T: Default>(
    list: &'a mut Vec<(RegionId, T)>,
    region: &RegionId,
) -> (&'a mut T, usize) {
    let at = list.iter().position(|(one, _)| one == region);
    let (at, grown) = match at {
        Some(at) => (at, 0),
        None => {
            list.push((region.clone(), T::default()));
            (list.len() - 1, WAY_BYTES)
        }
    };
    #[expect(clippy::indexing_slicing, reason = "it was found or pushed a line above")]
    (&mut list[at].1, grown)
}

#[cfg(test)]
mod tests;
