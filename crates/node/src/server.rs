//! Nodes at work: from configurations to connections, and back to silence.

mod trust;
mod uplink;

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
use crate::connection::{Connection, Port};
use crate::node::{Node, Parts};
use crate::routine;
use trust::Trust;

/// Why nodes cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A file of certificates is of no use.
    #[error("{identity}: security.v1.ca: {source}")]
    Trust {
        /// The node.
        identity: String,
        /// What is wrong.
        source: TrustError,
    },
    /// An expression for names is none.
    #[error("{identity}: security.v1.allow or privileged: {source}")]
    Pattern {
        /// The node.
        identity: String,
        /// What is wrong.
        source: PatternError,
    },
    /// A public key or seed is none.
    #[error("{identity}: security.v2.{key}: {source}")]
    Key {
        /// The node.
        identity: String,
        /// Which.
        key: String,
        /// What is wrong.
        source: KeyError,
    },
    /// The key of the node's certificate cannot sign registration messages.
    #[error("{identity}: broker.tls.key: {source}")]
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
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

impl Server {
    /// Starts one node and one broker connection per configuration, within a tokio runtime. The connections are made,
    /// and made again, in the background.
    ///
    /// # Errors
    /// The first file that cannot be used.
    pub async fn start(configs: Vec<NodeConfig>, clock: Clock) -> Result<Self, StartError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let checks = Arc::new(Semaphore::new(cores));
        let mut trust = Trust::default();
        let mut server =
            Self { nodes: Vec::new(), tasks: JoinSet::new(), stop: CancellationToken::new() };
        for config in configs {
            let (connected, watch) = watch::channel(None);
            let (security, own) = trust.security(&config)?;
            let broker = uplink::open(&config.broker, config.identity.as_str())?;
            let port = Port { broker, connected, checks: checks.clone() };
            let parts = Parts {
                security,
                request_signer: trust::request_signer(&config, own.as_ref())?,
                signer: own.filter(|_| config.signs_replies()),
                clock: clock.clone(),
                agents: agent::load(&config).await,
                connected: watch,
            };
            server.run(port, vec![Arc::new(Node::new(config, parts))]);
        }
        Ok(server)
    }

    fn run(&mut self, port: Port, nodes: Vec<Arc<Node>>) {
        for node in &nodes {
            let (node, commands) = (node.clone(), port.broker.commands.clone());
            self.tasks.spawn(routine::run(node, commands, self.stop.clone()));
        }
        self.tasks.spawn(Connection::new(port, nodes.clone()).run(self.stop.clone()));
        self.nodes.extend(nodes);
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
    pub async fn join(mut self) {
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a node failed");
                self.stop.cancel();
            }
        }
    }
}
