//! The load generator: a client on one side, nodes on the other.

use std::{sync::Arc, time::Duration};

use antiphon_broker::{
    BarrierId, Broker, BrokerCommand, BrokerConfig, BrokerEvent, Publication, SubscriptionId,
    TlsOptions, connect,
};
use antiphon_identity::{Credentials, tls};
use antiphon_lab::pki::TlsFiles;
use tokio::{
    sync::mpsc,
    time::{Instant, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;

use crate::{
    message::{self, Request},
    nodes::{Answers, Nodes},
    place::Place,
};

/// How long a broker may take for anything.
const PATIENCE: Duration = Duration::from_secs(20);
/// After so much silence the rest of the answers counts as lost.
const LOST_AFTER: Duration = Duration::from_secs(8);
/// How long duplicates are waited for once all answers are there.
const AFTERMATH: Duration = Duration::from_millis(300);

/// A client and nodes, connected.
pub(crate) struct Load {
    commands: mpsc::Sender<BrokerCommand>,
    events: mpsc::Receiver<BrokerEvent>,
    nodes: Nodes,
    next: u64,
}

/// What came back.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answered {
    pub(crate) arrived: usize,
    pub(crate) duplicated: usize,
    /// From the first publication to the last answer.
    pub(crate) wall: Duration,
}

impl Load {
    pub(crate) async fn connect(place: &Place) -> Self {
        let mut far = open(&place.nodes_url, &place.tls, "nodes").await;
        for (number, subject) in
            ["mcollective.broadcast.agent.rpcutil", "mcollective.node.>"].iter().enumerate()
        {
            subscribe(&far.commands, number as u64, subject).await;
        }
        barrier(&mut far).await;
        let near = open(&place.client_url, &place.tls, "client").await;
        let nodes = Nodes::start(far.commands, far.events);
        let mut load = Self { commands: near.commands, events: near.events, nodes, next: 1 };
        load.until_reachable().await;
        load
    }

    /// The nodes' next answers.
    pub(crate) async fn prepare(&mut self, nodes: usize, over: Duration) -> Request {
        let request = message::request(self.number(), "rpcutil");
        let id = request.id.clone();
        let made = tokio::task::spawn_blocking(move || message::answers(&id, nodes));
        let data = Arc::new(made.await.expect("no panic"));
        self.nodes.will_answer(Answers { data, over });
        request
    }

    /// Asks everybody.
    pub(crate) async fn ask_all(&mut self, request: &Request, nodes: usize) -> Answered {
        let subscription = self.listen(request).await;
        let began = Instant::now();
        self.publish("mcollective.broadcast.agent.rpcutil".to_owned(), request).await;
        let answered = collect(&mut self.events, nodes, began, LOST_AFTER).await;
        self.leave(subscription).await;
        answered
    }

    /// Asks each of these nodes, one message each, as a client with a list of them does.
    pub(crate) async fn ask_each(&mut self, request: &Request, nodes: usize) -> Answered {
        let subscription = self.listen(request).await;
        let began = Instant::now();
        let (commands, payload) = (self.commands.clone(), request.payload.clone());
        let publishing = tokio::spawn(async move {
            for node in 0..nodes {
                let subject = format!("mcollective.node.{}", message::identity(node));
                publish(&commands, subject, payload.clone()).await;
            }
        });
        let answered = collect(&mut self.events, nodes, began, LOST_AFTER).await;
        publishing.await.expect("no panic");
        self.leave(subscription).await;
        answered
    }

    /// Asks one node, on a fresh reply subject: how long the answer takes; `None` if none comes within
    /// a time.
    pub(crate) async fn round_trip(&mut self, within: Duration) -> Option<Duration> {
        let request = self.prepare(1, Duration::ZERO).await;
        let began = Instant::now();
        let subscription = self.listen(&request).await;
        let subject = format!("mcollective.node.{}", message::identity(0));
        self.publish(subject, &request).await;
        let answer = timeout(within, next_answer(&mut self.events)).await.ok();
        let took = began.elapsed();
        self.leave(subscription).await;
        answer.map(|_| took)
    }

    /// Interest and adverts take a while to spread.
    async fn until_reachable(&mut self) {
        let deadline = Instant::now() + PATIENCE * 2;
        let mut good = 0;
        while good < 3 {
            assert!(Instant::now() < deadline, "no way to the nodes");
            let answered = self.round_trip(Duration::from_secs(1)).await.is_some();
            good = if answered { good + 1 } else { 0 };
        }
    }

    async fn listen(&mut self, request: &Request) -> SubscriptionId {
        let number = self.number();
        subscribe(&self.commands, number, &request.reply_to).await;
        SubscriptionId(number)
    }

    async fn leave(&mut self, id: SubscriptionId) {
        let order = BrokerCommand::Unsubscribe { id };
        self.commands.send(order).await.expect("the connection lives");
        let left = |event: &BrokerEvent| matches!(event, BrokerEvent::Unsubscribed { id: one } if *one == id);
        until(&mut self.events, left).await;
    }

    async fn publish(&self, subject: String, request: &Request) {
        publish(&self.commands, subject, request.payload.clone()).await;
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

async fn open(url: &str, files: &TlsFiles, name: &str) -> Broker {
    let credentials =
        Credentials::from_files(&files.certificate, &files.key, &files.ca).expect("certificates");
    let tls = tls::broker_client_config(credentials.trust(), Some(&credentials));
    let mut config = BrokerConfig::new(vec![url.parse().expect("a URL")], name);
    config.tls = Some(TlsOptions::fixed(Arc::new(tls)));
    config.queue_len_max = 64 * 1024;
    config.intake_bytes_max = 1 << 30;
    let mut broker = connect(config, CancellationToken::new()).expect("a good configuration");
    until(&mut broker.events, |event| matches!(event, BrokerEvent::Connected(_))).await;
    broker
}

async fn subscribe(commands: &mpsc::Sender<BrokerCommand>, number: u64, subject: &str) {
    let (id, subject) = (SubscriptionId(number), subject.to_owned());
    let order = BrokerCommand::Subscribe { id, subject, group: None };
    commands.send(order).await.expect("the connection lives");
}

async fn publish(commands: &mpsc::Sender<BrokerCommand>, subject: String, payload: bytes::Bytes) {
    let publication = Publication { subject, headers: Vec::new(), payload };
    commands.send(BrokerCommand::Publish(publication)).await.expect("the connection lives");
}

async fn barrier(broker: &mut Broker) {
    let id = BarrierId(1);
    broker.commands.send(BrokerCommand::Barrier { id }).await.expect("the connection lives");
    until(&mut broker.events, |event| matches!(event, BrokerEvent::BarrierPassed { .. })).await;
}

async fn until(events: &mut mpsc::Receiver<BrokerEvent>, wanted: impl Fn(&BrokerEvent) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let event = timeout_at(deadline, events.recv()).await.expect("an answer in time");
        if wanted(&event.expect("the connection lives")) {
            return;
        }
    }
}

/// The number of the next answer's node.
async fn next_answer(events: &mut mpsc::Receiver<BrokerEvent>) -> usize {
    loop {
        let event = events.recv().await.expect("the connection lives");
        assert!(!matches!(event, BrokerEvent::Lagged { .. }), "the client reads too slowly");
        if let BrokerEvent::Message(delivery) = event {
            return message::number(&delivery.payload).expect("an answer of a node");
        }
    }
}

async fn collect(
    events: &mut mpsc::Receiver<BrokerEvent>,
    nodes: usize,
    began: Instant,
    patience: Duration,
) -> Answered {
    let mut seen = vec![false; nodes];
    let mut answered = Answered::default();
    loop {
        let patience = if answered.arrived == nodes { AFTERMATH } else { patience };
        let Ok(node) = timeout(patience, next_answer(events)).await else { return answered };
        if std::mem::replace(&mut seen[node], true) {
            answered.duplicated += 1;
        } else {
            answered.arrived += 1;
            answered.wall = began.elapsed();
        }
    }
}
