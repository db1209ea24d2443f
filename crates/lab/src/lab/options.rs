//! What a lab is to be.

use std::fmt;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use super::UpError;
use crate::manifest::Manifest;
use crate::process::Life;

/// Asks whether a fabric is whole: whether every gateway sees what it should. `Err` says what is
/// missing, for whoever waited in vain.
pub type Whole =
    Box<dyn Fn(Manifest) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync>;

/// What a lab is to be.
pub struct Options {
    /// Where its files go; created if it is missing.
    pub dir: PathBuf,
    /// The `antiphon` binary.
    pub program: PathBuf,
    /// How many regions, 1 to [`Options::REGIONS_MAX`].
    pub regions: usize,
    /// Gateways of each region.
    pub gateways: usize,
    /// Nodes of each region that speak protocol v1, up to [`Options::NODES_MAX`].
    pub nodes: usize,
    /// Nodes of each region that speak protocol v2, as many at most; numbered after the others.
    pub v2_nodes: usize,
    /// Servers of each region's broker, at least one.
    pub brokers: usize,
    /// Which connections go through relays.
    pub relayed: Relayed,
    /// Laid over every gateway's configuration.
    pub gateway_settings: toml::Table,
    /// Bytes that may wait in a broker for one client; `None`: 64 MiB.
    pub broker_pending: Option<u64>,
    /// More lines for the configuration of the named region's servers.
    pub broker_extra: fn(&str) -> String,
    /// Asked until it agrees, after everything else is ready; `None`: nobody is asked.
    pub whole: Option<Whole>,
    /// How long the processes live.
    pub life: Life,
}

/// Which connections go through relays, to slow, silence or cut them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Relayed {
    /// None.
    #[default]
    Nothing,
    /// Links: one relay for each ordered pair of gateways.
    Links,
    /// Links, and the gateways' connections to their broker: one relay for each server.
    LinksAndBrokers,
}

impl Options {
    /// More regions would need more ports than the lab has for them.
    pub const REGIONS_MAX: usize = 100;
    /// More gateways of one region would.
    pub const GATEWAYS_MAX: usize = 20;
    /// More nodes of one region would take minutes to make certificates for.
    pub const NODES_MAX: usize = 2000;
    /// More servers of one region would need more ports.
    pub const BROKERS_MAX: usize = 20;

    /// Three regions of two gateways, ten nodes and a single broker each, that end with their
    /// owner.
    #[must_use]
    pub fn new(dir: &Path, program: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            program: program.to_owned(),
            regions: 3,
            gateways: 2,
            nodes: 10,
            v2_nodes: 0,
            brokers: 1,
            relayed: Relayed::Nothing,
            gateway_settings: toml::Table::new(),
            broker_pending: None,
            broker_extra: |_| String::new(),
            whole: None,
            life: Life::Owned,
        }
    }

    /// Nodes of each region, of either protocol.
    pub(super) fn all_nodes(&self) -> usize {
        self.nodes + self.v2_nodes
    }

    pub(super) fn check(&self) -> Result<(), UpError> {
        let bounds = [
            ("regions", self.regions, 1, Self::REGIONS_MAX),
            ("gateways", self.gateways, 0, Self::GATEWAYS_MAX),
            ("nodes", self.nodes, 0, Self::NODES_MAX),
            ("nodes of protocol v2", self.v2_nodes, 0, Self::NODES_MAX),
            ("brokers", self.brokers, 1, Self::BROKERS_MAX),
        ];
        for (what, value, least, most) in bounds {
            if !(least..=most).contains(&value) {
                return Err(UpError::Number { what, value, least, most });
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("dir", &self.dir)
            .field("program", &self.program)
            .field("regions", &self.regions)
            .field("gateways", &self.gateways)
            .field("nodes", &self.nodes)
            .field("v2_nodes", &self.v2_nodes)
            .field("brokers", &self.brokers)
            .field("relayed", &self.relayed)
            .finish_non_exhaustive()
    }
}
