//! A steady stream of requests through a fabric, and what an outage does to it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use antiphon_lab::Lab;
use antiphon_wire::Transport;
use bytes::Bytes;
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use crate::{Peer, load::sign};

/// Between two requests.
const EVERY: Duration = Duration::from_millis(20);
/// An answer that takes longer is not prompt: something was in its way.
const PROMPT: Duration = Duration::from_millis(500);
/// One look for an answer, and how many in vain after the last request and the last answer end it. Counted,
/// as a machine that stood still meanwhile has not waited.
const LOOK: Duration = Duration::from_millis(100);
const LAST: u32 = 50;

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
    /// Begins to ask in a region, until [`Stream::end`].
    ///
    /// # Panics
    /// When the broker is not there.
    pub async fn begin(lab: &Lab, region: &str) -> Self {
        let mut listener = Peer::connect(lab, region).await;
        listener.subscribe("mcollective.reply.>").await;
        let client = Peer::connect(lab, region).await;
        let stop = CancellationToken::new();
        let publishing = tokio::spawn(publish(client, sign(lab), stop.clone()));
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
    mut requests: mpsc::Receiver<(Bytes, String)>,
    stop: CancellationToken,
) -> BTreeMap<String, Instant> {
    let mut tick = interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut asked = BTreeMap::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = tick.tick() => {}
        }
        let (request, reply_to) = requests.recv().await.expect("requests are signed");
        asked.insert(reply_to, Instant::now());
        client.publish("mcollective.broadcast.agent.discovery", request).await;
    }
    // What it has not sent yet would go with the connection: requests that nobody ever heard.
    client.barrier().await;
    asked
}

async fn listen(mut listener: Peer, publishing: JoinHandle<BTreeMap<String, Instant>>) -> Seen {
    let mut seen = Seen::default();
    while !publishing.is_finished() {
        seen.look(&mut listener).await;
    }
    seen.asked = publishing.await.expect("it ends by itself");
    let mut in_vain = 0;
    while in_vain < LAST {
        in_vain = if seen.look(&mut listener).await { 0 } else { in_vain + 1 };
    }
    seen
}

impl Seen {
    /// Takes one answer; false if none comes.
    async fn look(&mut self, listener: &mut Peer) -> bool {
        let Some(message) = listener.message(Instant::now() + LOOK).await else { return false };
        let transport = Transport::decode(message.payload).expect("a Choria transport");
        let sender = transport.sender().expect("a sender").to_owned();
        let answers = self.answers.entry(message.subject).or_default();
        answers.entry(sender).or_default().push(Instant::now());
        true
    }

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
