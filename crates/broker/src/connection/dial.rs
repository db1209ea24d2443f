//! From a URL to a logged-in connection: TCP, INFO, TLS, CONNECT, the first PONG.

use std::{io, sync::Arc};

use bytes::Buf;
use rustls_pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::incoming::Incoming;
use crate::{
    auth::{AuthError, Login},
    config::{BrokerConfig, TlsOptions},
    port::ServerInfo,
    protocol::{Connect, Encoder, Info, ProtocolError, ServerOp},
    servers::{Scheme, Server},
};

/// TCP or TLS.
pub(crate) type Stream = Box<dyn Duplex>;

pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection that stands.
pub(crate) struct Dialled {
    pub(crate) stream: Stream,
    /// What came after the first PONG.
    pub(crate) incoming: Incoming,
    pub(crate) info: Info,
    pub(crate) server: Server,
    /// The certificates that it was made with.
    pub(crate) tls: Option<TlsOptions>,
    pub(crate) subscribed: Subscribed,
}

/// Whether a connection that stands has been sent every live subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subscribed {
    No,
    Yes,
    /// The PONG behind them has not come yet.
    Unconfirmed,
}

/// Why a server could not be connected to; its URL is named beside it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum DialError {
    #[error("no answer in time")]
    Timeout,
    #[error("cannot open a TCP connection")]
    Tcp(#[source] io::Error),
    #[error("the TLS handshake failed")]
    Tls(#[source] io::Error),
    #[error("the host is no name that a certificate can bear")]
    ServerName(#[source] rustls_pki_types::InvalidDnsNameError),
    #[error("the server offers no TLS, and TLS is configured")]
    TlsMissing,
    #[error("the server requires TLS, and none is configured")]
    TlsRequired,
    #[error("the server went on in plain text where TLS should start")]
    PlainTextAfterInfo,
    #[error("cannot log in")]
    Auth(#[from] AuthError),
    #[error("the server says: {0}")]
    Refused(String),
    #[error("the connection broke")]
    Io(#[source] io::Error),
    #[error("the server closed the connection")]
    Closed,
    #[error("the server does not speak NATS")]
    Protocol(#[from] ProtocolError),
    #[error("the server says what has no place in a log-in")]
    OutOfPlace,
}

/// Connects to one server, within the configured time.
pub(crate) async fn dial(server: Server, config: &BrokerConfig) -> Result<Dialled, DialError> {
    let attempt = timeout(config.connect_timeout, attempt(server, config));
    attempt.await.map_err(|_| DialError::Timeout)?
}

async fn attempt(server: Server, config: &BrokerConfig) -> Result<Dialled, DialError> {
    let address = (server.url.host.as_str(), server.url.port);
    let tcp = TcpStream::connect(address).await.map_err(DialError::Tcp)?;
    // Batches are made by us; the kernel is not to wait for more.
    tcp.set_nodelay(true).map_err(DialError::Tcp)?;
    let mut tls = config.tls.clone();
    let (mut stream, mut incoming, mut info) = greet(tcp, &server, tls.as_mut()).await?;
    log_in(&mut stream, &mut incoming, &mut info, config).await?;
    Ok(Dialled { stream, incoming, info, server, tls, subscribed: Subscribed::No })
}

/// Reads INFO, and sets up TLS before or after it.
async fn greet(
    tcp: TcpStream,
    server: &Server,
    mut tls: Option<&mut TlsOptions>,
) -> Result<(Stream, Incoming, Info), DialError> {
    let mut incoming = Incoming::default();
    let mut stream: Stream = Box::new(tcp);
    if let Some(tls) = tls.as_mut().filter(|tls| tls.is_first()) {
        stream = encrypt(stream, server, tls).await?;
        let info = read_info(&mut stream, &mut incoming).await?;
        return Ok((stream, incoming, info));
    }
    let info = read_info(&mut stream, &mut incoming).await?;
    let offers_tls = info.tls_required || info.tls_available || server.url.scheme == Scheme::Tls;
    match tls {
        None if info.tls_required => Err(DialError::TlsRequired),
        None => Ok((stream, incoming, info)),
        Some(_) if !offers_tls => Err(DialError::TlsMissing),
        // Bytes that somebody on the way slipped in before TLS must not count as said within it.
        Some(_) if !incoming.is_empty() => Err(DialError::PlainTextAfterInfo),
        Some(tls) => Ok((encrypt(stream, server, tls).await?, incoming, info)),
    }
}

async fn encrypt(
    stream: Stream,
    server: &Server,
    tls: &mut TlsOptions,
) -> Result<Stream, DialError> {
    let name =
        ServerName::try_from(server.certified_name.clone()).map_err(DialError::ServerName)?;
    let connector = TlsConnector::from(tls.take_latest());
    let stream = connector.connect(name, stream).await.map_err(DialError::Tls)?;
    Ok(Box::new(stream))
}

async fn read_info(stream: &mut Stream, incoming: &mut Incoming) -> Result<Info, DialError> {
    match next_op(stream, incoming).await? {
        ServerOp::Info(info) => Ok(*info),
        ServerOp::Error(text) => Err(DialError::Refused(text)),
        ServerOp::Message(_) | ServerOp::Ping | ServerOp::Pong | ServerOp::Ok => {
            Err(DialError::OutOfPlace)
        }
    }
}

/// Says who we are; the PONG to the PING behind it says that the server believes it.
async fn log_in(
    stream: &mut Stream,
    incoming: &mut Incoming,
    info: &mut Info,
    config: &BrokerConfig,
) -> Result<(), DialError> {
    let auth = Arc::new(config.auth.clone());
    // Secrets may be files.
    let loaded = tokio::task::spawn_blocking(move || auth.load()).await;
    let login = loaded.map_err(|error| DialError::Io(io::Error::other(error)))??;
    let mut out = Encoder::default();
    let signature = login.sign(info.nonce.as_deref());
    out.connect(&introduction(&login, signature.as_deref(), config));
    out.ping();
    send(stream, &mut out).await?;
    loop {
        match next_op(stream, incoming).await? {
            ServerOp::Pong => return Ok(()),
            ServerOp::Info(newer) => *info = *newer,
            ServerOp::Ping => {
                out.pong();
                send(stream, &mut out).await?;
            }
            ServerOp::Ok => {}
            ServerOp::Error(text) => return Err(DialError::Refused(text)),
            ServerOp::Message(_) => return Err(DialError::OutOfPlace),
        }
    }
}

fn introduction<'a>(
    login: &'a Login,
    signature: Option<&'a str>,
    config: &'a BrokerConfig,
) -> Connect<'a> {
    Connect {
        verbose: false,
        pedantic: false,
        tls_required: config.tls.is_some(),
        name: &config.name,
        lang: "rust",
        version: env!("CARGO_PKG_VERSION"),
        protocol: 1,
        echo: true,
        headers: true,
        no_responders: false,
        user: login.user.as_deref(),
        pass: login.pass.as_deref(),
        auth_token: login.auth_token.as_deref(),
        jwt: login.jwt.as_deref(),
        nkey: login.nkey.as_deref(),
        sig: signature,
    }
}

pub(super) async fn send(stream: &mut Stream, out: &mut Encoder) -> Result<(), DialError> {
    stream.write_all_buf(out).await.map_err(DialError::Io)?;
    stream.flush().await.map_err(DialError::Io)?;
    debug_assert!(!out.has_remaining());
    Ok(())
}

pub(super) async fn next_op(
    stream: &mut Stream,
    incoming: &mut Incoming,
) -> Result<ServerOp, DialError> {
    loop {
        if let Some(op) = incoming.next_op()? {
            return Ok(op);
        }
        if stream.read_buf(incoming.room()).await.map_err(DialError::Io)? == 0 {
            return Err(DialError::Closed);
        }
    }
}

impl Dialled {
    /// What the shell is told of the server.
    pub(crate) fn describe(&self) -> ServerInfo {
        let Info { server_id, server_name, version, cluster, max_payload, headers, .. } =
            &self.info;
        ServerInfo {
            url: self.server.url.to_string(),
            name: server_name.clone(),
            id: server_id.clone(),
            version: version.clone(),
            cluster: cluster.clone(),
            max_payload: *max_payload,
            headers: *headers,
        }
    }
}
