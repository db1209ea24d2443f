//! The world of a process: the system's clocks, sockets, and a NATS broker.

use std::net::SocketAddr;

use ring::rand::{SecureRandom, SystemRandom};
use tokio::{net::TcpListener, sync::mpsc};

use crate::{BrokerPort, Clock, LinkWorld, World, config::Config};

/// Why a gateway has no world to start in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum WorldError {
    /// The links' address is taken, or not ours.
    #[error("link.listen: cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The system gives no randomness.
    #[error("the system gives no random bytes")]
    Random,
}

/// Binds the links' address and starts to connect to the broker.
pub(crate) async fn world(config: &Config) -> Result<World, WorldError> {
    let address = config.link.listen;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|source| WorldError::Listen { address, source })?;
    let (commands, _orders) = mpsc::channel(1);
    let (_facts, events) = mpsc::channel(1);
    Ok(World {
        clock: Clock::system(),
        seed: seed()?,
        broker: BrokerPort { commands, events },
        links: LinkWorld::Sockets(listener),
    })
}

fn seed() -> Result<u64, WorldError> {
    let mut bytes = [0; 8];
    SystemRandom::new().fill(&mut bytes).map_err(|_| WorldError::Random)?;
    Ok(u64::from_le_bytes(bytes))
}
