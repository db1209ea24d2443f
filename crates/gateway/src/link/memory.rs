//! A network inside this process, whose wires obey: for tests of the whole daemon under paused time.
//!
//! Everything above TLS is the production code: HTTP/2, hellos, batches, queues. Who an end is comes
//! from what the test says instead of from a certificate.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use antiphon_core::Endpoint;
use antiphon_identity::PeerIdentity;
use tokio::{
    io::{DuplexStream, duplex},
    sync::{mpsc, watch},
};

use super::{
    setup_error::SetupError,
    shown::Shown,
    stream::{Counted, Watched, Wire},
    transport::Authenticated,
};
use crate::certificates::Lifetime;
use pump::pump;

mod pump;

/// Connections that wait to be accepted at one place.
const BACKLOG: usize = 128;
/// What a wire holds in each direction, in bytes: as a socket's buffers would.
const BUFFER_BYTES: usize = 256 << 10;

/// A network inside this process. Clones are the same network.
#[derive(Clone, Debug, Default)]
pub struct MemoryNetwork {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    places: BTreeMap<Endpoint, Place>,
    /// By the endpoints that send and receive.
    paths: BTreeMap<(Endpoint, Endpoint), watch::Sender<Path>>,
}

#[derive(Clone, Debug)]
struct Place {
    identity: PeerIdentity,
    not_after: Duration,
    shown: Option<Lifetime>,
    backlog: mpsc::Sender<Knock>,
}

/// One direction between two places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Path {
    /// How long bytes travel.
    pub delay: Duration,
    /// What becomes of them.
    pub condition: Condition,
}

/// What becomes of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    /// They arrive.
    #[default]
    Open,
    /// They wait, as TCP would keep repeating them, until the path is open again.
    BlackHole,
    /// Connections break, and no new one comes about.
    Cut,
}

/// One end of a [`MemoryNetwork`]: a place to be dialled at, and a certificate that needs no proof.
#[derive(Debug)]
pub struct MemoryTransport {
    network: MemoryNetwork,
    endpoint: Endpoint,
    identity: PeerIdentity,
    not_after: Duration,
    knocks: mpsc::Receiver<Knock>,
}

impl MemoryNetwork {
    /// A network without places; every path is open and takes no time.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Settles at an endpoint. `not_after` is when the made-up certificate ends, since 1970-01-01
    /// UTC. Whoever settled there before is found no more.
    #[must_use]
    pub fn settle(
        &self,
        endpoint: Endpoint,
        identity: PeerIdentity,
        not_after: Duration,
    ) -> MemoryTransport {
        let (backlog, knocks) = mpsc::channel(BACKLOG);
        let place = Place { identity: identity.clone(), not_after, shown: None, backlog };
        self.lock().places.insert(endpoint.clone(), place);
        MemoryTransport { network: self.clone(), endpoint, identity, not_after, knocks }
    }

    /// From the next handshake on, whoever is settled there shows those who dial him a certificate
    /// that is good for so long.
    pub fn certify(&self, endpoint: &Endpoint, lifetime: Lifetime) {
        if let Some(place) = self.lock().places.get_mut(endpoint) {
            (place.not_after, place.shown) = (lifetime.end, Some(lifetime));
        }
    }

    /// Changes one direction, for connections that stand and for those to come.
    pub fn set(&self, from: &Endpoint, to: &Endpoint, path: Path) {
        self.lock().path(from, to).send_replace(path);
    }

    /// Changes both directions.
    pub fn set_both(&self, one: &Endpoint, other: &Endpoint, path: Path) {
        self.set(one, other, path);
        self.set(other, one, path);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn path(&mut self, from: &Endpoint, to: &Endpoint) -> &watch::Sender<Path> {
        self.paths
            .entry((from.clone(), to.clone()))
            .or_insert_with(|| watch::Sender::new(Path::default()))
    }
}

impl MemoryTransport {
    pub(super) fn split(self) -> (Listener, Dialer) {
        let dialer = Dialer {
            network: self.network,
            endpoint: self.endpoint,
            identity: self.identity,
            not_after: self.not_after,
        };
        (Listener { knocks: self.knocks }, dialer)
    }
}

/// The accepting half.
pub(crate) struct Listener {
    knocks: mpsc::Receiver<Knock>,
}

impl Listener {
    pub(super) async fn accept(&mut self) -> io::Result<Knock> {
        match self.knocks.recv().await {
            Some(knock) => Ok(knock),
            // Somebody else settled here: nobody comes any more.
            None => std::future::pending().await,
        }
    }
}

/// A connection, and who opened it.
#[derive(Debug)]
pub(crate) struct Knock {
    stream: DuplexStream,
    from: Endpoint,
    identity: PeerIdentity,
    not_after: Duration,
}

impl Knock {
    pub(super) fn address(&self) -> String {
        self.from.to_string()
    }

    pub(super) fn authenticate(self) -> Authenticated {
        let shown = Shown { chains: Vec::new(), peer: None, not_after: self.not_after };
        authenticated(self.stream, self.identity, shown, self.from.to_string())
    }
}

/// The dialling half.
#[derive(Clone, Debug)]
pub(crate) struct Dialer {
    network: MemoryNetwork,
    endpoint: Endpoint,
    identity: PeerIdentity,
    not_after: Duration,
}

impl Dialer {
    pub(super) async fn dial(&self, to: &Endpoint) -> Result<Authenticated, SetupError> {
        let (there, back, place) = {
            let mut network = self.network.lock();
            let there = network.path(&self.endpoint, to).subscribe();
            let back = network.path(to, &self.endpoint).subscribe();
            let place = network.places.get(to).cloned();
            (there, back, place)
        };
        let refused = || SetupError::unreachable(format!("connect to {to}: nobody is there"));
        let place = place.ok_or_else(refused)?;
        pump::shake_hands(there.clone(), back.clone())
            .await
            .map_err(|_| SetupError::unreachable(format!("connect to {to}: the path is cut")))?;
        let not_after = place.not_after.min(self.not_after);
        let (near, near_wire) = duplex(BUFFER_BYTES);
        let (far, far_wire) = duplex(BUFFER_BYTES);
        tokio::spawn(pump(near_wire, far_wire, there, back));
        let (identity_here, from) = (self.identity.clone(), self.endpoint.clone());
        let knock = Knock { stream: far, from, identity: identity_here, not_after };
        place.backlog.try_send(knock).map_err(|_| refused())?;
        let shown = Shown { chains: Vec::new(), peer: place.shown, not_after };
        Ok(authenticated(near, place.identity, shown, to.to_string()))
    }
}

fn authenticated(
    stream: DuplexStream,
    peer: PeerIdentity,
    shown: Shown,
    address: String,
) -> Authenticated {
    let wire: Arc<Wire> = Arc::default();
    let counted = Counted::new(stream, Arc::clone(&wire));
    let io = Watched::new(Box::new(counted), Arc::clone(&wire));
    Authenticated { io, wire, peer, address, shown }
}
