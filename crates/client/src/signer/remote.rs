//! Signing by an AAA service over HTTP: the client proves who it is by a token, the service signs with its own key.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use antiphon_identity::tls::broker_client_config;
use antiphon_identity::v2::Seed;
use antiphon_identity::{Credentials, TrustBundle};
use bytes::Bytes;
use data_encoding::{BASE64, HEXLOWER};
use http::{Request, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::error::{SignError, SignerError};
use super::read_token;
use crate::config::{Config, RemoteSigner, TlsFiles};

/// The longest that one signature may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The longest answer that is read.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// The service, and what proves to it who we are.
pub(super) struct Remote {
    url: Uri,
    token: String,
    seed: Option<Seed>,
    tls: Option<TlsConnector>,
}

#[derive(Serialize)]
struct Ask<'a> {
    token: &'a str,
    request: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<String>,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    secure_request: String,
    #[serde(default)]
    error: String,
}

impl Remote {
    /// Reads token, seed and CAs.
    pub(super) fn new(config: &RemoteSigner, client: &Config) -> Result<Self, SignerError> {
        let wrong = |detail: String| SignerError::RemoteUrl { url: config.url.clone(), detail };
        let url: Uri = config.url.parse().map_err(|error| wrong(format!("{error}")))?;
        let tls = match url.scheme_str() {
            Some("https") => {
                let ca = config.ca.as_ref().or(client.tls.as_ref().map(|tls| &tls.ca));
                let ca = ca.ok_or_else(|| wrong("https needs a CA file".to_owned()))?;
                Some(connector(ca, client.tls.as_ref())?)
            }
            Some("http") => None,
            _ => return Err(wrong("neither https:// nor http://".to_owned())),
        };
        if url.host().is_none() {
            return Err(wrong("no host".to_owned()));
        }
        let (_, token, _) = read_token(&config.token)?;
        let seed = config.seed.as_deref().map(Seed::from_file).transpose()?;
        Ok(Self { url, token, seed, tls })
    }

    /// Has the JSON of a request signed. In protocol v2 the answer must name its signer, and `own_token` takes the
    /// place of the token in it, which the signature does not cover.
    pub(super) async fn sign(
        &self,
        request: &[u8],
        own_token: Option<&str>,
    ) -> Result<Bytes, SignError> {
        let ask = Ask {
            token: &self.token,
            request: BASE64.encode(request),
            signature: self.seed.as_ref().map(|seed| HEXLOWER.encode(&seed.sign(request))),
        };
        let body = serde_json::to_vec(&ask).map_err(|error| self.unreachable(error))?;
        let answer = match tokio::time::timeout(TIMEOUT, self.post(body)).await {
            Ok(answer) => answer?,
            Err(_) => return Err(self.unreachable(format!("no answer within {TIMEOUT:?}"))),
        };
        let answer: Answer = serde_json::from_slice(&answer)
            .map_err(|error| self.unreachable(format!("its answer is malformed: {error}")))?;
        if !answer.error.is_empty() {
            return Err(self.refused(answer.error));
        }
        let secure = BASE64
            .decode(answer.secure_request.as_bytes())
            .map_err(|error| self.unreachable(format!("its answer is not base64: {error}")))?;
        match own_token {
            None => Ok(secure.into()),
            Some(token) => self.with_caller(&secure, token),
        }
    }

    fn with_caller(&self, secure: &[u8], token: &str) -> Result<Bytes, SignError> {
        let mut secure: serde_json::Map<String, Value> = serde_json::from_slice(secure)
            .map_err(|error| self.unreachable(format!("its secure request: {error}")))?;
        if secure.get("signer").and_then(Value::as_str).is_none_or(str::is_empty) {
            return Err(self.refused("its answer names no signer".to_owned()));
        }
        secure.insert("caller".to_owned(), Value::from(token));
        serde_json::to_vec(&secure).map(Bytes::from).map_err(|error| self.unreachable(error))
    }

    async fn post(&self, body: Vec<u8>) -> Result<Bytes, SignError> {
        let host = self.url.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let default_port = if self.tls.is_some() { 443 } else { 80 };
        let port = self.url.port_u16().unwrap_or(default_port);
        let tcp = TcpStream::connect((host.as_str(), port))
            .await
            .map_err(|error| self.unreachable(error))?;
        match &self.tls {
            None => self.exchange(tcp, body).await,
            Some(tls) => {
                let name = ServerName::try_from(host).map_err(|error| self.unreachable(error))?;
                let stream =
                    tls.connect(name, tcp).await.map_err(|error| self.unreachable(error))?;
                self.exchange(stream, body).await
            }
        }
    }

    async fn exchange(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        body: Vec<u8>,
    ) -> Result<Bytes, SignError> {
        let failed = |error: hyper::Error| self.unreachable(error);
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
        let path = self.url.path_and_query().map_or("/", |path| path.as_str());
        let request = Request::post(path)
            .header("host", self.url.authority().map_or("", |authority| authority.as_str()))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| self.unreachable(error))?;
        let answer = async {
            let response = sender.send_request(request).await.map_err(failed)?;
            let status = response.status();
            let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
            let body = body.map_err(|error| self.unreachable(error))?.to_bytes();
            match status.is_success() {
                true => Ok(body),
                false => Err(self.refused(format!("HTTP status {status}"))),
            }
        };
        tokio::pin!(answer);
        tokio::select! {
            answer = &mut answer => answer,
            // The connection may end before the answer has been read out of it.
            ended = connection => match ended {
                Ok(()) => answer.await,
                Err(error) => Err(failed(error)),
            },
        }
    }

    fn unreachable(&self, detail: impl ToString) -> SignError {
        SignError::Unreachable { url: self.url.to_string(), detail: detail.to_string() }
    }

    fn refused(&self, detail: String) -> SignError {
        SignError::Refused { url: self.url.to_string(), detail }
    }
}

fn connector(ca: &Path, tls: Option<&TlsFiles>) -> Result<TlsConnector, SignerError> {
    let own = match tls.and_then(|tls| tls.own.as_ref()) {
        Some((certificate, key)) => Some(Credentials::from_files(certificate, key, ca)?),
        None => None,
    };
    let trust = TrustBundle::from_file(ca)?;
    Ok(TlsConnector::from(Arc::new(broker_client_config(&trust, own.as_ref()))))
}
