//! What several gateways say at one time, in memory and as a file: `antiphon archive FILE`.
//!
//! The file is JSON, compressed with gzip unless it was written by other tools. A file with one
//! gateway's report alone, as the admin API gives it, is read too.

use std::{
    fs::File,
    io::{self, Read, Write},
    path::Path,
    time::Duration,
};

use antiphon_core::{GatewayId, RegionId};
use antiphon_gateway::shell::{self, Report};
use anyhow::{Context, anyhow};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde::{Deserialize, Serialize};

/// The schema of [`Archive`] as JSON.
pub const SCHEMA: &str = "antiphon.archive.v1";

/// The first bytes of every gzip file (RFC 1952, 2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Largest archive that is read, unpacked.
const BYTES_MAX: u64 = 1 << 30;

/// Several gateways' reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Archive {
    /// [`SCHEMA`].
    pub schema: String,
    /// The gateway that was asked for them: its own report is there.
    pub asked: GatewayId,
    /// One a gateway, in the order of their names.
    pub reports: Vec<Report>,
    /// Gateways that are known and did not answer.
    #[serde(default)]
    pub silent: Vec<Silent>,
    /// Of a simulation: how to come to this moment again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub simulated: Option<Simulated>,
}

/// A moment of a simulation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Simulated {
    /// The scenario's file, as it was named.
    pub file: String,
    /// The scenario, with what befell it besides, as TOML.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// The moment, since the world began.
    pub at: Duration,
}

/// A gateway that did not answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silent {
    /// Its name.
    pub gateway: GatewayId,
    /// Its region.
    pub region: RegionId,
    /// Why, for people.
    pub reason: String,
}

impl Archive {
    /// An archive of these, in order.
    #[must_use]
    pub fn new(asked: GatewayId, mut reports: Vec<Report>, mut silent: Vec<Silent>) -> Self {
        reports.sort_by(|one, other| one.core.gateway.cmp(&other.core.gateway));
        silent.sort_by(|one, other| one.gateway.cmp(&other.gateway));
        Self { schema: SCHEMA.to_owned(), asked, reports, silent, simulated: None }
    }

    /// The report of a gateway.
    #[must_use]
    pub fn report(&self, gateway: &GatewayId) -> Option<&Report> {
        self.reports.iter().find(|report| report.core.gateway == *gateway)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, or is no archive of a release that we know.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let name = || path.display().to_string();
        let bytes = contents(path).with_context(name)?;
        let value: serde_json::Value = serde_json::from_slice(&bytes)
            .map_err(|_| anyhow!("{}: neither JSON nor compressed JSON", name()))?;
        match value.get("schema").and_then(|schema| schema.as_str()) {
            Some(SCHEMA) => serde_json::from_slice(&bytes).with_context(name),
            Some(shell::SCHEMA) => {
                let report: Report = serde_json::from_slice(&bytes).with_context(name)?;
                Ok(Self::new(report.core.gateway.clone(), vec![report], Vec::new()))
            }
            Some(other) => Err(anyhow!("{}: its schema is {other}, not {SCHEMA}", name())),
            None => Err(anyhow!("{}: it has no schema, {SCHEMA} is expected", name())),
        }
    }

    /// Writes a file, whole or not at all; returns its size in bytes.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, path: &Path) -> io::Result<u64> {
        let mut beside = path.as_os_str().to_owned();
        beside.push(".part");
        let mut packed = GzEncoder::new(File::create(&beside)?, Compression::default());
        packed.write_all(&serde_json::to_vec(self)?)?;
        let file = packed.finish()?;
        file.sync_all()?;
        let size = file.metadata()?.len();
        std::fs::rename(&beside, path)?;
        Ok(size)
    }
}

fn contents(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(BYTES_MAX).read_to_end(&mut bytes)?;
    if !bytes.starts_with(&GZIP) {
        return Ok(bytes);
    }
    let mut unpacked = Vec::new();
    GzDecoder::new(bytes.as_slice()).take(BYTES_MAX).read_to_end(&mut unpacked)?;
    Ok(unpacked)
}
