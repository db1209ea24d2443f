//! One broker connection, as a client uses it: subscribe, publish, listen.

use std::collections::VecDeque;
use std::time::Duration;

use antiphon_broker::{
    BarrierId, BrokerCommand, BrokerEvent, Operation, Publication, RefusedPublish, SubscriptionId,
};
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

/// How long a broker that is away is waited for between two steps. While answers are gathered, their deadline counts.
const AWAY_MAX: Duration = Duration::from_secs(10);

/// What a client needs of a broker: the two ends of the port's channels.
#[derive(Debug)]
pub struct Connection {
    commands: mpsc::Sender<BrokerCommand>,
    events: mpsc::Receiver<BrokerEvent>,
    /// What arrived while we were waiting for something else, with the time. Bounded by the broker's intake budget.
    backlog: VecDeque<(Instant, BrokerEvent)>,
    broker: String,
    next_id: u64,
}

/// What a connection says while somebody listens.
#[derive(Debug)]
pub enum Heard {
    /// A message on a subscription.
    Message {
        /// When it was read.
        at: Instant,
        /// Which subscription took it.
        subscription: SubscriptionId,
        /// What it says.
        payload: Bytes,
    },
    /// Answers may have been lost.
    Trouble(String),
}

/// Why a broker is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// No server took the connection in time.
    #[error("cannot connect to {servers} within {timeout:?}{reason}")]
    Unreachable {
        /// The servers that were tried.
        servers: String,
        /// How long.
        timeout: Duration,
        /// The last failure, with its separator; empty if none was told.
        reason: String,
    },
    /// The server does not allow it.
    #[error("the broker does not let us {operation} {subject}")]
    Denied {
        /// What was attempted.
        operation: &'static str,
        /// On which subject.
        subject: String,
    },
    /// The server would not take the message.
    #[error("cannot publish on {subject}: {reason}")]
    Refused {
        /// The subject.
        subject: String,
        /// Why.
        reason: String,
    },
    /// The adapter has ended.
    #[error("the broker connection has ended")]
    Ended,
}

impl Connection {
    /// Waits until the adapter behind these channels has a connection.
    ///
    /// # Errors
    /// [`ConnectionError::Unreachable`] after `within`, with the last reason; `servers` is for that message.
    pub async fn establish(
        commands: mpsc::Sender<BrokerCommand>,
        mut events: mpsc::Receiver<BrokerEvent>,
        servers: &[String],
        within: Duration,
    ) -> Result<Self, ConnectionError> {
        let mut reason = String::new();
        let connected = timeout(within, async {
            loop {
                match events.recv().await {
                    Some(BrokerEvent::Connected(server)) => break Ok(server),
                    Some(BrokerEvent::ConnectFailed { server, reason: why }) => {
                        reason = format!(": {server}: {why}");
                    }
                    Some(BrokerEvent::Closed) | None => break Err(ConnectionError::Ended),
                    Some(_) => {}
                }
            }
        });
        let server = match connected.await {
            Ok(connected) => connected?,
            Err(_) => {
                let servers = servers.join(", ");
                return Err(ConnectionError::Unreachable { servers, timeout: within, reason });
            }
        };
        let (broker, backlog) = (server.url, VecDeque::new());
        Ok(Self { commands, events, backlog, broker, next_id: 0 })
    }

    /// The URL of the broker that we are connected to.
    pub fn broker(&self) -> &str {
        &self.broker
    }

    /// Subscribes, and returns once the server knows it.
    ///
    /// # Errors
    /// A subject that we may not listen to, or an ended connection.
    pub async fn subscribe(&mut self, subject: String) -> Result<SubscriptionId, ConnectionError> {
        let id = SubscriptionId(self.fresh_id());
        self.send(BrokerCommand::Subscribe { id, subject, group: None }).await?;
        self.flush().await?;
        Ok(id)
    }

    /// Ends a subscription; what still arrives on it is passed over.
    ///
    /// # Errors
    /// An ended connection.
    pub async fn unsubscribe(&mut self, id: SubscriptionId) -> Result<(), ConnectionError> {
        self.send(BrokerCommand::Unsubscribe { id }).await
    }

    /// Publishes a message without headers.
    ///
    /// # Errors
    /// An ended connection. What the server refuses is told by [`next`](Self::next).
    pub async fn publish(
        &mut self,
        subject: String,
        payload: Bytes,
    ) -> Result<(), ConnectionError> {
        let publication = Publication { subject, headers: Vec::new(), payload };
        self.send(BrokerCommand::Publish(publication)).await
    }

    /// Waits until the server has processed everything so far; for one that is away, ten seconds.
    ///
    /// # Errors
    /// What the server refused of it, a server that does not come back, or an ended connection.
    pub async fn flush(&mut self) -> Result<(), ConnectionError> {
        let servers = self.broker.clone();
        let flushed = timeout(AWAY_MAX, self.processed()).await;
        flushed.unwrap_or_else(|_| {
            let reason = ": it went away, and did not come back".to_owned();
            Err(ConnectionError::Unreachable { servers, timeout: AWAY_MAX, reason })
        })
    }

