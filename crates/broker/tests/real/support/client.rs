//! A shell that waits for one thing at a time, with a deadline.

use std::time::Duration;

use antiphon_broker::{
    BarrierId, Broker, BrokerCommand, BrokerConfig, BrokerEvent, Delivery, Publication, ServerInfo,
    SubscriptionId, connect,
};
use bytes::Bytes;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long anything may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// A configuration for one or several servers, quick to try again.
pub(crate) fn config(urls: &[String]) -> BrokerConfig {
    let servers = urls.iter().map(|url| url.parse().unwrap()).collect();
    let mut config = BrokerConfig::new(servers, "test");
    config.connect_timeout = Duration::from_secs(10);
    config.reconnect_min = Duration::from_millis(10);
    config.reconnect_max = Duration::from_millis(100);
    config
}

/// One connection of a test.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) broker: Broker,
    next_id: u64,
}

/// What was heard while waiting for something else.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) payloads: Vec<String>,
    /// Other events, as text.
    pub(crate) others: Vec<String>,
}

impl Seen {
    fn note(&mut self, event: BrokerEvent) {
        if let BrokerEvent::Message(delivery) = event {
            self.payloads.push(text(&delivery));
        } else {
            self.others.push(format!("{event:?}"));
        }
    }
}

impl Client {
    /// Starts without waiting for anything.
    pub(crate) fn start(config: BrokerConfig) -> Self {
        let broker = connect(config, CancellationToken::new()).unwrap();
        Self { broker, next_id: 0 }
    }

    /// Starts and waits for the connection.
    pub(crate) async fn connect(config: BrokerConfig) -> Self {
        let mut client = Self::start(config);
        client.connected().await;
        client
    }

    pub(crate) async fn connected(&mut self) -> ServerInfo {
        let mut info = None;
        self.until(|event| {
            if let BrokerEvent::Connected(server) = event {
                info = Some(server.clone());
            }
            info.is_some()
        })
        .await;
        info.unwrap()
    }

    pub(crate) async fn order(&self, order: BrokerCommand) {
        let sent = timeout(DEADLINE, self.broker.commands.send(order)).await;
        sent.expect("orders are taken").unwrap();
    }

    /// The next event.
    pub(crate) async fn next(&mut self) -> BrokerEvent {
        let event = timeout(DEADLINE, self.broker.events.recv()).await;
        event.expect("something happens in time").expect("the adapter lives")
    }

    /// The next event, which is a message.
    pub(crate) async fn message(&mut self) -> Delivery {
        let event = self.next().await;
        let BrokerEvent::Message(delivery) = event else { panic!("no message: {event:?}") };
        delivery
    }

    /// Everything up to the event that is asked for, itself included.
    pub(crate) async fn until(&mut self, mut is_last: impl FnMut(&BrokerEvent) -> bool) -> Seen {
        let mut seen = Seen::default();
        loop {
            let event = self.next().await;
            let last = is_last(&event);
            seen.note(event);
            if last {
                return seen;
            }
        }
    }

    pub(crate) async fn subscribe(&mut self, subject: &str, group: Option<&str>) -> SubscriptionId {
        self.next_id += 1;
        let id = SubscriptionId(self.next_id);
        let (subject, group) = (subject.to_owned(), group.map(str::to_owned));
        self.order(BrokerCommand::Subscribe { id, subject, group }).await;
        id
    }

    /// Subscribes, and waits until the server has processed it.
    pub(crate) async fn subscribed(&mut self, subject: &str) -> SubscriptionId {
        let id = self.subscribe(subject, None).await;
        let seen = self.barrier().await;
        assert!(seen.others.is_empty() && seen.payloads.is_empty(), "{seen:?}");
        id
    }

    /// Leaves, and gives what still arrived.
    pub(crate) async fn leave(&mut self, id: SubscriptionId) -> Seen {
        self.order(BrokerCommand::Unsubscribe { id }).await;
        let ended = |event: &BrokerEvent| matches!(event, BrokerEvent::Unsubscribed { id: ended } if *ended == id);
        let mut seen = self.until(ended).await;
        seen.others.pop();
        seen
    }

    pub(crate) async fn publish(&self, subject: &str, payload: impl Into<Bytes>) {
        let (subject, payload) = (subject.to_owned(), payload.into());
        let publication = Publication { subject, headers: Vec::new(), payload };
        self.order(BrokerCommand::Publish(publication)).await;
    }

    /// Waits until the server has processed everything, and gives what arrived before.
    pub(crate) async fn barrier(&mut self) -> Seen {
        self.next_id += 1;
        let id = BarrierId(self.next_id);
        self.order(BrokerCommand::Barrier { id }).await;
        let passed = |event: &BrokerEvent| matches!(event, BrokerEvent::BarrierPassed { id: passed } if *passed == id);
        let mut seen = self.until(passed).await;
        seen.others.pop();
        seen
    }

    /// Closes, and gives what arrived before the end.
    pub(crate) async fn close(mut self) -> Seen {
        self.order(BrokerCommand::Close).await;
        let mut seen = self.until(|event| matches!(event, BrokerEvent::Closed)).await;
        assert!(self.broker.events.recv().await.is_none(), "nothing follows");
        self.broker.task.await.unwrap();
        seen.others.pop();
        seen
    }
}

/// The payload as text.
fn text(delivery: &Delivery) -> String {
    String::from_utf8_lossy(&delivery.payload).into_owned()
}
