//! chitchat's transport over our links: authenticated, encrypted, and without a port of its own.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use chitchat::{
    ChitchatMessage, Deserializable, Serializable,
    transport::{Socket, Transport},
};
use tokio::sync::{Mutex, mpsc};

use super::{Carry, address::Linked, inflation::is_modest};

/// Largest gossip message, in bytes: what chitchat itself puts into one datagram.
pub const MESSAGE_BYTES_MAX: usize = 65_507;

/// What happened to gossip messages.
#[derive(Debug, Default)]
pub struct Traffic {
    /// Handed to a link.
    pub sent: AtomicU64,
    /// To a gateway that we have no link with.
    pub unsent: AtomicU64,
    /// Taken from a link.
    pub received: AtomicU64,
    /// Received and thrown away: too many at once, too long, or not readable.
    pub discarded: AtomicU64,
}

/// Opens one socket: the messages of our links in, commands to our links out.
pub(super) struct LinkTransport {
    pub(super) linked: Arc<Linked>,
    pub(super) carry: Carry,
    pub(super) traffic: Arc<Traffic>,
    /// Taken by the socket.
    pub(super) inbox: Mutex<Option<mpsc::Receiver<(SocketAddr, Bytes)>>>,
}

struct LinkSocket {
    linked: Arc<Linked>,
    carry: Carry,
    traffic: Arc<Traffic>,
    inbox: mpsc::Receiver<(SocketAddr, Bytes)>,
}

#[async_trait]
impl Transport for LinkTransport {
    async fn open(&self, _listen: SocketAddr) -> anyhow::Result<Box<dyn Socket>> {
        let inbox = self.inbox.lock().await.take();
        let inbox = inbox.ok_or_else(|| anyhow::anyhow!("one transport opens one socket"))?;
        Ok(Box::new(LinkSocket {
            linked: Arc::clone(&self.linked),
            carry: Arc::clone(&self.carry),
            traffic: Arc::clone(&self.traffic),
            inbox,
        }))
    }
}

#[async_trait]
impl Socket for LinkSocket {
    /// Never waits and never fails: an error would count as a broken socket.
    async fn send(&mut self, to: SocketAddr, message: ChitchatMessage) -> anyhow::Result<()> {
        let Some(gateway) = self.linked.at(to) else {
            self.traffic.unsent.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        };
        (self.carry)(gateway, message.serialize_to_vec().into());
        self.traffic.sent.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Never fails: chitchat ends when it does. Safe to cancel, as chitchat requires.
    async fn recv(&mut self) -> anyhow::Result<(SocketAddr, ChitchatMessage)> {
        while let Some((from, bytes)) = self.inbox.recv().await {
            if let Some(message) = decode(&bytes) {
                self.traffic.received.fetch_add(1, Ordering::Relaxed);
                return Ok((from, message));
            }
            self.traffic.discarded.fetch_add(1, Ordering::Relaxed);
        }
        std::future::pending().await
    }
}

fn decode(bytes: &[u8]) -> Option<ChitchatMessage> {
    if bytes.len() > MESSAGE_BYTES_MAX || !is_modest(bytes) {
        return None;
    }
    let mut rest = bytes;
    ChitchatMessage::deserialize(&mut rest).ok().filter(|_| rest.is_empty())
}
