//! The status file: the node's health, in the form of Choria's (go-choria `statistics/instance.go`).

use std::io;
use std::path::Path;

use serde::Serialize;

use crate::node::Node;
use crate::stats::Counts;

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The node.
    pub identity: String,
    /// Seconds since it started.
    pub uptime: u64,
    /// URL of its broker; empty while it has none.
    pub connected_server: String,
    /// When a message last came, in seconds since 1970; 0 if none did.
    pub last_message: u64,
    /// Always false: this node does not provision.
    pub provisioning_mode: bool,
    /// Choria's counters.
    pub stats: Counts,
    /// Requests that were not answered, by reason; Choria's nodes do not tell.
    pub refused: std::collections::BTreeMap<&'static str, u64>,
}

impl Status {
    /// The node's state now.
    pub(crate) fn of(node: &Node) -> Self {
        let refused = crate::Refusal::ALL
            .into_iter()
            .map(|refusal| (refusal.name(), node.stats.refusals(refusal)))
            .filter(|(_, count)| *count > 0);
        Self {
            identity: node.identity().to_owned(),
            uptime: node.clock.now().saturating_sub(node.started).as_secs(),
            connected_server: node.connected_server(),
            last_message: node.stats.last_message(),
            provisioning_mode: false,
            stats: node.stats.counts(),
            refused: refused.collect(),
        }
    }

    /// Writes the file anew, so that readers never see half of it.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut beside = path.as_os_str().to_owned();
        beside.push(".new");
        let beside = Path::new(&beside);
        std::fs::write(beside, serde_json::to_vec(self)?)?;
        std::fs::rename(beside, path)
    }
}
