//! The words of the port: what a shell may ask of a broker connection and what it hears back.
//!
//! Two enums and two bounded channels, so that the real adapter, a fake one and a recording speak
//! the same language.

use bytes::Bytes;

use crate::intake::Hold;

/// Names one subscription for its whole life, across reconnects. Chosen by the shell, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriptionId(pub u64);

/// Names one barrier. Chosen by the shell, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BarrierId(pub u64);

/// An order to the adapter. Orders are carried out in the order in which they were sent.
#[derive(Clone, Debug)]
pub enum BrokerCommand {
    /// Subscribe now and again after each reconnect, until [`BrokerCommand::Unsubscribe`].
    Subscribe {
        /// The name under which messages will arrive.
        id: SubscriptionId,
        /// A NATS subject; wildcards are allowed.
        subject: String,
        /// The queue group: each message goes to one member of it.
        group: Option<String>,
    },
    /// Leave without loss: what the server had sent before it read our UNSUB still arrives, then
    /// [`BrokerEvent::Unsubscribed`].
    Unsubscribe {
        /// The subscription to end.
        id: SubscriptionId,
    },
    /// Publish at most once. Nothing is buffered across a reconnect.
    Publish(Publication),
    /// Ask for [`BrokerEvent::BarrierPassed`] once the server has processed every earlier order. Lost where
    /// no connection stands, and with the connection: ask again after [`BrokerEvent::Connected`].
    Barrier {
        /// The name to report.
        id: BarrierId,
    },
    /// Close once the server has processed every earlier order, or after a second; [`BrokerEvent::Closed`] is
    /// the last event. Later orders are not carried out.
    Close,
}

/// One message to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// A NATS subject without wildcards.
    pub subject: String,
    /// NATS headers, in order; empty sends a plain message.
    pub headers: Vec<(String, String)>,
    /// The payload, at most the server's `max_payload` together with the headers.
    pub payload: Bytes,
}

/// One message that a subscription received.
#[derive(Debug)]
pub struct Delivery {
    /// Which subscription took it.
    pub subscription: SubscriptionId,
    /// The subject it was published on.
    pub subject: String,
    /// The NATS reply subject, if the publisher set one.
    pub reply: Option<String>,
    /// NATS headers, in order of arrival.
    pub headers: Vec<(String, String)>,
    /// The payload.
    pub payload: Bytes,
    /// This message's part of the intake budget; dropping it gives the bytes back.
    pub hold: Hold,
}

/// A fact about the connection or a message from it.
#[derive(Debug)]
pub enum BrokerEvent {
    /// A connection stands and every live subscription has been sent to the server.
    Connected(ServerInfo),
    /// The connection is gone; the adapter retries with backoff. Barriers that were open are lost
    /// with it, and what was published after the last passed barrier is in doubt.
    Disconnected {
        /// What ended it, for people.
        reason: String,
    },
    /// An attempt to connect failed; the adapter goes on trying.
    ConnectFailed {
        /// The server that was tried.
        server: String,
        /// Why, for people.
        reason: String,
    },
    /// A message for one of our subscriptions.
    Message(Delivery),
    /// The last message of this subscription has been handed over.
    Unsubscribed {
        /// The subscription that ended.
        id: SubscriptionId,
    },
    /// The server has processed every order sent before this barrier.
    BarrierPassed {
        /// The barrier's name.
        id: BarrierId,
    },
    /// A publication was refused before it reached the server; it certainly did not happen.
    PublishRefused {
        /// The publication's subject.
        subject: String,
        /// Why.
        reason: RefusedPublish,
    },
    /// The server denied an operation, or the subject of a subscription is not legal. Arrives before any
    /// barrier that follows the operation. A subscription that is denied is asked for again every 15
    /// [`ping_interval`](crate::BrokerConfig::ping_interval)s, which is not told.
    PermissionDenied {
        /// What was attempted.
        operation: Operation,
        /// On which subject.
        subject: String,
    },
    /// A subscription that was denied on this connection is in force: permissions have changed.
    SubscriptionAllowed {
        /// Its subject.
        subject: String,
    },
    /// The server cut us off, or said that it would, because we read too slowly; messages may have
    /// been lost before they reached us.
    Lagged {
        /// How many, where anybody knows.
        lost: Option<u64>,
    },
    /// [`BrokerCommand::Close`] is done; nothing follows.
    Closed,
}

/// What the server says of itself when a connection stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerInfo {
    /// The configured or discovered URL that was dialled, `nats://host:port`.
    pub url: String,
    /// `server_name` of INFO.
    pub name: String,
    /// `server_id` of INFO.
    pub id: String,
    /// `version` of INFO.
    pub version: String,
    /// `cluster` of INFO, where the server is in one.
    pub cluster: Option<String>,
    /// Largest payload, headers included, in bytes.
    pub max_payload: usize,
    /// Whether the server takes NATS headers.
    pub headers: bool,
}

/// Why a publication never left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedPublish {
    /// No connection stands.
    Disconnected,
    /// Headers and payload exceed the server's `max_payload`, in bytes.
    TooLarge {
        /// The server's limit.
        max_payload: usize,
    },
    /// The subject is not legal for publishing (empty token, wildcard, white space, control).
    BadSubject,
    /// The message has headers and the server takes none.
    NoHeaders,
    /// A header's name or value is not legal (colon or white space in a name, line break, control).
    BadHeaders,
}

/// An operation that permissions may deny.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// PUB or HPUB.
    Publish,
    /// SUB.
    Subscribe,
}
