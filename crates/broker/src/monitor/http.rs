//! A client for one server: one connection, one request at a time.

use std::{sync::Arc, time::Duration};

use ::http::{Request, Uri, header::HOST};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use serde::de::DeserializeOwned;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::{BODY_BYTES_MAX, MonitorUrl, PAGE_TIMEOUT};
use crate::config::TlsOptions;

/// How long a connection may take to stand.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// A connection to a server's monitoring port. Ends when it is dropped.
pub(super) struct Client {
    sender: SendRequest<Empty<Bytes>>,
    /// `host:port`, for the header.
    authority: String,
    /// The base path, without a slash at its end.
    base: String,
    /// Drives the connection.
    _driver: JoinSet<()>,
}

impl Client {
    pub(super) async fn connect(
        url: &MonitorUrl,
        tls: Option<&TlsOptions>,
    ) -> Result<Self, String> {
        let connected = timeout(CONNECT_TIMEOUT, Self::dial(&url.0, tls, url.wants_tls())).await;
        connected.map_err(|_| "cannot connect: took too long".to_owned())?
    }

    async fn dial(url: &Uri, tls: Option<&TlsOptions>, wants_tls: bool) -> Result<Self, String> {
        let host = url.host().unwrap_or_default();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let port = url.port_u16().unwrap_or(if wants_tls { 443 } else { 80 });
        let stream = TcpStream::connect((bare, port))
            .await
            .map_err(|error| format!("cannot connect: {error}"))?;
        let base = url.path().trim_end_matches('/');
        let place = (format!("{host}:{port}"), base.to_owned());
        if !wants_tls {
            return Self::over(stream, place).await;
        }
        let tls = tls.ok_or("https needs broker.tls")?;
        let name = ServerName::try_from(bare.to_owned()).map_err(|error| error.to_string())?;
        let connector = TlsConnector::from(Arc::clone(&tls.latest()));
        let stream =
            connector.connect(name, stream).await.map_err(|error| format!("TLS: {error}"))?;
        Self::over(stream, place).await
    }

    async fn over<S>(stream: S, (authority, base): (String, String)) -> Result<Self, String>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a monitoring connection ended");
            }
        });
        Ok(Self { sender, authority, base, _driver: driver })
    }

    /// Reads one document, within [`PAGE_TIMEOUT`]. After an error the connection is of no use.
    pub(super) async fn get<T: DeserializeOwned>(&mut self, path: &str) -> Result<T, String> {
        let read = timeout(PAGE_TIMEOUT, self.read(path)).await;
        read.map_err(|_| format!("{path}: took too long"))?
    }

    async fn read<T: DeserializeOwned>(&mut self, path: &str) -> Result<T, String> {
        self.sender.ready().await.map_err(|error| error.to_string())?;
        let request = Request::get(format!("{}{path}", self.base))
            .header(HOST, &self.authority)
            .body(Empty::new())
            .map_err(|error| error.to_string())?;
        let answer = self.sender.send_request(request).await.map_err(|error| error.to_string())?;
        if !answer.status().is_success() {
            return Err(format!("{path}: {}", answer.status()));
        }
        let body = Limited::new(answer.into_body(), BODY_BYTES_MAX);
        let body = body.collect().await.map_err(|error| format!("{path}: {error}"))?.to_bytes();
        serde_json::from_slice(&body).map_err(|error| format!("{path}: {error}"))
    }
}
