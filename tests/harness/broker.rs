//! A `nats-server` without a fabric, and connections to it, for tests of the adapter alone.

use std::{net::SocketAddr, time::Duration};

use antiphon_broker::{
    Auth, BarrierId, Broker, BrokerCommand, BrokerConfig, BrokerEvent, Publication, SubscriptionId,
    connect,
};
use antiphon_lab::nats::{Cluster, ClusterOptions};
use bytes::Bytes;
use tempfile::TempDir;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

/// How long a server may take for anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running server, or several in one cluster.
pub struct Nats {
    /// The servers.
    pub cluster: Cluster,
    _folder: TempDir,
}

impl Nats {
    /// Starts it.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn start(adjust: impl FnOnce(&mut ClusterOptions)) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut options = ClusterOptions::plain("n", folder.path()).expect("a nats-server");
        adjust(&mut options);
        let cluster = Cluster::start(&options).await.expect("it comes up");
        Self { cluster, _folder: folder }
    }

    /// Where the first server listens.
    ///
    /// # Panics
    /// Never: the URL has a port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        let url = self.cluster.urls().remove(0);
        let port = url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    /// A configuration for all servers.
    ///
    /// # Panics
    /// Never: the URLs are good.
    #[must_use]
    pub fn config(&self) -> BrokerConfig {
        let urls = self.cluster.urls();
        let servers = urls.iter().map(|url| url.parse().expect("a broker URL")).collect();
        BrokerConfig::new(servers, "test")
    }

    /// The same, logging in.
    #[must_use]
    pub fn config_as(&self, auth: Auth) -> BrokerConfig {
        BrokerConfig { auth, ..self.config() }
    }
}

/// A connection with the port's words, a little shorter.
pub struct Connection {
    /// The adapter.
    pub broker: Broker,
    next: u64,
}

impl Connection {
    /// Connects and waits until the connection stands.
    ///
    /// # Panics
    /// When it does not.
    pub async fn open(config: BrokerConfig) -> Self {
        let mut connection = Self::begin(config);
        connection.until(|event| matches!(event, BrokerEvent::Connected(_))).await;
        connection
    }

    /// Begins to connect.
    ///
    /// # Panics
    /// When the configuration cannot work.
    #[must_use]
    pub fn begin(config: BrokerConfig) -> Self {
        let broker = connect(config, CancellationToken::new()).expect("a good configuration");
        Self { broker, next: 0 }
    }

    /// Sends an order.
    ///
    /// # Panics
    /// When the adapter has ended.
    pub async fn order(&self, command: BrokerCommand) {
        self.broker.commands.send(command).await.expect("the adapter lives");
    }

    /// Subscribes, in a queue group or not.
    pub async fn subscribe(&mut self, subject: &str, group: Option<&str>) -> SubscriptionId {
        let id = SubscriptionId(self.number());
        let (subject, group) = (subject.to_owned(), group.map(str::to_owned));
        self.order(BrokerCommand::Subscribe { id, subject, group }).await;
        id
    }

    /// Publishes.
    pub async fn publish(&self, subject: &str, payload: impl Into<Bytes>) {
        let (subject, payload) = (subject.to_owned(), payload.into());
        let headers = Vec::new();
        self.order(BrokerCommand::Publish(Publication { subject, headers, payload })).await;
    }

    /// Asks for a barrier.
    pub async fn barrier(&mut self) -> BarrierId {
        let id = BarrierId(self.number());
        self.order(BrokerCommand::Barrier { id }).await;
        id
    }

    /// Waits for an event, and gives it and the payloads of the messages before it.
    ///
    /// # Panics
    /// When it does not come.
    pub async fn until(
        &mut self,
        wanted: impl Fn(&BrokerEvent) -> bool,
    ) -> (BrokerEvent, Vec<Bytes>) {
        let deadline = Instant::now() + PATIENCE;
        let mut payloads = Vec::new();
        loop {
            let event = timeout_at(deadline, self.broker.events.recv()).await;
            let event = event.expect("the broker answers in time").expect("the adapter lives");
            if wanted(&event) {
                return (event, payloads);
            }
            if let BrokerEvent::Message(delivery) = event {
                payloads.push(delivery.payload);
            }
        }
    }

    /// Waits until the server has processed everything; the payloads that came before.
    pub async fn settle(&mut self) -> Vec<Bytes> {
        let barrier = self.barrier().await;
        let passed = |event: &BrokerEvent| matches!(event, BrokerEvent::BarrierPassed { id } if *id == barrier);
        self.until(passed).await.1
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}
