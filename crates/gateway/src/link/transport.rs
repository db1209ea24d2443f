//! How an authenticated byte stream comes about: TLS over TCP, or memory with given identities.

use std::{io, sync::Arc};

use antiphon_core::Endpoint;
use antiphon_identity::PeerIdentity;

use super::{
    config::LinkConfig,
    memory::{self, MemoryTransport},
    setup_error::SetupError,
    shown::Shown,
    stream::{Watched, Wire},
    tls::{self, TlsTransport},
};

/// Where links come from.
#[derive(Debug)]
pub enum Transport {
    /// Sockets and certificates.
    Tls(TlsTransport),
    /// A network inside this process.
    Memory(MemoryTransport),
}

/// A connection whose other end is known.
pub(crate) struct Authenticated {
    pub(crate) io: Watched,
    pub(crate) wire: Arc<Wire>,
    /// As its certificate says.
    pub(crate) peer: PeerIdentity,
    /// The other end's address, for people.
    pub(crate) address: String,
    /// Its certificates, and when they or ours end.
    pub(crate) shown: Shown,
}

/// The accepting half.
pub(crate) enum Listener {
    Tls(tls::Listener),
    Memory(memory::Listener),
}

/// The dialling half.
#[derive(Clone)]
pub(crate) enum Dialer {
    Tls(tls::Dialer),
    Memory(memory::Dialer),
}

/// Somebody who knocked and has not said who they are.
pub(crate) enum Knock {
    Tls(tls::Knock),
    Memory(memory::Knock),
}

impl Transport {
    pub(crate) fn split(self, config: &LinkConfig) -> (Listener, Dialer) {
        match self {
            Self::Tls(tls) => {
                let (listener, dialer) = tls.split(config.connect_timeout);
                (Listener::Tls(listener), Dialer::Tls(dialer))
            }
            Self::Memory(memory) => {
                let (listener, dialer) = memory.split();
                (Listener::Memory(listener), Dialer::Memory(dialer))
            }
        }
    }
}

impl Listener {
    /// Waits for the next knock. Safe to cancel.
    pub(crate) async fn accept(&mut self) -> io::Result<Knock> {
        match self {
            Self::Tls(listener) => listener.accept().await.map(Knock::Tls),
            Self::Memory(listener) => listener.accept().await.map(Knock::Memory),
        }
    }
}

impl Knock {
    /// The other end's address, for people.
    pub(crate) fn address(&self) -> String {
        match self {
            Self::Tls(knock) => knock.address(),
            Self::Memory(knock) => knock.address(),
        }
    }

    /// Finds out who it is.
    pub(crate) async fn authenticate(self) -> Result<Authenticated, SetupError> {
        match self {
            Self::Tls(knock) => knock.authenticate().await,
            Self::Memory(knock) => Ok(knock.authenticate()),
        }
    }
}

impl Dialer {
    /// Connects and finds out who answers.
    pub(crate) async fn dial(&self, endpoint: &Endpoint) -> Result<Authenticated, SetupError> {
        match self {
            Self::Tls(dialer) => dialer.dial(endpoint).await,
            Self::Memory(dialer) => dialer.dial(endpoint).await,
        }
    }
}
