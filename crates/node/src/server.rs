//! Nodes at work: from configurations to connections, and back to silence.

mod emulation;
mod renewal;
mod trust;
mod uplink;

use std::path::PathBuf;
use std::sync::Arc;

use antiphon_identity::TrustError;
use antiphon_identity::v1::PatternError;
use antiphon_identity::v2::KeyError;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::agent;
use crate::clock::Clock;
use crate::config::NodeConfig;
use crate::connection::{Connection, Ended, Port};
use crate::inventory::InventoryFiles;
use crate::node::{Connected, Node, Parts};
use crate::routine;

pub use emulation::Emulation;
use trust::Trust;

/// Why nodes cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A file of certificates is of no use.
    #[error("{identity}: security.v1.ca")]
    Trust {
        /// The node.
        identity: String,
        /// What is wrong.
        source: TrustError,
    },
    /// An expression for names is none.
    #[error("{identity}: security.v1.allow or privileged")]
    Pattern {
        /// The node.
        identity: String,
        /// What is wrong.
        source: PatternError,
    },
    /// A public key or seed is none.
    #[error("{identity}: security.v2.{key}")]
    Key {
        /// The node.
        identity: String,
        /// Which.
        key: String,
        /// What is wrong.
        source: KeyError,
    },
    /// The key of the node's certificate cannot sign registration messages.
    #[error("{identity}: broker.tls.key")]
    SigningKey {
        /// The node.
        identity: String,
        /// What is wrong.
        source: antiphon_identity::v1::KeyError,
    },
    /// The node's own token cannot be used.
    #[error("{identity}: security.v2.token: {detail}")]
    Token {
        /// The node.
        identity: String,
        /// What is wrong.
        detail: String,
    },
    /// The node cannot be many.
    #[error("{identity}: --emulate: {reason}")]
    Emulation {
        /// The node.
        identity: String,
        /// Why not.
        reason: &'static str,
    },
    /// The broker connection cannot be set up.
    #[error("{identity}: broker: {detail}")]
    Broker {
        /// The node.
        identity: String,
        /// What is wrong.
        detail: String,
    },
}

/// Running nodes.
#[derive(Debug)]
pub struct Server {
    nodes: Vec<Arc<Node>>,
    tasks: JoinSet<Ended>,
    stop: CancellationToken,
}

impl Server {
    /// Starts one node and one broker connection per configuration, within a tokio runtime. The connections are made,
    /// and made again, in the background.
    ///
    /// # Errors
    /// The first file that cannot be used.
    pub async fn start(configs: Vec<NodeConfig>, clock: Clock) -> Result<Self, StartError> {
        let mut starter = Starter::new(clock);
        for config in configs {
            starter.connect(vec![config]).await?;
        }
        Ok(starter.server)
    }

    /// Starts many nodes that differ in nothing but their names, several on a connection.
    ///
    /// # Errors
    /// As [`Self::start`], and a configuration that cannot be of many.
    pub async fn emulate(
        config: &NodeConfig,
        emulation: Emulation,
        clock: Clock,
    ) -> Result<Self, StartError> {
        let configs = emulation.configs(config)?;
        let mut starter = Starter::new(clock);
        for shared in configs.chunks(emulation.nodes_per_connection()) {
            starter.connect(shared.to_vec()).await?;
        }
        Ok(starter.server)
    }

    /// Cancelling it stops the nodes.
    pub fn stop_token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// The nodes, for their counters.
    pub fn nodes(&self) -> &[Arc<Node>] {
        &self.nodes
    }

    /// Returns when all nodes have stopped.
    ///
    /// # Errors
    /// When one of them stopped unasked, which stops them all.
    pub async fn join(mut self) -> Result<(), StoppedUnasked> {
        let mut result = Ok(());
        while let Some(ended) = self.tasks.join_next().await {
            if ended.ok() != Some(Ended::Asked) {
                self.stop.cancel();
                result = Err(StoppedUnasked);
            }
        }
        result
    }
}

/// A node, or its broker connection, ended by itself: a defect, which is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a node stopped unasked")]
pub struct StoppedUnasked;

/// What nodes of one process share while they are started.
struct Starter {
    clock: Clock,
    trust: Trust,
    /// Signature checks at once: as many as there are cores.
    checks: Arc<Semaphore>,
    /// Facts and classes, by their files: nodes with the same ones read them once.
    inventories: Vec<(NodeFiles, Arc<InventoryFiles>)>,
    server: Server,
}

/// What nodes are told of their connection.
type Link = (Arc<antiphon_broker::Stats>, Connected);

/// The files of an inventory.
type NodeFiles = (Vec<PathBuf>, Option<PathBuf>);

impl Starter {
    fn new(clock: Clock) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            clock,
            trust: Trust::default(),
            checks: Arc::new(Semaphore::new(cores)),
            inventories: Vec::new(),
            server: Server {
                nodes: Vec::new(),
                tasks: JoinSet::new(),
                stop: CancellationToken::new(),
            },
        }
    }

    /// Starts nodes that share a connection, which the first of them names.
    async fn connect(&mut self, configs: Vec<NodeConfig>) -> Result<(), StartError> {
        let Some(first) = configs.first() else { return Ok(()) };
        let (broker, renewal) = uplink::open(&first.broker, first.identity.as_str())?;
        if let Some(renewal) = renewal {
            self.server.tasks.spawn(renewal.run(self.server.stop.clone()));
        }
        let (connected, watch) = watch::channel(None);
        let mut nodes = Vec::with_capacity(configs.len());
        for config in configs {
            let link = (broker.stats.clone(), watch.clone());
            nodes.push(Arc::new(self.node(config, link).await?));
        }
        let port = Port { broker, connected, checks: self.checks.clone() };
        self.server.run(port, nodes);
        Ok(())
    }

    async fn node(
        &mut self,
        config: NodeConfig,
        (traffic, connected): Link,
    ) -> Result<Node, StartError> {
        let (security, own) = self.trust.security(&config)?;
        let parts = Parts {
            security,
            request_signer: trust::request_signer(&config, own.as_ref())?,
            signer: own.filter(|_| config.signs_replies()),
            clock: self.clock.clone(),
            agents: agent::load(&config).await,
            files: self.inventory(&config),
            traffic,
            connected,
        };
        Ok(Node::new(config, parts))
    }

    fn inventory(&mut self, config: &NodeConfig) -> Arc<InventoryFiles> {
        let files = (config.facts_files.clone(), config.classes_file.clone());
        if let Some((_, shared)) = self.inventories.iter().find(|(known, _)| *known == files) {
            return shared.clone();
        }
        let shared = Arc::new(InventoryFiles::new(files.0.clone(), files.1.clone()));
        self.inventories.push((files, shared.clone()));
        shared
    }
}

impl Server {
    fn run(&mut self, port: Port, nodes: Vec<Arc<Node>>) {
        for node in &nodes {
            let (node, commands) = (node.clone(), port.broker.commands.clone());
            self.tasks.spawn(routine::run(node, commands, self.stop.clone()));
        }
        self.tasks.spawn(Connection::new(port, nodes.clone()).run(self.stop.clone()));
        self.nodes.extend(nodes);
    }
}
