//! The asking side, for the command line and for tests.

use std::{fmt, io, path::PathBuf, str::FromStr, time::Duration};

use antiphon_core::{
    Endpoint, ExplainAsked, Explanation, GatewayId, OrderGiven, OrderView, RequestsAsked,
    RequestsView,
};
use antiphon_identity::{CredentialsError, tls};
use antiphon_proto::admin_v1::{
    ApplyPolicyRequest, AskRequest, DrainRequest, ExplainRequest, LogRequest, OrderRequest,
    RequestsRequest, SnapshotRequest, UndrainRequest, admin_client::AdminClient,
};
use http::Uri;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
};
use tokio_rustls::TlsConnector;
use tonic::{Code, Status};

use crate::{
    config::Tls,
    policies::{PolicyOutcome, Purpose},
    shell::{Report, Said},
    single_connection::SingleConnection,
};

/// Requests must name an origin; nobody looks at it.
const ORIGIN: &str = "http://admin.antiphon.invalid";
/// Largest snapshot, in bytes: thousands of gateways and accounts.
const REPLY_BYTES_MAX: usize = 64 << 20;

/// Where a gateway's admin service is: `unix:PATH` or `host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A Unix socket.
    Unix(PathBuf),
    /// TCP with certificates on both sides.
    Tcp(Endpoint),
}

/// A text that is no [`Address`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is neither unix:PATH nor host:port")]
pub struct AddressError {
    /// What was given.
    pub text: String,
}

