//! A client that publishes what it is told, and collects what comes back.

use std::sync::Arc;

use antiphon_broker::{
    BarrierId, Broker, BrokerCommand, BrokerConfig, BrokerEvent, Publication, SubscriptionId,
    TlsOptions, connect,
};
use antiphon_identity::{Credentials, TrustBundle, tls};
use antiphon_wire::Transport;
use bytes::Bytes;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::DEADLINE;
use super::broker::NatsServer;

/// The name of the certificate that the client connects with.
pub(crate) const CLIENT: &str = "client";

/// A connection to the broker.
pub(crate) struct Client {
    broker: Broker,
    barrier: u64,
}

/// A message that came in.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) subject: String,
    pub(crate) payload: Bytes,
}

impl Received {
    /// The transport of a message of Choria.
    pub(crate) fn transport(&self) -> Transport {
        Transport::decode(self.payload.clone()).unwrap()
    }

    /// The agent's payload in a reply.
    pub(crate) fn body(&self) -> serde_json::Value {
        let message = self.transport().reply().unwrap().message;
        let text = std::str::from_utf8(&message).unwrap();
        serde_json::from_str(text).unwrap_or_else(|_| text.into())
    }
}

impl Client {
    /// Connects, and subscribes to `subjects`.
    pub(crate) async fn connect(server: &NatsServer, subjects: &[&str]) -> Self {
        let ca = server.file("ca.pem");
        let (certificate, key) = (server.file("client.pem"), server.file("client-key.pem"));
        let own = Credentials::from_files(&certificate, &key, &ca).unwrap();
        let trust = TrustBundle::from_file(&ca).unwrap();
        let mut config = BrokerConfig::new(vec![server.url().parse().unwrap()], CLIENT);
        let tls = tls::broker_client_config(&trust, Some(&own));
        config.tls = Some(TlsOptions::fixed(Arc::new(tls)));
        let broker = connect(config, CancellationToken::new()).unwrap();
        let mut client = Self { broker, barrier: 0 };
        while !matches!(client.event().await, BrokerEvent::Connected(_)) {}
        for (id, subject) in subjects.iter().enumerate() {
            let (id, subject) = (SubscriptionId(id as u64), (*subject).to_owned());
            client.order(BrokerCommand::Subscribe { id, subject, group: None }).await;
        }
        client.settle().await;
        client
    }

    pub(crate) async fn publish(&self, subject: &str, payload: impl Into<Bytes>) {
        let (subject, payload) = (subject.to_owned(), payload.into());
        let publication = Publication { subject, headers: Vec::new(), payload };
        self.order(BrokerCommand::Publish(publication)).await;
    }

    /// The next message.
    pub(crate) async fn next(&mut self) -> Received {
        loop {
            if let BrokerEvent::Message(delivery) = self.event().await {
                return Received { subject: delivery.subject, payload: delivery.payload };
            }
        }
    }

    /// Waits until the broker has done everything so far; gives the messages that came meanwhile.
    pub(crate) async fn settle(&mut self) -> Vec<Received> {
        self.barrier += 1;
        self.order(BrokerCommand::Barrier { id: BarrierId(self.barrier) }).await;
        let mut received = Vec::new();
        loop {
            let event = self.event().await;
            if let BrokerEvent::Message(delivery) = event {
                received.push(Received { subject: delivery.subject, payload: delivery.payload });
            } else if matches!(event, BrokerEvent::BarrierPassed { id } if id.0 == self.barrier) {
                return received;
            }
        }
    }

    async fn order(&self, command: BrokerCommand) {
        self.broker.commands.send(command).await.unwrap();
    }

    async fn event(&mut self) -> BrokerEvent {
        let event = timeout(DEADLINE, self.broker.events.recv()).await;
        event.expect("nothing came in time").expect("the adapter runs")
    }
}
