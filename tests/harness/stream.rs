//! A steady stream of requests through a fabric, and what an outage does to it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use antiphon_lab::Lab;
use antiphon_wire::Transport;
use bytes::Bytes;
use tokio::{
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use crate::{Caller, Peer};

/// Between two requests.
const EVERY: Duration = Duration::from_millis(20);
/// An answer that takes longer is not prompt: something was in its way.
const PROMPT: Duration = Duration::from_millis(500);
/// How long the last answers are waited for.
const LAST: Duration = Duration::from_secs(3);

/// A client that asks everybody, fifty times a second.
pub struct Stream {
    stop: CancellationToken,
    task: JoinHandle<Seen>,
}

/// What the client saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// When each request was made, by its reply subject.
    asked: BTreeMap<String, Instant>,
    /// When answers to it came, by their sender.
    answers: BTreeMap<String, BTreeMap<String, Vec<Instant>>>,
}

/// What an outage did to the stream.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outage {
    /// How long after the fault the last request was made that a node did not answer promptly,
    /// through no fault of the machine's.
    pub lasted: Duration,
    /// How long after the fault the last request was made that a node never answered.
    pub lost_for: Duration,
    /// Answers that never came.
    pub lost: usize,
    /// Answers that were not prompt.
    pub late: usize,
    /// Answers that were not prompt either, to requests that nodes of the client's own region, with
    /// no gateway in between, did not answer promptly: the machine was busy.
    pub stalled: usize,
}

impl Stream {
    /// Begins to ask in a region. `first` is the number of the first request; numbers are used once.
    ///
    /// # Panics
    /// When the broker is not there.
    pub async fn begin(lab: &Lab, region: &str, first: u64, lasts_max: Duration) -> Self {
        let caller = Caller::new(lab);
        let count = u64::try_from(lasts_max.as_millis() / EVERY.as_millis()).unwrap_or(0);
        // Signed beforehand: signing would set the pace.
        let requests = (first..first + count).map(|number| caller.ping(number)).collect();
        let mut listener = Peer::connect(lab, region).await;
        listener.subscribe("mcollective.reply.>").await;
        let client = Peer::connect(lab, region).await;
        let stop = CancellationToken::new();
        let publishing = tokio::spawn(publish(client, requests, stop.clone()));
        Self { stop, task: tokio::spawn(listen(listener, publishing)) }
    }

    /// Ends it, after the last answers.
    ///
    /// # Panics
    /// When the broker went away.
    pub async fn end(self) -> Seen {
        self.stop.cancel();
        self.task.await.expect("it ends by itself")
    }
}

async fn publish(
    mut client: Peer,
    requests: Vec<(Bytes, String)>,
    stop: CancellationToken,
) -> BTreeMap<String, Instant> {
    let mut tick = interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut asked = BTreeMap::new();
    for (request, reply_to) in requests {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = tick.tick() => {}
        }
        asked.insert(reply_to, Instant::now());
        client.publish("mcollective.broadcast.agent.discovery", request).await;
    }
    // What it has not sent yet would go with the connection: requests that nobody ever heard.
    client.barrier().await;
    asked
}

async fn listen(mut listener: Peer, publishing: JoinHandle<BTreeMap<String, Instant>>) -> Seen {
    let mut seen = Seen::default();
    let mut end = None;
    loop {
        let soon = Instant::now() + Duration::from_millis(100);
        if let Some(message) = listener.message(end.unwrap_or(soon)).await {
            let transport = Transport::decode(message.payload).expect("a Choria transport");
            let sender = transport.sender().expect("a sender").to_owned();
            let answers = seen.answers.entry(message.subject).or_default();
            answers.entry(sender).or_default().push(Instant::now());
        } else if end.is_some() {
            break;
        }
        if end.is_none() && publishing.is_finished() {
            end = Some(Instant::now() + LAST);
        }
    }
    seen.asked = publishing.await.expect("it ends by itself");
    seen
}

impl Seen {
    /// How many requests were made.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.asked.len()
    }

    /// Answers that came more than once.
    #[must_use]
    pub fn doubled(&self) -> usize {
        self.answers.values().flat_map(BTreeMap::values).filter(|times| times.len() > 1).count()
    }

    /// What came of the requests made since `fault`, as far as these nodes go. `own` are nodes of the
    /// client's own region: no fault of the fabric delays them.
    #[must_use]
    pub fn outage(
        &self,
        fault: Instant,
        nodes: &BTreeSet<String>,
        own: &BTreeSet<String>,
    ) -> Outage {
        let mut outage = Outage::default();
        for (reply_to, asked) in self.asked.iter().filter(|(_, asked)| **asked >= fault) {
            let answers = self.answers.get(reply_to);
            let came = |node: &String| answers.and_then(|one| one.get(node)?.first().copied());
            let prompt = |came: &Instant| *came - *asked <= PROMPT;
            let busy = !own.iter().all(|node| came(node).as_ref().is_some_and(prompt));
            let since = *asked - fault;
            for node in nodes {
                match came(node) {
                    Some(came) if prompt(&came) => continue,
                    Some(_) if busy => {
                        outage.stalled += 1;
                        continue;
                    }
                    Some(_) => outage.late += 1,
                    None => {
                        outage.lost += 1;
                        outage.lost_for = outage.lost_for.max(since);
                    }
                }
                outage.lasted = outage.lasted.max(since);
            }
        }
        outage
    }
}
