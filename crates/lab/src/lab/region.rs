//! One region's processes.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::http;
use crate::manifest::{GatewayEntry, RegionEntry};
use crate::nats::{Cluster, Server};
use crate::process::{Process, ProcessError};

/// How long a gateway may take to say that it is ready: ten seconds alone with its broker are part
/// of its nature.
const GATEWAY_LIMIT: Duration = Duration::from_secs(60);
/// How long a group of nodes may take to connect.
const NODES_LIMIT: Duration = Duration::from_secs(60);

/// A region: a broker, gateways, nodes.
#[derive(Debug)]
pub struct Region {
    pub(super) name: String,
    pub(super) broker: Cluster,
    pub(super) gateways: Vec<Gateway>,
    pub(super) nodes: Vec<Nodes>,
}

/// A gateway's process and places.
#[derive(Debug)]
pub struct Gateway {
    pub(super) name: String,
    pub(super) config: PathBuf,
    pub(super) socket: PathBuf,
    pub(super) http: SocketAddr,
    pub(super) link: SocketAddr,
    pub(super) process: Process,
}

/// Several nodes in one process, each with its own identity and connection.
#[derive(Debug)]
pub struct Nodes {
    pub(super) identities: Vec<String>,
    /// One of each node, in the same order.
    pub(super) status_files: Vec<PathBuf>,
    pub(super) process: Process,
}

impl Region {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its broker.
    #[must_use]
    pub fn broker(&self) -> &Cluster {
        &self.broker
    }

    /// Its broker, to end and start servers.
    pub fn broker_mut(&mut self) -> &mut Cluster {
        &mut self.broker
    }

    /// Its gateways, in order.
    #[must_use]
    pub fn gateways(&self) -> &[Gateway] {
        &self.gateways
    }

    /// Its gateways, to end and start them.
    pub fn gateways_mut(&mut self) -> &mut [Gateway] {
        &mut self.gateways
    }

    /// Its nodes, process by process.
    #[must_use]
    pub fn nodes(&self) -> &[Nodes] {
        &self.nodes
    }

    /// Its nodes, to end and start them.
    pub fn nodes_mut(&mut self) -> &mut [Nodes] {
        &mut self.nodes
    }

    pub(super) fn entry(&self) -> RegionEntry {
        let pid = |server: &Server| server.process().pid().unwrap_or(0);
        let gateways = self.gateways.iter().map(|gateway| (gateway.name.clone(), gateway.entry()));
        RegionEntry {
            brokers: self.broker.urls(),
            broker_pids: self.broker.servers().iter().map(pid).collect(),
            monitors: self.broker.monitors(),
            gateways: gateways.collect(),
            nodes: self.nodes.iter().flat_map(|nodes| nodes.identities.clone()).collect(),
        }
    }

    pub(super) fn release(&mut self) {
        let brokers = self.broker.servers_mut().iter_mut().map(Server::process_mut);
        let gateways = self.gateways.iter_mut().map(|gateway| &mut gateway.process);
        let nodes = self.nodes.iter_mut().map(|nodes| &mut nodes.process);
        for process in brokers.chain(gateways).chain(nodes) {
            // The process ids are in `lab.json`.
            process.release();
        }
    }
}

impl Gateway {
    /// Starts it again, after an end, and waits until it is ready; does nothing while it runs.
    ///
    /// # Errors
    /// It does not come up.
    pub async fn start(&mut self) -> Result<(), ProcessError> {
        self.process.start()?;
        self.ready().await
    }

    /// Waits until `/readyz` is good.
    ///
    /// # Errors
    /// It has ended, or takes longer than a minute.
    pub async fn ready(&mut self) -> Result<(), ProcessError> {
        let address = self.http;
        let ready = async || {
            let answer = http::get(address, "/readyz").await?;
            (answer.status == 200).then_some(())
        };
        self.process.ready(GATEWAY_LIMIT, "is not ready", ready).await
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its configuration file.
    #[must_use]
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// Where operators ask, as `--admin` takes it: `unix:PATH`.
    #[must_use]
    pub fn admin(&self) -> String {
        format!("unix:{}", self.socket.display())
    }

    /// Where `/metrics`, `/healthz` and `/readyz` are.
    #[must_use]
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// Where it listens for links; relays lie before it.
    #[must_use]
    pub fn link(&self) -> SocketAddr {
        self.link
    }

    /// Its process.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Its process, to pause, end or watch it.
    pub fn process_mut(&mut self) -> &mut Process {
        &mut self.process
    }

    fn entry(&self) -> GatewayEntry {
        GatewayEntry {
            config: self.config.clone(),
            admin: self.admin(),
            http: self.http.to_string(),
            link: format!("localhost:{}", self.link.port()),
            pid: self.process.pid().unwrap_or(0),
        }
    }
}

impl Nodes {
    /// Waits until every node is connected: until its status file exists.
    ///
    /// # Errors
    /// The process has ended, or takes longer than a minute.
    pub async fn ready(&mut self) -> Result<(), ProcessError> {
        let files = &self.status_files;
        let connected = async || files.iter().all(|file| file.exists()).then_some(());
        self.process.ready(NODES_LIMIT, "has nodes that are not connected", connected).await
    }

    /// The nodes' identities.
    #[must_use]
    pub fn identities(&self) -> &[String] {
        &self.identities
    }

    /// The process that holds them.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// The process that holds them, to pause, end or watch it.
    pub fn process_mut(&mut self) -> &mut Process {
        &mut self.process
    }
}
