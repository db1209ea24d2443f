//! Questions between gateways: those that operators ask of others by way of us, and others' to us.

use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
    time::Duration,
};

use antiphon_core::{AdvertKey, AdvertKind, AskFailure, Asked, Event, RegionId, Trace};
use bytes::Bytes;
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{
    Question, Report, Shell, ShellHandle,
    query::{EXPLANATION_SCHEMA, RECORDS_SCHEMA},
};

/// Largest answer that is unpacked, in bytes.
const UNPACKED_BYTES_MAX: u64 = 64 << 20;

/// Longest time that a trace may wait.
const TRACE_TIMEOUT_MAX: Duration = Duration::from_secs(20);

/// What gateways answer each other. Nothing here changes anything.
pub mod topic {
    /// What the gateway knows: a [`Report`](crate::shell::Report).
    pub const REPORT: &str = "report";
    /// Which of the asking gateway's topology adverts is held: a `Stamp`, or null.
    pub const ADVERT: &str = "advert";
    /// The way to a region, traced from the gateway that answers; the body is a
    /// [`TraceAsked`](crate::shell::TraceAsked), the answer a `Trace`.
    pub const TRACE: &str = "trace";
    /// What is remembered of requests: the body is a `RequestsAsked`, the answer a
    /// [`Said`](crate::shell::Said) `RequestsView`.
    pub const REQUESTS: &str = "requests";
    /// What would become of a message published in the region of who answers: the body is an
    /// `ExplainAsked`, the answer a [`Said`](crate::shell::Said) `Explanation`.
    pub const EXPLAIN: &str = "explain";
}

/// A report that is to be made an answer, which takes time.
#[derive(Debug)]
pub(crate) struct Work {
    asked: Asked,
    report: Box<Report>,
}

/// Makes answers of reports until cancelled.
pub(crate) async fn work_out(
    mut work: mpsc::Receiver<Work>,
    shell: ShellHandle,
    cancelled: CancellationToken,
) {
    let make = async {
        while let Some(Work { asked, report }) = work.recv().await {
            shell.worked_out(asked, pack(&report)).await;
        }
    };
    cancelled.run_until_cancelled(make).await.unwrap_or(());
}

/// The questions of our operators that are open. Bound: as many as the core keeps.
#[derive(Debug)]
pub(super) struct Answers {
    work: mpsc::Sender<Work>,
    last_ticket: u64,
    open: BTreeMap<u64, oneshot::Sender<Result<Bytes, AskFailure>>>,
}

impl Answers {
    pub(super) fn new(work: mpsc::Sender<Work>) -> Self {
        Self { work, last_ticket: 0, open: BTreeMap::new() }
    }

    pub(super) fn begin(
        &mut self,
        question: Question,
        answer: oneshot::Sender<Result<Bytes, AskFailure>>,
    ) -> Event {
        self.last_ticket += 1;
        let ticket = self.last_ticket;
        self.open.insert(ticket, answer);
        let Question { to, topic, body, patience } = question;
        Event::Ask { ticket, to, topic, body, patience }
    }

    pub(super) fn end(&mut self, ticket: u64, answer: Result<Bytes, AskFailure>) {
        let Some(sender) = self.open.remove(&ticket) else { return };
        if sender.send(answer).is_err() {
            tracing::debug!("whoever asked another gateway has gone");
        }
    }
}

impl Shell {
    /// Works out an answer at once, or has it worked out.
    pub(super) fn answer(&mut self, asked: Asked, topic: &str, body: &Bytes) -> Option<Event> {
        tracing::debug!(from = %asked.from, topic, "asked");
        let answer = match topic {
            topic::REPORT => return self.answer_report(asked),
            topic::ADVERT => {
                let key = AdvertKey { gateway: asked.from.clone(), kind: AdvertKind::Topology };
                pack(&self.core.held(&key))
            }
            topic::TRACE => match read::<TraceAsked>(body) {
                Ok(TraceAsked { to, timeout }) => {
                    let timeout = timeout.min(TRACE_TIMEOUT_MAX);
                    return Some(Event::Trace { asked, to, timeout });
                }
                Err(refusal) => Err(refusal),
            },
            topic::REQUESTS => read(body).and_then(|wanted| {
                let view = self.core.requests(&wanted, self.clock.now());
                pack(&self.said(RECORDS_SCHEMA, view))
            }),
            topic::EXPLAIN => read(body).and_then(|wanted| {
                let explained = self.core.explain(&wanted, self.clock.now());
                let explained = explained.map_err(|error| error.to_string())?;
                pack(&self.said(EXPLANATION_SCHEMA, explained))
            }),
            _ => Err("nothing is known of this topic".to_owned()),
        };
        Some(Event::Answer { asked, answer })
    }

    fn answer_report(&mut self, asked: Asked) -> Option<Event> {
        let report = self.report();
        match self.answers.work.try_send(Work { asked, report }) {
            Ok(()) => None,
            Err(error) => {
                let asked = error.into_inner().asked;
                Some(Event::Answer { asked, answer: Err("too many questions".to_owned()) })
            }
        }
    }
}

/// Which way is to be traced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceAsked {
    /// The region whose broker is to be reached.
    pub to: RegionId,
    /// How long to wait; at most `TRACE_TIMEOUT_MAX`.
    pub timeout: Duration,
}

pub(super) fn traced(asked: Asked, trace: &Trace) -> Event {
    Event::Answer { asked, answer: pack(trace) }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

/// JSON, compressed with gzip.
fn pack(answer: &impl Serialize) -> Result<Bytes, String> {
    let write = || -> io::Result<Vec<u8>> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(&serde_json::to_vec(answer)?)?;
        packed.finish()
    };
    write().map(Bytes::from).map_err(|error| {
        tracing::error!(%error, "an answer is no JSON");
        "the answer could not be written".to_owned()
    })
}

/// The JSON of a packed answer.
///
/// # Errors
/// It was not packed by a gateway, or is too large.
pub fn unpack(packed: &[u8]) -> io::Result<Vec<u8>> {
    let mut json = Vec::new();
    let read = GzDecoder::new(packed).take(UNPACKED_BYTES_MAX + 1).read_to_end(&mut json)?;
    if read as u64 > UNPACKED_BYTES_MAX {
        return Err(io::Error::other("the answer is too large"));
    }
    Ok(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_comes_back_as_it_was() {
        let packed = pack(&["eu-1", "us-1"]).unwrap();
        assert_eq!(unpack(&packed).unwrap(), br#"["eu-1","us-1"]"#);
        assert!(unpack(b"[]").is_err());
    }

    #[test]
    fn a_small_answer_cannot_fill_the_memory() {
        let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
        io::copy(&mut io::repeat(b' ').take(UNPACKED_BYTES_MAX + 1), &mut bomb).unwrap();
        assert!(unpack(&bomb.finish().unwrap()).is_err());
    }
}
