//! Calls to Vault's HTTP interface, one connection each: there are few, hours apart.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::config::{VaultConfig, VaultUrl};
use super::error::VaultError;
use crate::tls::broker_client_config;
use crate::trust::TrustBundle;

/// The longest that one call may take.
const TIMEOUT: Duration = Duration::from_secs(15);
/// The longest answer that is read.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Where Vault is and how it is spoken to.
pub(super) struct Client {
    url: VaultUrl,
    namespace: Option<String>,
    tls: Option<TlsConnector>,
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Value,
}

impl Client {
    pub(super) fn new(config: &VaultConfig) -> Result<Self, VaultError> {
        let trust = config.ca.as_deref().filter(|_| config.address.tls);
        let trust = trust.map(TrustBundle::from_file).transpose()?;
        let connector =
            |trust: TrustBundle| TlsConnector::from(Arc::new(broker_client_config(&trust, None)));
        Ok(Self {
            url: config.address.clone(),
            namespace: config.namespace.clone(),
            tls: trust.map(connector),
        })
    }

    pub(super) fn address(&self) -> String {
        self.url.to_string()
    }

    /// Posts a document. An answer is one whatever its status; sealed is told apart.
    pub(super) async fn post(
        &self,
        path: &str,
        token: Option<&str>,
        body: &Value,
    ) -> Result<Answer, VaultError> {
        let called = timeout(TIMEOUT, self.call(path, token, body)).await;
        let answer = called.unwrap_or_else(|_| Err("took too long".to_owned()));
        let answer =
            answer.map_err(|detail| VaultError::Unreachable { address: self.address(), detail })?;
        if answer.is_sealed() {
            return Err(VaultError::Sealed { address: self.address() });
        }
        if answer.is_for_later() {
            let detail = format!("{}: {}", answer.status, answer.errors());
            return Err(VaultError::Unreachable { address: self.address(), detail });
        }
        Ok(answer)
    }

    async fn call(&self, path: &str, token: Option<&str>, body: &Value) -> Result<Answer, String> {
        let tcp = TcpStream::connect((self.url.host.as_str(), self.url.port))
            .await
            .map_err(|error| error.to_string())?;
        let Some(tls) = &self.tls else {
            return self.over(tcp, path, token, body).await;
        };
        let name =
            ServerName::try_from(self.url.host.clone()).map_err(|error| error.to_string())?;
        let stream = tls.connect(name, tcp).await.map_err(|error| format!("TLS: {error}"))?;
        self.over(stream, path, token, body).await
    }

    async fn over<S>(
        &self,
        stream: S,
        path: &str,
        token: Option<&str>,
        body: &Value,
    ) -> Result<Answer, String>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
        let request = self.request(path, token, body)?;
        let exchange = async {
            let answer = sender.send_request(request).await.map_err(|error| error.to_string())?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX);
            let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
            let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
            Ok(Answer { status, body })
        };
        let mut exchange = std::pin::pin!(exchange);
        tokio::select! {
            answer = &mut exchange => answer,
            // The connection may end as soon as the answer has been read off it.
            _ = connection => exchange.await,
        }
    }

    fn request(
        &self,
        path: &str,
        token: Option<&str>,
        body: &Value,
    ) -> Result<Request<Full<Bytes>>, String> {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(format!("/v1/{path}"))
            .header(HOST, self.url.authority())
            .header("x-vault-request", "true");
        if let Some(namespace) = &self.namespace {
            request = request.header("x-vault-namespace", namespace);
        }
        if let Some(token) = token {
            request = request.header("x-vault-token", token);
        }
        request.body(Full::new(body.to_string().into())).map_err(|error| error.to_string())
    }
}

impl Answer {
    /// Sealed, or never set up.
    fn is_sealed(&self) -> bool {
        match self.status {
            StatusCode::NOT_IMPLEMENTED => true,
            StatusCode::SERVICE_UNAVAILABLE => self.errors().contains("sealed"),
            _ => false,
        }
    }

    /// No answer to what was asked: a server's trouble, a standby that points elsewhere, too many
    /// requests, or a standby that lags behind (412).
    fn is_for_later(&self) -> bool {
        let status = self.status;
        status.is_server_error()
            || status.is_redirection()
            || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::PRECONDITION_FAILED)
    }

    /// What Vault says went wrong, in one line.
    pub(super) fn errors(&self) -> String {
        let errors = self.body.get("errors").and_then(Value::as_array);
        let errors = errors.into_iter().flatten().filter_map(Value::as_str);
        let text = errors.collect::<Vec<_>>().join("; ");
        if text.is_empty() { self.status.to_string() } else { text.replace(['\n', '\t'], " ") }
    }

    /// A text of the answer, by JSON pointer.
    pub(super) fn text(&self, pointer: &str) -> Option<&str> {
        self.body.pointer(pointer).and_then(Value::as_str)
    }
}