    async fn processed(&mut self) -> Result<(), ConnectionError> {
        let id = BarrierId(self.fresh_id());
        self.send(BrokerCommand::Barrier { id }).await?;
        loop {
            let event = self.events.recv().await.ok_or(ConnectionError::Ended)?;
            match event {
                BrokerEvent::BarrierPassed { id: passed } if passed == id => return Ok(()),
                // The barrier went with the connection; subscriptions come back by themselves.
                BrokerEvent::Connected(server) => {
                    self.broker = server.url;
                    self.send(BrokerCommand::Barrier { id }).await?;
                }
                BrokerEvent::PermissionDenied { operation, subject } => {
                    return Err(denied(operation, subject));
                }
                BrokerEvent::Closed => return Err(ConnectionError::Ended),
                BrokerEvent::Message(_)
                | BrokerEvent::Disconnected { .. }
                | BrokerEvent::Lagged { .. }
                | BrokerEvent::PublishRefused { .. } => {
                    self.backlog.push_back((Instant::now(), event));
                }
                BrokerEvent::ConnectFailed { .. }
                | BrokerEvent::Unsubscribed { .. }
                | BrokerEvent::SubscriptionAllowed { .. }
                | BrokerEvent::BarrierPassed { .. } => {}
            }
        }
    }

    /// The next message, or trouble.
    ///
    /// # Errors
    /// A publication or subscription that the server refused, or an ended connection.
    pub async fn next(&mut self) -> Result<Heard, ConnectionError> {
        loop {
            let (at, event) = match self.backlog.pop_front() {
                Some(early) => early,
                None => {
                    let event = self.events.recv().await.ok_or(ConnectionError::Ended)?;
                    (Instant::now(), event)
                }
            };
            if let Some(heard) = self.heard(at, event)? {
                return Ok(heard);
            }
        }
    }

    /// Flushes and closes the connection.
    pub async fn close(mut self) {
        if self.send(BrokerCommand::Close).await.is_ok() {
            while let Some(event) = self.events.recv().await {
                if matches!(event, BrokerEvent::Closed) {
                    break;
                }
            }
        }
    }

    fn heard(&mut self, at: Instant, event: BrokerEvent) -> Result<Option<Heard>, ConnectionError> {
        match event {
            BrokerEvent::Message(delivery) => {
                let (subscription, payload) = (delivery.subscription, delivery.payload);
                Ok(Some(Heard::Message { at, subscription, payload }))
            }
            BrokerEvent::Disconnected { reason } => {
                Ok(Some(Heard::Trouble(format!("the broker connection was lost: {reason}"))))
            }
            BrokerEvent::Lagged { lost } => {
                let count = lost.map_or(String::new(), |lost| format!("{lost} "));
                Ok(Some(Heard::Trouble(format!("{count}messages were lost: we read too slowly"))))
            }
            BrokerEvent::PublishRefused { subject, reason } => {
                Err(ConnectionError::Refused { subject, reason: refusal(reason) })
            }
            BrokerEvent::PermissionDenied { operation, subject } => Err(denied(operation, subject)),
            BrokerEvent::Closed => Err(ConnectionError::Ended),
            BrokerEvent::Connected(server) => {
                self.broker = server.url;
                Ok(None)
            }
            BrokerEvent::ConnectFailed { .. }
            | BrokerEvent::SubscriptionAllowed { .. }
            | BrokerEvent::Unsubscribed { .. }
            | BrokerEvent::BarrierPassed { .. } => Ok(None),
        }
    }

    /// Hands over an order. Goes on reading meanwhile: the adapter may wait for us to take its events before it takes
    /// our orders.
    async fn send(&mut self, command: BrokerCommand) -> Result<(), ConnectionError> {
        loop {
            tokio::select! {
                permit = self.commands.reserve() => {
                    permit.map_err(|_| ConnectionError::Ended)?.send(command);
                    return Ok(());
                }
                event = self.events.recv() => {
                    let event = event.ok_or(ConnectionError::Ended)?;
                    self.backlog.push_back((Instant::now(), event));
                }
            }
        }
    }

    fn fresh_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }
}

fn denied(operation: Operation, subject: String) -> ConnectionError {
    let operation = match operation {
        Operation::Publish => "publish on",
        Operation::Subscribe => "subscribe to",
    };
    ConnectionError::Denied { operation, subject }
}

fn refusal(reason: RefusedPublish) -> String {
    match reason {
        RefusedPublish::Disconnected => "the connection is lost".to_owned(),
        RefusedPublish::TooLarge { max_payload } => {
            format!("the message is larger than the broker's {max_payload} bytes")
        }
        RefusedPublish::BadSubject => "the subject is not legal".to_owned(),
        RefusedPublish::NoHeaders | RefusedPublish::BadHeaders => {
            "headers were refused, though there are none".to_owned()
        }
    }
}
