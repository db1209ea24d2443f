//! Starting the links, and giving them orders.

use std::sync::Arc;

use antiphon_proto::Greeting;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::{
    config::LinkConfig,
    context::LinkContext,
    dial::Dial,
    events::{self, LinkEvents},
    nursery::Nursery,
    outbox::{ControlItem, DataItem},
    pending::PendingLinks,
    port::{LinkCommand, Notary},
    registry::Registry,
    server,
    stats::{LinkCounters, LinkStats},
    transport::{Dialer, Transport},
};

/// Dials that wait to be begun; the core has few under way at one time.
const DIALS_MAX: usize = 1024;
/// Messages with adverts that are verified at a time, each on a thread of its own: threads are memory.
const VERIFYING_MAX: usize = 2;

/// What the links need to start.
pub struct Links {
    /// Bounds and periods.
    pub config: LinkConfig,
    /// Where connections come from.
    pub transport: Transport,
    /// What we say of ourselves; must agree with our certificate.
    pub own: Greeting,
    /// Verifies adverts before anybody sees them.
    pub notary: Arc<dyn Notary>,
}

/// Takes orders for the links, without waiting. Cheap to clone.
#[derive(Clone, Debug)]
pub struct LinkHandle {
    registry: Arc<Registry>,
    dials: mpsc::Sender<Dial>,
    nursery: Nursery,
    gossip_queue_max: usize,
}

/// Starts accepting and dialling, until `shutdown` is cancelled. Must be called in a runtime.
///
/// If a task of the links panics, all links end, and [`LinkEvents::recv`] with them.
#[must_use]
pub fn start(links: Links, shutdown: &CancellationToken) -> (LinkHandle, LinkEvents) {
    let Links { config, transport, own, notary } = links;
    let (events, received) = events::channel(&config);
    let (listener, dialer) = transport.split(&config);
    let (dials, orders) = mpsc::channel(DIALS_MAX);
    let (gossip_queue_max, pending_max) = (config.gossip_queue_max, config.pending_max);
    let context = Arc::new(LinkContext {
        config,
        own,
        notary,
        events,
        registry: Arc::default(),
        pending: PendingLinks::new(pending_max),
        nursery: Nursery::new(shutdown),
        verifying: Semaphore::new(VERIFYING_MAX),
    });
    let registry = Arc::clone(&context.registry);
    let nursery = context.nursery.clone();
    nursery.spawn("accept", server::accept(Arc::clone(&context), listener));
    nursery.spawn("dial", dial(context, dialer, orders));
    (LinkHandle { registry, dials, nursery, gossip_queue_max }, received)
}

impl LinkHandle {
    /// Takes an order, without waiting.
    ///
    /// The core orders only what fits: a queue that is full is a defect, which is counted
    /// ([`LinkHandle::counters`]), logged as an error and ends the link, so that its session tells
    /// what was lost. An order for a link that has just gone is forgotten; its end is on the way.
    pub fn submit(&self, command: LinkCommand) {
        match command {
            LinkCommand::Dial { target, endpoint } => self.dial(Dial { target, endpoint }),
            LinkCommand::Close { link, reason } => self.registry.close(link, reason),
            LinkCommand::Ping { link, connection, nonce } => {
                self.registry.ping(link, connection, nonce);
            }
            LinkCommand::Pong { link, connection, nonce } => {
                self.registry.pong(link, connection, nonce);
            }
            LinkCommand::Control { link, message } => {
                self.registry.control(link, ControlItem::Message(message));
            }
            LinkCommand::Send { link, epoch, number, weight, frame } => {
                self.registry.data(link, DataItem::Frame { epoch, number, weight, frame });
            }
            LinkCommand::Gossip { gateway, message } => {
                self.registry.gossip(&gateway, message, self.gossip_queue_max);
            }
        }
    }

    /// The links that are up.
    #[must_use]
    pub fn stats(&self) -> Vec<LinkStats> {
        self.registry.stats()
    }

    /// What is counted over all links.
    #[must_use]
    pub fn counters(&self) -> LinkCounters {
        self.registry.counters()
    }

    /// Waits until every connection is closed, after the shutdown.
    pub async fn ended(&self) {
        self.nursery.ended().await;
    }

    fn dial(&self, dial: Dial) {
        if let Err(error) = self.dials.try_send(dial) {
            self.registry.dial_refused();
            tracing::error!(%error, "a dial could not be taken");
        }
    }
}

async fn dial(context: Arc<LinkContext>, dialer: Dialer, mut orders: mpsc::Receiver<Dial>) {
    while let Some(order) = orders.recv().await {
        context.nursery.spawn("link", order.run(Arc::clone(&context), dialer.clone()));
    }
}
