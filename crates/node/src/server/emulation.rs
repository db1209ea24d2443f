//! Many nodes from one configuration, for tests of a fleet's size.

use std::num::NonZeroUsize;

use antiphon_wire::Identity;

use super::StartError;
use crate::config::{NodeConfig, SecurityConfig};

/// How many nodes share a connection unless told otherwise.
const NODES_PER_CONNECTION: usize = 50;

/// How many nodes to be, on how many connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Emulation {
    /// Nodes.
    pub nodes: NonZeroUsize,
    /// Connections that they share; `None`: one for every 50 nodes.
    pub connections: Option<NonZeroUsize>,
}

impl Emulation {
    /// Configurations of nodes that differ in their names: `n1.example.net` becomes `n1-1.example.net` and so on.
    ///
    /// Only the first has the status file.
    pub(super) fn configs(&self, config: &NodeConfig) -> Result<Vec<NodeConfig>, StartError> {
        let refused = |reason| {
            let identity = config.identity.to_string();
            StartError::Emulation { identity, reason }
        };
        if matches!(config.security, SecurityConfig::V2(_)) {
            return Err(refused("a token is of one node; only v1 nodes can be many"));
        }
        let too_long = |_| refused("the names would be too long");
        let named = (1..=self.nodes.get()).map(|number| {
            let mut node = config.clone();
            node.identity = numbered(config.identity.as_str(), number).map_err(too_long)?;
            node.items.insert("identity".to_owned(), node.identity.to_string());
            if number > 1 {
                node.status_file = None;
            }
            Ok(node)
        });
        named.collect()
    }

    pub(super) fn nodes_per_connection(&self) -> usize {
        match self.connections {
            Some(connections) => self.nodes.get().div_ceil(connections.get()),
            None => NODES_PER_CONNECTION,
        }
    }
}

fn numbered(identity: &str, number: usize) -> Result<Identity, antiphon_wire::IdError> {
    match identity.split_once('.') {
        Some((host, domain)) => Identity::try_from(format!("{host}-{number}.{domain}")),
        None => Identity::try_from(format!("{identity}-{number}")),
    }
}
