//! A steady load through a fabric, and who answered what of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use antiphon_lab::Lab;
use antiphon_wire::Transport;
use bytes::Bytes;
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, interval},
};
use tokio_util::sync::CancellationToken;

use crate::{Caller, Fabric, Peer};

/// Requests that are signed ahead, so that signing does not set the pace, and few enough that none is
/// old when it leaves: nodes refuse what is older than a minute.
const AHEAD: usize = 256;
/// One look for an answer. What is not there is counted in looks, not in time: a machine that stood still
/// meanwhile has not waited.
const LOOK: Duration = Duration::from_millis(100);
/// Looks in vain after the last answer of all: one that is doubled would have come.
const COMPLETE: u32 = 30;
/// Looks in vain after which what is missing is lost. Nodes on a busy machine fall behind.
const LOST: u32 = 150;

/// The number of the next request of any load.
static NEXT: AtomicU64 = AtomicU64::new(1 << 32);

/// A client that asks everybody at a steady rate.
pub struct Load {
    stop: CancellationToken,
    task: JoinHandle<Answered>,
}

/// What came of a load.
pub struct Answered {
    /// How often each node answered each request, by its reply subject.
    answers: BTreeMap<String, BTreeMap<String, u32>>,
    nodes: BTreeSet<String>,
    took: Duration,
}

impl Load {
    /// Begins to ask in a region, `rate` times a second, until [`Load::end`].
    ///
    /// # Panics
    /// When the broker is not there.
    pub async fn begin(fabric: &Fabric, region: &str, rate: u32) -> Self {
        let lab = &fabric.lab;
        let mut listener = Peer::connect(lab, region).await;
        listener.subscribe("mcollective.reply.>").await;
        let client = Peer::connect(lab, region).await;
        let stop = CancellationToken::new();
        let tick = Duration::from_secs(1) / rate;
        let publishing = tokio::spawn(publish(client, sign(lab), tick, stop.clone()));
        let nodes = fabric.identities().into_iter().collect();
        Self { stop, task: tokio::spawn(listen(listener, publishing, nodes)) }
    }

    /// Ends it, after the last answers.
    ///
    /// # Panics
    /// When the broker went away.
    pub async fn end(self) -> Answered {
        self.stop.cancel();
        self.task.await.expect("it ends by itself")
    }
}

/// Signs requests on a thread of its own, until nobody takes them.
pub(crate) fn sign(lab: &Lab) -> mpsc::Receiver<(Bytes, String)> {
    let caller = Caller::new(lab);
    let (ahead, requests) = mpsc::channel(AHEAD);
    std::thread::spawn(move || {
        while ahead.blocking_send(caller.ping(NEXT.fetch_add(1, Ordering::Relaxed))).is_ok() {}
    });
    requests
}

/// Publishes until told to stop. What it has published, how long that took, and its connection: one that closes
/// while the server writes to it may take its last request with it.
async fn publish(
    mut client: Peer,
    mut requests: mpsc::Receiver<(Bytes, String)>,
    tick: Duration,
    stop: CancellationToken,
) -> (Vec<String>, Duration, Peer) {
    let mut tick = interval(tick);
    let begun = Instant::now();
    let mut sent = Vec::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = tick.tick() => {}
        }
        let (request, reply_to) = requests.recv().await.expect("requests are signed");
        client.publish("mcollective.broadcast.agent.discovery", request).await;
        sent.push(reply_to);
    }
    (sent, begun.elapsed(), client)
}

async fn listen(
    mut listener: Peer,
    publishing: JoinHandle<(Vec<String>, Duration, Peer)>,
    nodes: BTreeSet<String>,
) -> Answered {
    let mut answered = Answered { answers: BTreeMap::new(), nodes, took: Duration::ZERO };
    while !publishing.is_finished() {
        answered.look(&mut listener).await;
    }
    let (sent, took, _client) = publishing.await.expect("it ends by itself");
    answered.took = took;
    for reply_to in sent {
        answered.answers.entry(reply_to).or_default();
    }
    let (mut in_vain, mut complete) = (0, answered.is_complete());
    while in_vain < if complete { COMPLETE } else { LOST } {
        if answered.look(&mut listener).await {
            in_vain = 0;
            complete = complete || answered.is_complete();
        } else {
            in_vain += 1;
        }
    }
    answered
}

impl Answered {
    /// Takes one answer; false if none comes.
    async fn look(&mut self, listener: &mut Peer) -> bool {
        let Some(message) = listener.message(Instant::now() + LOOK).await else { return false };
        let transport = Transport::decode(message.payload).expect("a Choria transport");
        let sender = transport.sender().expect("a sender").to_owned();
        *self.answers.entry(message.subject).or_default().entry(sender).or_default() += 1;
        true
    }

    fn is_complete(&self) -> bool {
        self.answers.values().all(|one| one.len() >= self.nodes.len())
    }

    /// How many requests were made.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.answers.len()
    }

    /// Who did not answer which request.
    #[must_use]
    pub fn lost(&self) -> Vec<(&str, Vec<&str>)> {
        let missing = |one: &BTreeMap<String, u32>| {
            let nodes = self.nodes.iter().filter(|node| !one.contains_key(*node));
            nodes.map(String::as_str).collect::<Vec<_>>()
        };
        let lost = self.answers.iter().map(|(reply, one)| (reply.as_str(), missing(one)));
        lost.filter(|(_, nodes)| !nodes.is_empty()).collect()
    }

    /// How many answers came more than once.
    #[must_use]
    pub fn doubled(&self) -> usize {
        self.answers.values().flat_map(BTreeMap::values).filter(|count| **count != 1).count()
    }

    /// Holds that nothing was lost or doubled.
    ///
    /// # Panics
    /// When anything was; says what, and what gateways have dropped.
    pub async fn is_whole(&self, fabric: &Fabric) {
        if self.lost().is_empty() && self.doubled() == 0 {
            return;
        }
        let mut drops = BTreeMap::new();
        for gateway in fabric.gateways() {
            drops.insert(gateway.name(), crate::drops(gateway).await);
        }
        panic!("{self}; lost: {:?}; dropped: {drops:?}", self.lost());
    }
}

impl fmt::Display for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (requests, nodes) = (self.requests(), self.nodes.len());
        let lost: usize = self.lost().iter().map(|(_, nodes)| nodes.len()).sum();
        write!(
            f,
            "{requests} requests in {} ms, {nodes} nodes each: {lost} of {} answers lost, {} doubled",
            self.took.as_millis(),
            requests * nodes,
            self.doubled()
        )
    }
}
