//! Where operators come in, and who may.

use std::{
    collections::BTreeSet, net::SocketAddr, path::PathBuf, pin::Pin, sync::Arc, time::Duration,
};

use antiphon_identity::{CertificateDer, CredentialsError, Leaf, tls};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

use super::{
    Operator,
    socket::{self, SocketError},
};
use crate::{
    OwnCertificates, Use, audit, config,
    renewal::{Files, Found},
};

/// How long a TLS handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause after the system could not accept: it is out of file descriptors, and the next attempt
/// would fail as fast.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A place that listens for operators. A Unix socket's file is removed with it.
#[derive(Debug)]
pub struct Door {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Unix { listener: UnixListener, path: PathBuf },
    Tcp { listener: TcpListener, guard: Guard, files: Box<Files> },
}

/// Why nobody can come in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DoorError {
    /// The Unix socket.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// The TCP address.
    #[error("admin.listen: cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The certificate.
    #[error("admin.tls")]
    Credentials(#[from] CredentialsError),
}

/// Who may come in by TCP.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    tls: Arc<ServerConfig>,
    allow: Arc<BTreeSet<String>>,
}

/// Somebody at the door.
pub(super) enum Knock {
    Unix(UnixStream),
    Tcp(TcpStream, Guard),
}

/// Bytes in both directions.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Door {
    /// Begins to listen.
    ///
    /// # Errors
    /// The place is taken or may not be used, or the certificate is no good.
    pub async fn open(
        admin: &config::Admin,
        certificates: &OwnCertificates,
    ) -> Result<Self, DoorError> {
        let kind = match admin {
            config::Admin::Unix { path } => {
                Kind::Unix { listener: socket::listen_at(path)?, path: path.clone() }
            }
            config::Admin::Tcp { listen, tls, allow } => {
                let found = Found::load(tls)?;
                let listener = TcpListener::bind(listen)
                    .await
                    .map_err(|source| DoorError::Listen { address: *listen, source })?;
                let tls_config = tls::admin_server_config(&found.credentials);
                let guard = Guard { tls: tls_config, allow: Arc::new(allow.clone()) };
                let files = (Use::Admin, tls.clone());
                let files = Files::new(files, &found, certificates.clone(), Box::new(|_| Ok(())));
                Kind::Tcp { listener, guard, files: Box::new(files) }
            }
        };
        Ok(Self { kind })
    }

    /// The address, where it is on TCP; it may have been chosen by the system.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        match &self.kind {
            Kind::Unix { .. } => None,
            Kind::Tcp { listener, .. } => listener.local_addr().ok(),
        }
    }

    pub(super) async fn accept(&mut self) -> Knock {
        loop {
            let knock = match &mut self.kind {
                Kind::Unix { listener, .. } => {
                    listener.accept().await.map(|(stream, _)| Knock::Unix(stream))
                }
                Kind::Tcp { listener, guard, files } => tokio::select! {
                    accepted = listener.accept() => {
                        accepted.map(|(stream, _)| Knock::Tcp(stream, guard.clone()))
                    }
                    own = files.renewed() => {
                        guard.tls = tls::admin_server_config(&own);
                        continue;
                    }
                },
            };
            match knock {
                Ok(knock) => return knock,
                Err(error) => {
                    tracing::warn!(%error, "an operator's connection could not be accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        if let Kind::Unix { path, .. } = &self.kind
            && let Err(error) = std::fs::remove_file(path)
        {
            tracing::debug!(%error, path = %path.display(), "the admin socket was removed before");
        }
    }
}

impl Knock {
    /// The stream, if whoever knocked may come in.
    pub(super) async fn open(self) -> Option<(Pin<Box<dyn Stream>>, Operator)> {
        match self {
            Self::Unix(stream) => {
                let who = Operator(audit::local(stream.peer_cred().ok()));
                Some((Box::pin(stream), who))
            }
            Self::Tcp(stream, guard) => guard.admit(stream).await,
        }
    }
}

impl Guard {
    /// The authority of the admin port may have issued certificates to many; only those with a name
    /// that is configured may come in.
    async fn admit(self, tcp: TcpStream) -> Option<(Pin<Box<dyn Stream>>, Operator)> {
        let handshake = TlsAcceptor::from(self.tls).accept(tcp);
        let stream = match timeout(HANDSHAKE_TIMEOUT, handshake).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                tracing::warn!(%error, "an operator's handshake failed");
                return None;
            }
            Err(_) => {
                tracing::warn!(timeout = ?HANDSHAKE_TIMEOUT, "an operator's handshake took too long");
                return None;
            }
        };
        let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let names = certificate.map(names_of).unwrap_or_default();
        if let Some(name) = names.iter().find(|name| self.allow.contains(*name)) {
            return Some((Box::pin(stream), Operator(format!("{name} (certificate)"))));
        }
        tracing::warn!(?names, "an operator's certificate is not in admin.allow");
        None
    }
}

fn names_of(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok(leaf) = Leaf::parse(certificate) else { return Vec::new() };
    [leaf.common_names, leaf.dns_names, leaf.uris].concat()
}
