//! What of a lab runs.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::manifest::{Manifest, ManifestError, RegionEntry};
use crate::nats;
use crate::running::{self, Running};

/// What of a lab runs. Displays as a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// `antiphon.lab.v1`.
    pub schema: &'static str,
    /// The lab's folder.
    pub dir: PathBuf,
    /// One row for each broker server, gateway and region's nodes.
    pub rows: Vec<StatusRow>,
}

/// One broker server, gateway, or all nodes of a region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StatusRow {
    /// The region.
    pub region: String,
    /// `broker`, `gateway` or `nodes`.
    pub kind: &'static str,
    /// The broker's URL, the gateway's name, or how many nodes.
    pub name: String,
    /// The processes that serve it; empty: it does not run.
    pub pids: Vec<u32>,
}

/// Why a lab's status is not known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StatusError {
    /// There is no `lab.json`.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// Processes cannot be listed.
    #[error("the processes of {} cannot be listed", dir.display())]
    List {
        /// The lab's folder.
        dir: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Looks what of the lab in `dir` runs.
///
/// # Errors
/// [`StatusError`].
pub fn status(dir: &Path) -> Result<Status, StatusError> {
    let manifest = Manifest::read(dir)?;
    let list = |source| StatusError::List { dir: dir.to_owned(), source };
    let dir = dir.canonicalize().map_err(list)?;
    let running = running::find(&dir).map_err(list)?;
    let regions = manifest.regions.iter();
    let rows = regions.flat_map(|(name, region)| rows(&dir, name, region, &running)).collect();
    Ok(Status { schema: "antiphon.lab.v1", dir, rows })
}

impl Status {
    /// Whether everything runs.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.rows.iter().all(|row| !row.pids.is_empty())
    }
}

fn rows(dir: &Path, name: &str, region: &RegionEntry, running: &[Running]) -> Vec<StatusRow> {
    let folder = dir.join(name);
    let pids = |uses: &dyn Fn(&Path) -> bool| {
        let serving = running.iter().filter(|one| one.configs.iter().any(|config| uses(config)));
        serving.map(|one| one.pid).collect()
    };
    let row = |kind, what: String, uses: &dyn Fn(&Path) -> bool| StatusRow {
        region: name.to_owned(),
        kind,
        name: what,
        pids: pids(uses),
    };
    let mut rows = Vec::new();
    for (index, url) in region.brokers.iter().enumerate() {
        let config = folder.join(nats::config_name(name, index + 1));
        rows.push(row("broker", url.clone(), &|used| used == config));
    }
    for (gateway, entry) in &region.gateways {
        rows.push(row("gateway", gateway.clone(), &|used| used == entry.config));
    }
    if !region.nodes.is_empty() {
        let nodes = folder.join("nodes");
        rows.push(row("nodes", region.nodes.len().to_string(), &|used| used.starts_with(&nodes)));
    }
    rows
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:8}{:9}{:28}PROCESSES", "REGION", "KIND", "NAME")?;
        for row in &self.rows {
            write!(f, "\n{:8}{:9}{:28}", row.region, row.kind, row.name)?;
            match row.pids.as_slice() {
                [] => f.write_str("down")?,
                pids => {
                    f.write_str(&pids.iter().map(u32::to_string).collect::<Vec<_>>().join(" "))?
                }
            }
        }
        Ok(())
    }
}
