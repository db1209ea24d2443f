//! A TCP relay that can be slow, silent or cut: the network between two programs, in the hands of
//! a test.

mod connection;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

/// Connections at one time; more are closed at once.
const CONNECTIONS_MAX: usize = 1024;
/// Pause after the system could not accept, for lack of file descriptors for example.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From who connects to the target.
    Forward,
    /// From the target to who connected.
    Backward,
}

/// A listener on 127.0.0.1 whose connections lead to a target. Dropping it closes them all.
///
/// Each connection holds at most four mebibytes that are on their way, per direction; then its
/// sender feels the target's pressure.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    network: watch::Sender<Network>,
    bytes: Arc<Bytes>,
    task: JoinHandle<()>,
}

/// How the network is at the moment.
#[derive(Clone, Debug)]
struct Network {
    target: SocketAddr,
    /// Whether anything gets through; a connection made while it does not is closed at once.
    open: bool,
    /// Grows whenever all connections are to end.
    cuts: u64,
    forward: Lane,
    backward: Lane,
}

/// How one direction is at the moment.
#[derive(Clone, Copy, Debug, Default)]
struct Lane {
    /// Bytes come out so much later.
    delay: Duration,
    /// Bytes do not come out at all.
    held: bool,
}

/// Bytes passed on.
#[derive(Debug, Default)]
struct Bytes {
    forward: AtomicU64,
    backward: AtomicU64,
}

impl Relay {
    /// Listens on a port of its own choice and relays to `target`, which need not listen yet.
    ///
    /// # Errors
    /// No port can be bound.
    pub async fn start(target: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (forward, backward) = (Lane::default(), Lane::default());
        let network =
            watch::Sender::new(Network { target, open: true, cuts: 0, forward, backward });
        let bytes = Arc::new(Bytes::default());
        let task = tokio::spawn(accept(listener, network.subscribe(), Arc::clone(&bytes)));
        Ok(Self { address, network, bytes, task })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections made from now on lead to `target`.
    pub fn set_target(&self, target: SocketAddr) {
        self.network.send_modify(|network| network.target = target);
    }

    /// Bytes read from now on come out this much later.
    pub fn set_delay(&self, direction: Direction, delay: Duration) {
        self.network.send_modify(|network| network.lane(direction).delay = delay);
    }

    /// Passes nothing on in one direction, keeping connections: loss that TCP repairs later.
    pub fn hold(&self, direction: Direction) {
        self.network.send_modify(|network| network.lane(direction).held = true);
    }

    /// Passes nothing on in either direction, keeping connections and accepting new ones: the
    /// silence of a pulled cable.
    pub fn black_hole(&self) {
        self.hold(Direction::Forward);
        self.hold(Direction::Backward);
    }

    /// Closes every connection, and new ones at once.
    pub fn cut(&self) {
        self.network.send_modify(|network| {
            network.open = false;
            network.cuts += 1;
        });
    }

    /// Closes every connection; new ones are welcome.
    pub fn reset(&self) {
        self.network.send_modify(|network| network.cuts += 1);
    }

    /// Ends [`Relay::cut`], [`Relay::hold`] and [`Relay::black_hole`]; what was held goes on. Delays
    /// stay.
    pub fn restore(&self) {
        self.network.send_modify(|network| {
            network.open = true;
            network.forward.held = false;
            network.backward.held = false;
        });
    }

    /// Bytes passed on so far, of all connections.
    #[must_use]
    pub fn bytes(&self, direction: Direction) -> u64 {
        self.bytes.counter(direction).load(Ordering::Relaxed)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Network {
    fn lane(&mut self, direction: Direction) -> &mut Lane {
        match direction {
            Direction::Forward => &mut self.forward,
            Direction::Backward => &mut self.backward,
        }
    }

    fn lane_now(&self, direction: Direction) -> Lane {
        match direction {
            Direction::Forward => self.forward,
            Direction::Backward => self.backward,
        }
    }
}

impl Bytes {
    fn counter(&self, direction: Direction) -> &AtomicU64 {
        match direction {
            Direction::Forward => &self.forward,
            Direction::Backward => &self.backward,
        }
    }
}

/// Owns every connection, so that they end with it.
async fn accept(listener: TcpListener, network: watch::Receiver<Network>, bytes: Arc<Bytes>) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let Ok((client, _)) = accepted else {
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let state = network.borrow().clone();
        if state.open && connections.len() < CONNECTIONS_MAX {
            connections.spawn(serve(client, state, network.clone(), Arc::clone(&bytes)));
        }
    }
}

/// Serves one connection until an end closes it or the network is cut.
async fn serve(
    client: TcpStream,
    state: Network,
    mut network: watch::Receiver<Network>,
    bytes: Arc<Bytes>,
) {
    let lanes = network.clone();
    let cut = network.wait_for(|now| now.cuts != state.cuts);
    tokio::select! {
        () = connection::run(client, state.target, &lanes, &bytes) => {}
        // An error means that the relay is gone: the same.
        _ = cut => {}
    }
}

#[cfg(test)]
mod tests;
