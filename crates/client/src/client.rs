//! A client: who calls, and the broker connection it calls through.

use std::time::Duration;

use antiphon_broker::SubscriptionId;
use antiphon_wire::{
    Agent, Cluster, Collective, Federation, IdError, Identity, RequestId, Subject, Transport,
};
use bytes::Bytes;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::connection::{Connection, ConnectionError, Heard};
use crate::request::{Ask, RequestError, Route, SignedRequest, new_request_id, reply_subject};
use crate::signer::Signer;

/// Targets in one message to a federation broker, as Choria cuts them.
const FEDERATION_TARGETS_MAX: usize = 200;

/// A caller with a broker connection. It asks one thing at a time.
pub struct Client {
    /// The configuration.
    pub config: Config,
    signer: Signer,
    connection: Connection,
    /// Cancelled when the user wants no more answers.
    pub stop: CancellationToken,
}

/// Whom a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Targets<'a> {
    /// All nodes with the agent, one message.
    Broadcast,
    /// Any one node with the service, one message.
    Service,
    /// These nodes, one message each.
    Nodes(&'a [Identity]),
}

/// Why an exchange failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeError {
    /// The request could not be made.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The broker is of no use.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// A name that no subject can hold.
    #[error(transparent)]
    Id(#[from] IdError),
}

/// One request id and the subscription for its answers. Several batches may be sent.
pub struct Exchange<'c> {
    client: &'c mut Client,
    id: RequestId,
    /// Where answers go: our own subject, or wherever the user wants them.
    reply_to: String,
    subscription: Option<SubscriptionId>,
}

/// What comes next in an exchange.
#[derive(Debug)]
pub enum Next {
    /// An answer.
    Answer {
        /// When it arrived.
        at: Instant,
        /// What it says.
        transport: Box<Transport>,
    },
    /// A message that is no answer of this protocol, or a connection that may have lost some.
    Trouble(String),
    /// The deadline passed.
    TimedOut,
    /// The user wants no more.
    Stopped,
}

impl Client {
    /// A client on a connection that stands.
    pub fn new(
        config: Config,
        signer: Signer,
        connection: Connection,
        stop: CancellationToken,
    ) -> Self {
        Self { config, signer, connection, stop }
    }

    /// Who calls.
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// Starts an exchange: a new request id, and a subscription for the answers that the broker knows of. Answers to a
    /// `reply_to` of the user's are not listened to.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub async fn open(
        &mut self,
        collective: &Collective,
        reply_to: Option<&str>,
    ) -> Result<Exchange<'_>, ExchangeError> {
        let id = new_request_id(self.signer.version())?;
        let (reply_to, subscription) = match reply_to {
            Some(reply_to) => (reply_to.to_owned(), None),
            None => {
                let subject = reply_subject(collective, &self.signer, &id)?.to_string();
                (subject.clone(), Some(self.connection.subscribe(subject).await?))
            }
        };
        Ok(Exchange { client: self, id, reply_to, subscription })
    }

    /// Flushes and closes the connection.
    pub async fn close(self) {
        self.connection.close().await;
    }
}

