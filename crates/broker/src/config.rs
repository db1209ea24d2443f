//! What a connection needs to know before it starts.

use std::{fmt, sync::Arc, time::Duration};

use rustls::ClientConfig;
use tokio::sync::watch;

use crate::{
    auth::Auth,
    servers::{Scheme, ServerUrl},
    srv::Srv,
};

/// What subscribers may hold at once unless configured, in bytes: seconds of a busy region's messages.
pub const INTAKE_BYTES_DEFAULT: usize = 64 * 1024 * 1024;

/// How many orders, and how many events, wait in the port's channels unless configured.
pub const QUEUE_LEN_DEFAULT: usize = 8192;

/// How long an attempt (name, TCP, TLS, log-in) may take unless configured; Choria's clients wait as long.
pub const CONNECT_TIMEOUT_DEFAULT: Duration = Duration::from_secs(2);

/// How often a live connection is asked for a sign of life unless configured; as Choria's clients do.
pub const PING_INTERVAL_DEFAULT: Duration = Duration::from_secs(30);

/// The first pause after every server was tried in vain unless configured.
pub const RECONNECT_MIN_DEFAULT: Duration = Duration::from_millis(250);

/// The longest such pause unless configured; as Choria's clients have it.
pub const RECONNECT_MAX_DEFAULT: Duration = Duration::from_secs(20);

/// How to reach a broker, who we are, and the bounds. Made by [`BrokerConfig::new`], then adjusted.
#[derive(Clone, Debug)]
pub struct BrokerConfig {
    /// The servers of one cluster, in the order in which they are tried. Not empty, unless there is `srv`.
    pub servers: Vec<ServerUrl>,
    /// Where DNS names the servers: looked up before each round of attempts. `servers` stands in while it names none.
    pub srv: Option<Srv>,
    /// Present: TLS, and nothing else, on every connection. Absent: plain TCP.
    pub tls: Option<TlsOptions>,
    /// How we log in. Secrets in files are read again at every attempt.
    pub auth: Auth,
    /// The connection's name, as the server's monitoring shows it.
    pub name: String,
    /// What subscribers may hold at once, in bytes; see [`crate::Hold`].
    pub intake_bytes_max: usize,
    /// The capacity of each of the port's two channels, in orders and in events.
    pub queue_len_max: usize,
    /// How long one attempt to connect may take.
    pub connect_timeout: Duration,
    /// How often the server is asked for a sign of life; after two without one the connection is given up.
    pub ping_interval: Duration,
    /// The first pause after every server was tried in vain; doubles up to `reconnect_max`, jittered.
    pub reconnect_min: Duration,
    /// The longest pause between two attempts.
    pub reconnect_max: Duration,
    /// Whether other servers of the cluster, of which the server tells, are tried too.
    pub discover: bool,
}

impl BrokerConfig {
    /// A configuration with the defaults of this module: plain TCP, no log-in, discovery on.
    pub fn new(servers: Vec<ServerUrl>, name: impl Into<String>) -> Self {
        Self {
            servers,
            srv: None,
            tls: None,
            auth: Auth::Anonymous,
            name: name.into(),
            intake_bytes_max: INTAKE_BYTES_DEFAULT,
            queue_len_max: QUEUE_LEN_DEFAULT,
            connect_timeout: CONNECT_TIMEOUT_DEFAULT,
            ping_interval: PING_INTERVAL_DEFAULT,
            reconnect_min: RECONNECT_MIN_DEFAULT,
            reconnect_max: RECONNECT_MAX_DEFAULT,
            discover: true,
        }
    }

    /// Checks what can be known without a connection.
    ///
    /// # Errors
    /// The first key that makes no sense.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.servers.is_empty() && self.srv.is_none() {
            return Err(ConfigError::NoServers);
        }
        let wants_tls = |server: &&ServerUrl| server.scheme == Scheme::Tls;
        if let (None, Some(server)) = (&self.tls, self.servers.iter().find(wants_tls)) {
            return Err(ConfigError::TlsMissing { server: server.clone() });
        }
        let zero = [
            ("queue_len_max", self.queue_len_max == 0),
            ("connect_timeout", self.connect_timeout.is_zero()),
            ("ping_interval", self.ping_interval.is_zero()),
            ("reconnect_min", self.reconnect_min.is_zero()),
        ];
        if let Some((key, _)) = zero.into_iter().find(|(_, is_zero)| *is_zero) {
            return Err(ConfigError::Zero { key });
        }
        if self.reconnect_max < self.reconnect_min {
            return Err(ConfigError::ReconnectOrder);
        }
        Ok(())
    }
}

/// Why a configuration cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// There is nowhere to connect to.
    #[error("servers: is empty")]
    NoServers,
    /// A URL asks for TLS, and there are no certificates.
    #[error("servers: {server} asks for TLS, but tls is not configured")]
    TlsMissing {
        /// The URL.
        server: ServerUrl,
    },
    /// A number that must not be zero.
    #[error("{key}: must not be zero")]
    Zero {
        /// The field's name.
        key: &'static str,
    },
    /// The shortest pause is longer than the longest.
    #[error("reconnect_max: is shorter than reconnect_min")]
    ReconnectOrder,
}

/// How to speak TLS. The server's certificate must name the host of its URL, as the [`ClientConfig`] verifies it.
#[derive(Clone)]
pub struct TlsOptions {
    config: watch::Receiver<Arc<ClientConfig>>,
    first: bool,
}

impl TlsOptions {
    /// Roots and certificate that never change.
    pub fn fixed(config: Arc<ClientConfig>) -> Self {
        let (_, config) = watch::channel(config);
        Self::renewed(config)
    }

    /// Roots and certificate that are renewed: each connection starts with the latest ones, and one that
    /// stands is replaced by another, without loss, when there are newer.
    pub fn renewed(config: watch::Receiver<Arc<ClientConfig>>) -> Self {
        Self { config, first: false }
    }

    /// Starts TLS before the server says anything (`handshake_first` of nats-server).
    #[must_use]
    pub fn handshake_first(mut self) -> Self {
        self.first = true;
        self
    }

    pub(crate) fn latest(&self) -> Arc<ClientConfig> {
        self.config.borrow().clone()
    }

    /// What is in force; [`Self::superseded`] waits for something else.
    pub(crate) fn take_latest(&mut self) -> Arc<ClientConfig> {
        self.config.borrow_and_update().clone()
    }

    /// Waits until something else is in force than [`Self::take_latest`] gave; for ever where nothing can be.
    /// Safe to cancel.
    pub(crate) async fn superseded(&mut self) {
        if self.config.changed().await.is_err() {
            std::future::pending().await
        }
    }

    pub(crate) fn is_first(&self) -> bool {
        self.first
    }
}

impl fmt::Debug for TlsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsOptions").field("first", &self.first).finish_non_exhaustive()
    }
}
