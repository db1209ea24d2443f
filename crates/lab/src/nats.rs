//! Real nats-servers: a region's broker, of one server or several.

mod config;
mod find;
mod server;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) use config::config_name;
pub use find::{NatsNotFound, find};
pub use server::Server;

use crate::pki::TlsFiles;
use crate::ports::{self, ATTEMPTS, NoPort};
use crate::process::{Life, ProcessError};

/// The servers of one region.
#[derive(Debug)]
pub struct Cluster {
    servers: Vec<Server>,
}

/// What a cluster is to be.
#[derive(Clone, Debug)]
pub struct ClusterOptions {
    /// The nats-server binary; [`find`] knows where it is.
    pub program: PathBuf,
    /// Where configurations and logs go; exists.
    pub folder: PathBuf,
    /// The cluster's name, for example the region; servers are called `nats-NAME-1` and so on.
    pub name: String,
    /// How many servers, at least one.
    pub servers: usize,
    /// Mutual TLS for clients; `None`: plain TCP, no login.
    pub tls: Option<TlsFiles>,
    /// How often servers ping clients; `None`: the program's own default, two minutes.
    pub ping_interval: Option<Duration>,
    /// Bytes that may wait for a client before it is cut off; `None`: the program's own default,
    /// 64 MiB.
    pub max_pending: Option<u64>,
    /// Whether servers of a cluster tell clients of each other; not if clients are to come through
    /// a relay.
    pub advertise: bool,
    /// More lines for every server's configuration: accounts, leaf nodes, NATS gateways.
    pub extra: String,
    /// How long the servers live.
    pub life: Life,
}

/// Why a cluster did not come up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NatsError {
    /// There is no nats-server.
    #[error(transparent)]
    Missing(#[from] NatsNotFound),
    /// There are no ports.
    #[error(transparent)]
    Port(#[from] NoPort),
    /// A configuration cannot be written.
    #[error("{}: cannot be written", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A server did not come up.
    #[error(transparent)]
    Process(#[from] ProcessError),
}

impl ClusterOptions {
    /// One server without TLS.
    ///
    /// # Errors
    /// There is no nats-server.
    pub fn plain(name: &str, folder: &Path) -> Result<Self, NatsNotFound> {
        Ok(Self {
            program: find()?,
            folder: folder.to_owned(),
            name: name.to_owned(),
            servers: 1,
            tls: None,
            ping_interval: None,
            max_pending: None,
            advertise: true,
            extra: String::new(),
            life: Life::Owned,
        })
    }
}

impl Cluster {
    /// Starts the servers and waits until each accepts connections.
    ///
    /// # Errors
    /// A server did not come up: not even on other ports, if its own were taken.
    pub async fn start(options: &ClusterOptions) -> Result<Self, NatsError> {
        let mut attempt = 1;
        loop {
            match Self::start_once(options).await {
                Err(NatsError::Process(error)) if attempt < ATTEMPTS && error.is_port_race() => {
                    attempt += 1;
                }
                other => return other,
            }
        }
    }

    /// The servers, in order.
    #[must_use]
    pub fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// The servers, to stop and start them.
    pub fn servers_mut(&mut self) -> &mut [Server] {
        &mut self.servers
    }

    /// Where clients connect, server by server: `nats://localhost:PORT`.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.servers.iter().map(Server::url).collect()
    }

    /// Where each server is monitored: `http://localhost:PORT`.
    #[must_use]
    pub fn monitors(&self) -> Vec<String> {
        self.servers.iter().map(Server::monitor).collect()
    }

    async fn start_once(options: &ClusterOptions) -> Result<Self, NatsError> {
        let mut ports = Vec::new();
        for _ in 0..options.servers {
            ports.push(config::Ports {
                client: ports::free()?,
                monitor: ports::free()?,
                route: ports::free()?,
            });
        }
        let routes: Vec<u16> = ports.iter().map(|ports| ports.route).collect();
        let mut servers = Vec::new();
        for (index, ports) in ports.into_iter().enumerate() {
            let config = config::Config { options, number: index + 1, ports, routes: &routes };
            servers.push(Server::spawn(&config)?);
        }
        for server in &mut servers {
            server.ready().await?;
        }
        Ok(Self { servers })
    }
}

#[cfg(test)]
mod tests;
