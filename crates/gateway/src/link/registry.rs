//! The links that are up, and the way of commands to them.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use antiphon_core::{Connection, GatewayId, LinkId, RegionId};
use bytes::Bytes;
use tokio::sync::{
    mpsc::{self, error::TrySendError},
    oneshot,
};

use super::{
    outbox::{ControlItem, DataItem},
    stats::{LinkCounters, LinkStats, Meter, Traffic},
    stream::Wire,
};

/// The links that are up. The lock is held for a look-up and a `try_send`, never while waiting.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    links: Mutex<BTreeMap<LinkId, Entry>>,
    last: AtomicU64,
    overflows: AtomicU64,
    dials_refused: AtomicU64,
    gossip_dropped: AtomicU64,
    late_commands: AtomicU64,
}

/// The sending half of one link.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) gateway: GatewayId,
    pub(crate) region: RegionId,
    pub(crate) control: mpsc::Sender<ControlItem>,
    pub(crate) data: mpsc::Sender<DataItem>,
    /// Taken by the first wish.
    pub(crate) close: Option<oneshot::Sender<CloseWish>>,
    pub(crate) meter: Arc<Meter>,
}

/// How a link is to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CloseWish {
    /// After its control messages have been written.
    Orderly { reason: String },
    /// At once: its queues have lost something.
    AtOnce { reason: String },
}

impl Registry {
    /// Takes up a link under a number that no other had, for as long as the result lives.
    pub(crate) fn register(self: &Arc<Self>, entry: Entry) -> Registered {
        let link = LinkId(self.last.fetch_add(1, Ordering::Relaxed) + 1);
        self.links().insert(link, entry);
        Registered { registry: Arc::clone(self), link }
    }

    pub(crate) fn control(&self, link: LinkId, item: ControlItem) {
        self.with(link, |entry| match entry.control.try_send(item) {
            Ok(()) => Taken::Yes,
            Err(error) => full_or_gone(&error, "control"),
        });
    }

    pub(crate) fn data(&self, link: LinkId, item: DataItem) {
        self.with(link, |entry| match entry.data.try_send(item) {
            Ok(()) => Taken::Yes,
            Err(error) => full_or_gone(&error, "data"),
        });
    }

    /// Pings and pongs wait in order with everything else on their connection.
    pub(crate) fn ping(&self, link: LinkId, connection: Connection, nonce: u64) {
        match connection {
            Connection::Control => self.control(link, ControlItem::Ping(nonce)),
            Connection::Data => self.data(link, DataItem::Ping(nonce)),
        }
    }

    pub(crate) fn pong(&self, link: LinkId, connection: Connection, nonce: u64) {
        match connection {
            Connection::Control => self.control(link, ControlItem::Pong(nonce)),
            Connection::Data => self.data(link, DataItem::Pong(nonce)),
        }
    }

    /// Sends over the newest link to that gateway, if fewer than `waiting_max` messages wait there.
    pub(crate) fn gossip(&self, gateway: &GatewayId, message: Bytes, waiting_max: usize) {
        let links = self.links();
        let newest = links.values().rev().find(|entry| entry.gateway == *gateway);
        let sent = newest.is_some_and(|Entry { control, .. }| {
            waiting(control) < waiting_max && control.try_send(ControlItem::Gossip(message)).is_ok()
        });
        if !sent {
            self.gossip_dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The peer of a link that is up.
    pub(crate) fn gateway(&self, link: LinkId) -> Option<GatewayId> {
        self.links().get(&link).map(|entry| entry.gateway.clone())
    }

    /// What waits for the control connection of a link that is up.
    pub(crate) fn control_queue(&self, link: LinkId) -> Option<mpsc::Sender<ControlItem>> {
        self.links().get(&link).map(|entry| entry.control.clone())
    }

    pub(crate) fn close(&self, link: LinkId, reason: String) {
        self.with(link, |entry| {
            let wish = match entry.control.try_send(ControlItem::Close) {
                // Where the queue has ended, the peer has closed first: what is written last is under way.
                Ok(()) | Err(TrySendError::Closed(_)) => CloseWish::Orderly { reason },
                Err(TrySendError::Full(_)) => CloseWish::AtOnce { reason },
            };
            wish_close(entry, wish);
            Taken::Yes
        });
    }

    pub(crate) fn dial_refused(&self) {
        self.dials_refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn counters(&self) -> LinkCounters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        LinkCounters {
            overflows: read(&self.overflows),
            dials_refused: read(&self.dials_refused),
            gossip_dropped: read(&self.gossip_dropped),
            late_commands: read(&self.late_commands),
        }
    }

    pub(crate) fn stats(&self) -> Vec<LinkStats> {
        self.links().iter().map(|(link, entry)| entry.stats(*link)).collect()
    }

    fn with(&self, link: LinkId, act: impl FnOnce(&mut Entry) -> Taken) {
        let mut links = self.links();
        let Some(entry) = links.get_mut(&link) else {
            self.late_commands.fetch_add(1, Ordering::Relaxed);
            return;
        };
        match act(entry) {
            Taken::Yes => {}
            Taken::Late => {
                self.late_commands.fetch_add(1, Ordering::Relaxed);
            }
            Taken::Overflow(queue) => {
                self.overflows.fetch_add(1, Ordering::Relaxed);
                tracing::error!(%link, gateway = %entry.gateway, queue, "a queue of a link overflowed");
                let reason = format!("defect: the {queue} queue overflowed");
                wish_close(entry, CloseWish::AtOnce { reason });
            }
        }
    }

    fn links(&self) -> MutexGuard<'_, BTreeMap<LinkId, Entry>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn stats(&self, link: LinkId) -> LinkStats {
        let traffic = |wire: &Wire, queued| Traffic {
            bytes_in: wire.bytes_in(),
            bytes_out: wire.bytes_out(),
            queued,
        };
        LinkStats {
            link,
            gateway: self.gateway.clone(),
            region: self.region.clone(),
            control: traffic(&self.meter.control, waiting(&self.control)),
            data: traffic(&self.meter.data, waiting(&self.data)),
            frames_out: self.meter.frames_out(),
            batches_out: self.meter.batches_out(),
            frames_in: self.meter.frames_in(),
        }
    }
}

/// A link that is up; takes no more orders when dropped.
pub(crate) struct Registered {
    registry: Arc<Registry>,
    pub(crate) link: LinkId,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.registry.links().remove(&self.link);
    }
}

enum Taken {
    Yes,
    /// The link has just gone.
    Late,
    Overflow(&'static str),
}

fn waiting<T>(queue: &mpsc::Sender<T>) -> usize {
    queue.max_capacity().saturating_sub(queue.capacity())
}

fn full_or_gone<T>(error: &TrySendError<T>, queue: &'static str) -> Taken {
    match error {
        TrySendError::Full(_) => Taken::Overflow(queue),
        TrySendError::Closed(_) => Taken::Late,
    }
}

fn wish_close(entry: &mut Entry, wish: CloseWish) {
    if let Some(close) = entry.close.take()
        && close.send(wish).is_err()
    {
        tracing::debug!(gateway = %entry.gateway, "the link had ended already");
    }
}