impl Exchange<'_> {
    /// The request id.
    pub fn id(&self) -> &RequestId {
        &self.id
    }

    /// Signs the request as of now and publishes it to its targets. Returns when publishing began.
    ///
    /// # Errors
    /// [`ExchangeError`].
    pub async fn send(
        &mut self,
        ask: &Ask<'_>,
        targets: Targets<'_>,
    ) -> Result<Instant, ExchangeError> {
        let client = &*self.client;
        let request =
            SignedRequest::new(ask, &self.id, &client.config.identity, &client.signer).await?;
        let subjects = subjects(ask.collective, ask.agent, targets);
        let begin = Instant::now();
        if client.config.federations.is_empty() {
            let payload = self.transport(&request, None);
            for subject in subjects {
                self.client.connection.publish(subject, payload.clone()).await?;
            }
        } else {
            self.send_federated(&request, &subjects).await?;
        }
        Ok(begin)
    }

    /// Every group of targets goes to every federation cluster: nobody says who lives where.
    async fn send_federated(
        &mut self,
        request: &SignedRequest,
        subjects: &[String],
    ) -> Result<(), ExchangeError> {
        for targets in subjects.chunks(FEDERATION_TARGETS_MAX) {
            let federation = Federation {
                request: self.id.to_string(),
                reply_to: String::new(),
                targets: targets.to_vec(),
            };
            let payload = self.transport(request, Some(&federation));
            let clusters: Vec<Cluster> = self.client.config.federations.clone();
            for cluster in clusters {
                let subject = Subject::FederationRequest { cluster }.to_string();
                self.client.connection.publish(subject, payload.clone()).await?;
            }
        }
        Ok(())
    }

    /// The next answer, at the latest at `deadline`.
    ///
    /// # Errors
    /// What the broker refused, or an ended connection.
    pub async fn next(&mut self, deadline: Instant) -> Result<Next, ConnectionError> {
        loop {
            let heard = tokio::select! {
                biased;
                () = self.client.stop.cancelled() => return Ok(Next::Stopped),
                heard = self.client.connection.next() => heard?,
                () = sleep_until(deadline) => return Ok(Next::TimedOut),
            };
            match heard {
                Heard::Trouble(trouble) => return Ok(Next::Trouble(trouble)),
                // Without this a flood of messages would keep us listening for ever.
                Heard::Message { at, .. } if at > deadline => return Ok(Next::TimedOut),
                Heard::Message { at, subscription, payload } => {
                    if Some(subscription) == self.subscription {
                        return Ok(answer(at, payload));
                    }
                }
            }
        }
    }

    /// Waits for `pause`, or until the user wants no more: then `false`.
    pub async fn pause(&self, pause: Duration) -> bool {
        tokio::select! {
            biased;
            () = self.client.stop.cancelled() => false,
            () = tokio::time::sleep(pause) => true,
        }
    }

    /// Waits until the broker has processed what was sent.
    ///
    /// # Errors
    /// What the broker refused, or an ended connection.
    pub async fn flush(&mut self) -> Result<(), ConnectionError> {
        self.client.connection.flush().await
    }

    /// Stops listening.
    ///
    /// # Errors
    /// An ended connection.
    pub async fn close(self) -> Result<(), ConnectionError> {
        match self.subscription {
            Some(subscription) => self.client.connection.unsubscribe(subscription).await,
            None => Ok(()),
        }
    }

    fn transport(&self, request: &SignedRequest, federation: Option<&Federation>) -> Bytes {
        request.transport(&Route {
            reply_to: &self.reply_to,
            sender: &self.client.config.identity,
            broker: self.client.connection.broker(),
            federation,
        })
    }
}

/// The moment `duration` after `start`; a year after it, for durations that no clock can add.
pub(crate) fn deadline(start: Instant, duration: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
    start + duration.min(YEAR)
}

fn answer(at: Instant, payload: Bytes) -> Next {
    match Transport::decode(payload) {
        Ok(transport) => Next::Answer { at, transport: Box::new(transport) },
        Err(error) => Next::Trouble(format!("a reply is no Choria message: {error}")),
    }
}

fn subjects(collective: &Collective, agent: &Agent, targets: Targets<'_>) -> Vec<String> {
    let (collective, agent) = (collective.clone(), agent.clone());
    match targets {
        Targets::Broadcast => vec![Subject::Broadcast { collective, agent }.to_string()],
        Targets::Service => vec![Subject::Service { collective, agent }.to_string()],
        Targets::Nodes(nodes) => nodes
            .iter()
            .map(|identity| {
                let (collective, identity) = (collective.clone(), identity.clone());
                Subject::Node { collective, identity }.to_string()
            })
            .collect(),
    }
}
