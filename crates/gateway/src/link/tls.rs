//! TLS 1.3 over TCP, with certificates on both sides.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use antiphon_core::Endpoint;
use antiphon_identity::{
    CertificateDer, Credentials, IdentityError, Names, PeerIdentity, first_to_end,
    tls::{link_client_config, link_server_config},
};
use rustls::{ClientConfig, ServerConfig, pki_types::ServerName};
use tokio::{
    net::{TcpListener, TcpStream, lookup_host},
    sync::watch,
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::{
    setup_error::SetupError,
    shown::Shown,
    stream::{ByteStream, Counted, Watched, Wire},
    transport::Authenticated,
};
use crate::certificates::Lifetime;

/// Sockets and certificates.
#[derive(Debug)]
pub struct TlsTransport {
    /// Bound by the caller, so that a taken port stops the start.
    pub listener: TcpListener,
    /// Read at each handshake: what is sent here serves the next one.
    pub tls: watch::Receiver<LinkTls>,
}

/// What one handshake needs: made anew when certificates are renewed. Cheap to clone.
#[derive(Clone, Debug)]
pub struct LinkTls {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
    names: Arc<Names>,
    not_after: Duration,
}

impl LinkTls {
    /// Links that show these credentials and judge others by them and by `names`.
    #[must_use]
    pub fn new(credentials: &Credentials, names: &Arc<Names>) -> Self {
        Self {
            server: link_server_config(credentials, names),
            client: link_client_config(credentials, names),
            names: Arc::clone(names),
            not_after: Duration::from_secs(credentials.not_after().as_secs()),
        }
    }

    /// Who showed this chain, with when the first certificate of the connection ends.
    fn peer(
        &self,
        chain: Option<&[CertificateDer<'_>]>,
    ) -> Result<(PeerIdentity, Shown), SetupError> {
        let refused = |error: IdentityError| SetupError::refused(error.kind(), error.to_string());
        let identity = self.names.peer_identity(chain).map_err(refused)?;
        let chain = chain.unwrap_or_default();
        let peer = Lifetime::from(first_to_end(chain).map_err(refused)?);
        let not_after = peer.end.min(self.not_after);
        let chain = chain.iter().map(|one| one.clone().into_owned()).collect();
        Ok((identity, Shown { chains: vec![chain], peer: Some(peer), not_after }))
    }
}

impl TlsTransport {
    pub(super) fn split(self, connect_timeout: Duration) -> (Listener, Dialer) {
        let dialer = Dialer { tls: self.tls.clone(), connect_timeout };
        (Listener { listener: self.listener, tls: self.tls }, dialer)
    }
}

/// The accepting half.
pub(crate) struct Listener {
    listener: TcpListener,
    tls: watch::Receiver<LinkTls>,
}

/// A TCP connection without a word said.
pub(crate) struct Knock {
    tcp: TcpStream,
    address: SocketAddr,
    tls: LinkTls,
}

impl Listener {
    pub(super) async fn accept(&mut self) -> io::Result<Knock> {
        let (tcp, address) = self.listener.accept().await?;
        Ok(Knock { tcp, address, tls: self.tls.borrow().clone() })
    }
}

impl Knock {
    pub(super) fn address(&self) -> String {
        self.address.to_string()
    }

    pub(super) async fn authenticate(self) -> Result<Authenticated, SetupError> {
        let wire = counted(&self.tcp)?;
        let acceptor = TlsAcceptor::from(Arc::clone(&self.tls.server));
        let stream = acceptor
            .accept(Counted::new(self.tcp, Arc::clone(&wire)))
            .await
            .map_err(|error| SetupError::in_handshake(&error))?;
        let peer = self.tls.peer(stream.get_ref().1.peer_certificates())?;
        Ok(authenticated(Box::new(stream), wire, peer, self.address.to_string()))
    }
}

/// The dialling half.
#[derive(Clone)]
pub(crate) struct Dialer {
    tls: watch::Receiver<LinkTls>,
    connect_timeout: Duration,
}

impl Dialer {
    pub(super) async fn dial(&self, endpoint: &Endpoint) -> Result<Authenticated, SetupError> {
        let tcp = self.connect(endpoint).await?;
        let wire = counted(&tcp)?;
        let tls = self.tls.borrow().clone();
        let stream = TlsConnector::from(Arc::clone(&tls.client))
            .connect(server_name(endpoint)?, Counted::new(tcp, Arc::clone(&wire)))
            .await
            .map_err(|error| SetupError::in_handshake(&error))?;
        let peer = tls.peer(stream.get_ref().1.peer_certificates())?;
        Ok(authenticated(Box::new(stream), wire, peer, endpoint.to_string()))
    }

    /// Names are resolved at each dial; every address gets its turn.
    async fn connect(&self, endpoint: &Endpoint) -> Result<TcpStream, SetupError> {
        let failed = |what: &str, error: &io::Error| {
            SetupError::unreachable(format!("{what} {endpoint}: {error}"))
        };
        let addresses = lookup_host((endpoint.host(), endpoint.port()))
            .await
            .map_err(|error| failed("resolve", &error))?;
        let mut last = SetupError::unreachable(format!("resolve {endpoint}: no address"));
        for address in addresses {
            match timeout(self.connect_timeout, TcpStream::connect(address)).await {
                Ok(Ok(tcp)) => return Ok(tcp),
                Ok(Err(error)) => last = failed("connect to", &error),
                Err(_) => {
                    last = SetupError::unreachable(format!("connect to {endpoint}: no answer"));
                }
            }
        }
        Err(last)
    }
}

/// Sent to the answerer, for relays that route by it; it is not compared with the certificate.
fn server_name(endpoint: &Endpoint) -> Result<ServerName<'static>, SetupError> {
    ServerName::try_from(endpoint.host().to_owned()).map_err(|_| {
        SetupError::unreachable(format!("{endpoint}: the host cannot be named in a TLS handshake"))
    })
}

fn counted(tcp: &TcpStream) -> Result<Arc<Wire>, SetupError> {
    tcp.set_nodelay(true)
        .map_err(|error| SetupError::unreachable(format!("set TCP_NODELAY: {error}")))?;
    Ok(Arc::default())
}

fn authenticated(
    stream: Box<dyn ByteStream>,
    wire: Arc<Wire>,
    (peer, shown): (PeerIdentity, Shown),
    address: String,
) -> Authenticated {
    let io = Watched::new(stream, Arc::clone(&wire));
    Authenticated { io, wire, peer, address, shown }
}
