//! A raw connection to a region's broker.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use antiphon_broker::{
    BarrierId, Broker, BrokerCommand, BrokerConfig, BrokerEvent, Delivery, Publication,
    SubscriptionId, TlsOptions, connect,
};
use antiphon_identity::{Credentials, tls};
use antiphon_lab::Lab;
use antiphon_wire::Transport;
use bytes::Bytes;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

/// How long a broker may take for anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// A client or node made of raw messages.
pub struct Peer {
    broker: Broker,
    next: u64,
}

impl Peer {
    /// Connects to a region's broker with the user's certificate.
    ///
    /// # Panics
    /// When the broker does not take it.
    pub async fn connect(lab: &Lab, region: &str) -> Self {
        let files = lab.manifest().client;
        let credentials = Credentials::from_files(&files.certificate, &files.key, &files.ca)
            .expect("the user's certificate");
        let tls = tls::broker_client_config(credentials.trust(), Some(&credentials));
        let urls = lab.region(region).expect("a region of that name").broker().urls();
        let servers = urls.iter().map(|url| url.parse().expect("a broker URL")).collect();
        let mut config = BrokerConfig::new(servers, "test");
        config.tls = Some(TlsOptions::fixed(Arc::new(tls)));
        config.queue_len_max = 64 * 1024;
        let broker = connect(config, CancellationToken::new()).expect("a good configuration");
        let mut peer = Self { broker, next: 1 };
        peer.until(|event| matches!(event, BrokerEvent::Connected(_))).await;
        peer
    }

    /// Subscribes, and waits until the broker has it.
    ///
    /// # Panics
    /// When the connection is gone.
    pub async fn subscribe(&mut self, subject: &str) {
        self.listen(subject, None).await;
    }

    /// Subscribes in a queue group, and waits until the broker has it.
    ///
    /// # Panics
    /// When the connection is gone.
    pub async fn join(&mut self, subject: &str, group: &str) {
        self.listen(subject, Some(group.to_owned())).await;
    }

    async fn listen(&mut self, subject: &str, group: Option<String>) {
        let id = SubscriptionId(self.number());
        let subject = subject.to_owned();
        self.order(BrokerCommand::Subscribe { id, subject, group }).await;
        self.barrier().await;
    }

    /// Publishes.
    ///
    /// # Panics
    /// When the connection is gone.
    pub async fn publish(&mut self, subject: &str, payload: Bytes) {
        let (subject, headers) = (subject.to_owned(), Vec::new());
        self.order(BrokerCommand::Publish(Publication { subject, headers, payload })).await;
    }

    /// Waits until the broker has processed everything.
    ///
    /// # Panics
    /// When it does not in time. Messages that arrive meanwhile are lost to the test: call it first.
    pub async fn barrier(&mut self) {
        let id = BarrierId(self.number());
        self.order(BrokerCommand::Barrier { id }).await;
        self.until(
            |event| matches!(event, BrokerEvent::BarrierPassed { id: passed } if *passed == id),
        )
        .await;
    }

    /// The next message; `None` if there is none by the deadline.
    pub async fn message(&mut self, deadline: Instant) -> Option<Delivery> {
        loop {
            match timeout_at(deadline, self.broker.events.recv()).await.ok()?? {
                BrokerEvent::Message(delivery) => return Some(delivery),
                BrokerEvent::Lagged { .. } => panic!("the test reads too slowly"),
                _ => {}
            }
        }
    }

    /// Counts answers by sender until `enough`, and then for a moment longer, so that duplicates
    /// show.
    pub async fn answers(&mut self, enough: usize, within: Duration) -> BTreeMap<String, u32> {
        let mut answers = BTreeMap::new();
        let mut deadline = Instant::now() + within;
        while let Some(delivery) = self.message(deadline).await {
            let Ok(transport) = Transport::decode(delivery.payload) else { continue };
            let sender = transport.sender().unwrap_or_default().to_owned();
            *answers.entry(sender).or_default() += 1;
            if answers.len() == enough {
                deadline = deadline.min(Instant::now() + Duration::from_millis(300));
            }
        }
        answers
    }

    async fn until(&mut self, wanted: impl Fn(&BrokerEvent) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let event = timeout_at(deadline, self.broker.events.recv()).await;
            let event = event.expect("the broker answers in time").expect("the adapter lives");
            if wanted(&event) {
                return;
            }
        }
    }

    async fn order(&mut self, command: BrokerCommand) {
        self.broker.commands.send(command).await.expect("the adapter lives");
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}
