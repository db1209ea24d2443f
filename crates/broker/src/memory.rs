//! A broker within the process, behind the same port: for shells that are tested without sockets.
//!
//! It has subjects, wildcards, queue groups, headers, permissions, outages and slow consumers, and no clock,
//! so that it runs under a paused one. Whoever is next in a queue group follows from the seed alone. Each
//! connection has one queue, in which messages, barriers and leaves keep their order, as the stream of a
//! server does; so its leave is lossless and its barrier a barrier for the same reason as the real ones.

mod exchange;
mod link;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use self::{
    exchange::{ConnectionId, Exchange},
    link::Link,
};
use crate::{
    broker::Broker,
    config::{INTAKE_BYTES_DEFAULT, QUEUE_LEN_DEFAULT},
    intake::Intake,
    port::{Operation, Publication, RefusedPublish},
    protocol::Pattern,
    stats::Stats,
};

/// The largest payload of a memory broker, headers included, in bytes: nats-server's default.
pub const MAX_PAYLOAD: usize = 1024 * 1024;

/// How many messages wait for a connection before it is cut as a slow consumer.
pub const PENDING_MAX: usize = 64 * 1024;

/// A broker within the process. Clones are the same broker.
#[derive(Clone, Debug)]
pub struct MemoryBroker(Arc<Mutex<Exchange>>);

/// One subscription that a memory broker knows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interest {
    /// The name of the connection that has it.
    pub connection: String,
    /// Its subject, with wildcards.
    pub subject: String,
    /// Its queue group.
    pub group: Option<String>,
}

/// The bounds of one connection to a memory broker; see [`crate::BrokerConfig`] for their meaning.
#[derive(Clone, Copy, Debug)]
pub struct MemoryLimits {
    /// What subscribers may hold at once, in bytes.
    pub intake_bytes_max: usize,
    /// The capacity of each of the port's channels; not zero.
    pub queue_len_max: usize,
}

impl Default for MemoryLimits {
    fn default() -> Self {
        Self { intake_bytes_max: INTAKE_BYTES_DEFAULT, queue_len_max: QUEUE_LEN_DEFAULT }
    }
}

impl MemoryBroker {
    /// A broker that is up. `name` is its server name and, as `nats://name:4222`, its URL.
    pub fn new(name: impl Into<String>, seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Exchange::new(name.into(), seed))))
    }

    /// Connects with default limits; see [`MemoryBroker::connect_with`].
    pub fn connect(&self, name: &str) -> Broker {
        self.connect_with(name, MemoryLimits::default())
    }

    /// Connects under a name, within a tokio runtime. The first event is `Connected`, or `ConnectFailed` while
    /// the broker is stopped.
    pub fn connect_with(&self, name: &str, limits: MemoryLimits) -> Broker {
        let (commands, orders) = mpsc::channel(limits.queue_len_max);
        let (facts, events) = mpsc::channel(limits.queue_len_max);
        let intake = Intake::new(limits.intake_bytes_max);
        let stats = Arc::new(Stats::default());
        let (id, wake) = self.exchange().connect(name);
        let link = Link {
            broker: self.clone(),
            id,
            wake,
            orders,
            facts,
            intake: intake.clone(),
            stats: stats.clone(),
            parcel: None,
        };
        let task = tokio::spawn(link.run());
        Broker { commands, events, intake, stats, task }
    }

    /// Publishes as a client of its own would.
    ///
    /// # Errors
    /// Why nobody got it.
    pub fn publish(&self, publication: &Publication) -> Result<(), RefusedPublish> {
        self.exchange().publish(publication)
    }

    /// Stops the broker: every connection is lost, and what waited for it.
    pub fn stop(&self) {
        self.exchange().stop();
    }

    /// Starts a stopped broker: every connection comes back, with its subscriptions.
    pub fn start(&self) {
        self.exchange().start();
    }

    /// Denies an operation to connections of this name from here on, on the subjects that `pattern` takes and
    /// on `pattern` itself.
    ///
    /// # Panics
    /// If `pattern` is not a legal subject.
    pub fn deny(&self, connection: &str, operation: Operation, pattern: &str) {
        let pattern = Pattern::new(pattern.to_owned(), None).expect("a test's pattern is legal");
        self.exchange().deny(connection, operation, pattern);
    }

    /// Every subscription, sorted.
    pub fn interest(&self) -> Vec<Interest> {
        self.exchange().interest()
    }

    /// The state stays whole if a thread panicked: each change is one call that does not panic halfway.
    fn exchange(&self) -> MutexGuard<'_, Exchange> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn disconnect(&self, id: ConnectionId) {
        self.exchange().disconnect(id);
    }
}

#[cfg(test)]
mod tests;