/// Why a gateway could not be asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminError {
    /// Nobody answers there.
    #[error("{address}: cannot be reached")]
    Connect {
        /// Where.
        address: Address,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// TCP was asked for without certificates.
    #[error("{address}: an admin address on TCP needs a certificate, a key and a CA")]
    NoCertificate {
        /// Where.
        address: Address,
    },
    /// The certificates are no good.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// Whoever answers does not speak HTTP/2.
    #[error("{address}: not an admin service")]
    Protocol {
        /// Where.
        address: Address,
        /// What went wrong.
        #[source]
        source: hyper::Error,
    },
    /// The gateway cannot make sense of what was asked.
    #[error("{}", .0.message())]
    Asked(Box<Status>),
    /// The gateway refused, or went away.
    #[error("the gateway answered: {}", .0.message())]
    Refused(Box<Status>),
    /// Another gateway, asked by way of this one, does not answer or refuses.
    #[error("{0}")]
    NoAnswer(String),
    /// The gateway's answer cannot be read; it may be of another release.
    #[error("the gateway's answer cannot be read")]
    Answer(#[from] serde_json::Error),
}

impl From<Box<Status>> for AdminError {
    /// Its message says all there is for people; the rest of a status repeats it.
    fn from(status: Box<Status>) -> Self {
        Self::Refused(status)
    }
}

/// A connection to one gateway. Clones share it.
#[derive(Clone)]
pub struct Client {
    client: AdminClient<SingleConnection>,
}

impl Client {
    /// Connects; `tls` is needed for TCP and not looked at for a Unix socket.
    ///
    /// # Errors
    /// Nobody answers, or the certificates do not fit.
    pub async fn connect(address: &Address, tls: Option<&Tls>) -> Result<Self, AdminError> {
        let failed = |source| AdminError::Connect { address: address.clone(), source };
        match address {
            Address::Unix(path) => {
                Self::over(UnixStream::connect(path).await.map_err(failed)?, address).await
            }
            Address::Tcp(endpoint) => {
                let missing = || AdminError::NoCertificate { address: address.clone() };
                let files = tls.ok_or_else(missing)?;
                let own = files.load()?;
                let tcp = TcpStream::connect((endpoint.host(), endpoint.port()));
                let tcp = tcp.await.map_err(failed)?;
                let name = ServerName::try_from(endpoint.host().to_owned());
                let name = name.map_err(|error| failed(io::Error::other(error)))?;
                let connector = TlsConnector::from(tls::admin_client_config(&own));
                Self::over(connector.connect(name, tcp).await.map_err(failed)?, address).await
            }
        }
    }

    /// What the gateway knows, as JSON bytes with `"schema": "antiphon.snapshot.v1"`.
    ///
    /// # Errors
    /// The gateway went away.
    pub async fn snapshot_json(&mut self) -> Result<Vec<u8>, AdminError> {
        let reply = self.client.snapshot(SnapshotRequest {}).await.map_err(Box::new)?;
        Ok(reply.into_inner().json.into())
    }

    /// What the gateway knows.
    ///
    /// # Errors
    /// The gateway went away, or is of a release whose answer this one cannot read.
    pub async fn snapshot(&mut self) -> Result<Report, AdminError> {
        Ok(serde_json::from_slice(&self.snapshot_json().await?)?)
    }

    /// What the gateway remembers of requests.
    ///
    /// # Errors
    /// As [`snapshot`](Self::snapshot).
    pub async fn requests(
        &mut self,
        wanted: &RequestsAsked,
    ) -> Result<Said<RequestsView>, AdminError> {
        let json = serde_json::to_vec(wanted)?.into();
        let reply = self.client.requests(RequestsRequest { json }).await.map_err(asked)?;
        Ok(serde_json::from_slice(&reply.into_inner().json)?)
    }

    /// What would become of a message.
    ///
    /// # Errors
    /// As [`snapshot`](Self::snapshot), or [`AdminError::Asked`]: a name that nobody has advertised,
    /// or a text that cannot stand where it does.
    pub async fn explain(
        &mut self,
        asking: &ExplainAsked,
    ) -> Result<Said<Explanation>, AdminError> {
        let json = serde_json::to_vec(asking)?.into();
        let reply = self.client.explain(ExplainRequest { json }).await.map_err(asked)?;
        Ok(serde_json::from_slice(&reply.into_inner().json)?)
    }

    /// Begins to drain, within this time or the configured one; returns which. `who` is for the
    /// gateway's log.
    ///
    /// # Errors
    /// The gateway went away.
    pub async fn drain(
        &mut self,
        grace: Option<Duration>,
        who: String,
    ) -> Result<Duration, AdminError> {
        let millis = |grace: Duration| u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
        let request = DrainRequest { grace_ms: grace.map(millis), who };
        let reply = self.client.drain(request).await.map_err(Box::new)?;
        Ok(Duration::from_millis(reply.into_inner().grace_ms))
    }

    /// Puts a policy in force, or tries it: the text of one with its name, else the configured file,
    /// read again.
    ///
    /// # Errors
    /// The gateway went away.
    pub async fn apply_policy(
        &mut self,
        text: Option<(String, String)>,
        purpose: Purpose,
    ) -> Result<PolicyOutcome, AdminError> {
        let (name, text) = text.map_or((String::new(), None), |(name, text)| (name, Some(text)));
        let request = ApplyPolicyRequest { text, name, dry_run: purpose == Purpose::Try };
        let reply = self.client.apply_policy(request).await.map_err(Box::new)?;
        Ok(serde_json::from_slice(&reply.into_inner().json)?)
    }

    /// Halts or resumes requests, or orders that links are not to be used; every order that is known
    /// then.
    ///
    /// # Errors
    /// [`AdminError::Asked`]: the order makes no sense; [`AdminError::NoAnswer`]: it cannot be taken;
    /// else the gateway went away.
    pub async fn order(&mut self, order: &OrderGiven) -> Result<Said<Vec<OrderView>>, AdminError> {
        let json = serde_json::to_vec(order)?.into();
        let refused = |status: Status| match status.code() == Code::InvalidArgument {
            true => asked(status),
            false => no_answer(status),
        };
        let reply = self.client.order(OrderRequest { json }).await.map_err(refused)?;
        Ok(serde_json::from_slice(&reply.into_inner().json)?)
    }

    /// Ends a drain before the gateway has left. `who` is for the gateway's log.
    ///
    /// # Errors
    /// [`AdminError::NoAnswer`]: there is no drain, or it has gone too far; else it went away.
    pub async fn undrain(&mut self, who: String) -> Result<(), AdminError> {
        self.client.undrain(UndrainRequest { who }).await.map_err(no_answer)?;
        Ok(())
    }

    /// Changes what is logged until the process ends; the filters that are and were in force.
    /// Without a filter nothing changes.
    ///
    /// # Errors
    /// The filter makes no sense, or the gateway went away.
    pub async fn log(
        &mut self,
        filter: Option<String>,
        who: String,
    ) -> Result<(String, String), AdminError> {
        let request = LogRequest { filter: filter.unwrap_or_default(), who };
        let reply = self.client.log(request).await.map_err(asked)?.into_inner();
        Ok((reply.filter, reply.before))
    }

    /// What another gateway says, asked by way of this one; JSON, as the topic says.
    ///
    /// # Errors
    /// [`AdminError::NoAnswer`]: it does not answer, or refuses; else this one went away.
    pub async fn ask(
        &mut self,
        gateway: &GatewayId,
        topic: &str,
        body: Vec<u8>,
        patience: Duration,
    ) -> Result<Vec<u8>, AdminError> {
        let request = AskRequest {
            gateway: gateway.to_string(),
            topic: topic.to_owned(),
            body: body.into(),
            timeout_ms: u64::try_from(patience.as_millis()).unwrap_or(u64::MAX),
        };
        let reply = self.client.ask(request).await.map_err(no_answer)?;
        Ok(reply.into_inner().json.into())
    }

    async fn over(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        address: &Address,
    ) -> Result<Self, AdminError> {
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .map_err(|source| AdminError::Protocol { address: address.clone(), source })?;
        // Ends with the client: the connection closes when its last sender is dropped.
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "the connection to the gateway ended");
            }
        });
        let client = AdminClient::with_origin(SingleConnection(sender), Uri::from_static(ORIGIN));
        Ok(Self { client: client.max_decoding_message_size(REPLY_BYTES_MAX) })
    }
}

fn asked(status: Status) -> AdminError {
    let senseless = status.code() == Code::InvalidArgument;
    let kind = if senseless { AdminError::Asked } else { AdminError::Refused };
    kind(Box::new(status))
}

fn no_answer(status: Status) -> AdminError {
    // What a connection that breaks gives has a source; what a gateway answers has none.
    let answered = std::error::Error::source(&status).is_none();
    let about_other = matches!(status.code(), Code::Unavailable | Code::FailedPrecondition);
    match answered && about_other {
        true => AdminError::NoAnswer(status.message().to_owned()),
        false => AdminError::Refused(Box::new(status)),
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(path) = text.strip_prefix("unix:").filter(|path| !path.is_empty()) {
            return Ok(Self::Unix(path.into()));
        }
        text.parse().map(Self::Tcp).map_err(|_| AddressError { text: text.to_owned() })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp(endpoint) => endpoint.fmt(f),
        }
    }
}
