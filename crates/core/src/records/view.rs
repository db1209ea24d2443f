//! Records as plain values.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::{Question, Record, Records};
use crate::{DropReason, RegionId, Tally};

/// Which records are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestsAsked {
    /// Only of this request; one that begins so will do.
    pub request: Option<String>,
    /// Only what changed after this version; 0: everything.
    pub after: u64,
    /// At most so many, the latest.
    pub limit: usize,
}

/// Some of a gateway's records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestsView {
    /// Counts up with each change of any record: what to ask for next.
    pub version: u64,
    /// How many records there are.
    pub kept: u64,
    /// How long a record is kept.
    pub memory: Duration,
    /// Those that were asked for, the latest first.
    pub requests: Vec<RequestView>,
}

/// What one gateway knows of one request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestView {
    /// Its id.
    pub request: String,
    /// When its first message passed here, since 1970-01-01 UTC.
    pub first: Duration,
    /// When a message of it or of its answers last passed here.
    pub last: Duration,
    /// The version of the records when this one last changed.
    pub version: u64,
    /// What its first message said; `None` where it did not enter here.
    pub asked: Option<QuestionView>,
    /// Messages that entered here and were decided about: one for each identity where it is directed.
    pub messages: u64,
    /// Messages that were refused before they became units.
    pub refused: Vec<Refusals>,
    /// Regions that did not get a message although they hold the collective.
    pub kept_from: Vec<KeptFrom>,
    /// What was sent, by destination region.
    pub sent: Vec<WayView>,
    /// Answers that came here for the client, by the region that they come from.
    pub returned: Vec<ReturnedView>,
    /// Requests of other regions that were published here, by the region that they come from.
    pub published: Vec<PublishedView>,
    /// Answers of our nodes, by the region that they went to.
    pub answered: Vec<WayView>,
}

/// What a request says of itself; nothing of it is verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuestionView {
    /// Who asked.
    pub caller: String,
    /// The collective.
    pub collective: String,
    /// The agent.
    pub agent: String,
    /// The subject of the first message.
    pub target: String,
    /// Its time to live.
    pub ttl: Duration,
    /// When the client made it, by the client's clock, since 1970-01-01 UTC.
    pub made: Duration,
}

/// Messages refused for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusals {
    /// Why.
    pub reason: DropReason,
    /// How many.
    pub count: u64,
}

/// A region that did not get messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptFrom {
    /// Which.
    pub region: RegionId,
    /// The label of the [`crate::Rejection`].
    pub why: String,
    /// How many.
    pub count: u64,
}

/// Units for one region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WayView {
    /// Which.
    pub region: RegionId,
    /// How they ended.
    #[serde(flatten)]
    pub tally: Tally,
    /// Those whose end is not known yet.
    pub pending: u64,
}

/// Answers from one region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnedView {
    /// Which.
    pub region: RegionId,
    /// Published for the client.
    pub published: u64,
    /// Went no further, by reason.
    pub dropped: BTreeMap<DropReason, u64>,
}

/// Requests from one region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedView {
    /// Which.
    pub region: RegionId,
    /// How many.
    pub count: u64,
}

impl Records {
    /// Those that are wanted, the latest first.
    pub(crate) fn views(&self, wanted: &RequestsAsked, now: Duration) -> RequestsView {
        let fresh = |one: &&Record| one.first.mono + self.bounds.memory > now;
        let named = |one: &&Record| {
            wanted.request.as_ref().is_none_or(|begin| one.request.starts_with(begin.as_str()))
        };
        let found = self.records.values().rev().filter(|one| one.version > wanted.after);
        let found = found.filter(fresh).filter(named).take(wanted.limit);
        RequestsView {
            version: self.version,
            kept: self.records.len() as u64,
            memory: self.bounds.memory,
            requests: found.map(Record::view).collect(),
        }
    }
}

impl Record {
    fn view(&self) -> RequestView {
        let kept_from = self.kept_from.iter().map(|(region, why, count)| KeptFrom {
            region: region.clone(),
            why: (*why).to_owned(),
            count: *count,
        });
        let returned = self.returned.iter().map(|(region, one)| ReturnedView {
            region: region.clone(),
            published: one.published,
            dropped: one.dropped.clone(),
        });
        let published = self
            .published
            .iter()
            .map(|(region, count)| PublishedView { region: region.clone(), count: *count });
        let refused = self.refused.iter();
        RequestView {
            request: self.request.to_string(),
            first: self.first.unix,
            last: self.last,
            version: self.version,
            asked: self.asked.as_ref().map(Question::view),
            messages: self.messages,
            refused: refused
                .map(|(reason, count)| Refusals { reason: *reason, count: *count })
                .collect(),
            kept_from: kept_from.collect(),
            sent: self.sent.iter().map(way).collect(),
            returned: returned.collect(),
            published: published.collect(),
            answered: self.answered.iter().map(way).collect(),
        }
    }
}

impl Question {
    fn view(&self) -> QuestionView {
        QuestionView {
            caller: self.head.caller.to_string(),
            collective: self.head.collective.to_string(),
            agent: self.head.agent.to_string(),
            target: self.target.clone(),
            ttl: self.head.ttl,
            made: self.head.time,
        }
    }
}

fn way((region, tally): &(RegionId, Tally)) -> WayView {
    WayView { region: region.clone(), tally: tally.clone(), pending: tally.pending() }
}
