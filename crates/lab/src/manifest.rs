//! `lab.json`: where everything in a lab is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::{Deserialize, Serialize};

/// What `lab.json` says. All paths are absolute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The fabric's name.
    pub fabric: String,
    /// The keys to everything.
    pub pki: PkiFiles,
    /// A user.
    pub client: ClientFiles,
    /// Regions by name.
    pub regions: BTreeMap<String, RegionEntry>,
}

/// The keys to everything: whoever holds them can be anybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PkiFiles {
    /// The authority's certificate, PEM.
    pub ca: PathBuf,
    /// The authority's key, PEM; what it signs may connect to every broker.
    pub ca_key: PathBuf,
    /// The seed of the issuer of v2 tokens, 64 hex digits.
    pub issuer_seed: PathBuf,
    /// The issuer's public key, 64 hex digits.
    pub issuer_public: PathBuf,
}

/// A user's files for either protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientFiles {
    /// The certificate for `alice.mcollective`, PEM.
    pub certificate: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
    /// The authority's certificate, PEM.
    pub ca: PathBuf,
    /// The v2 token for `up=alice`, a JWT.
    pub token: PathBuf,
    /// The seed of its key, 64 hex digits.
    pub seed: PathBuf,
}

/// One region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionEntry {
    /// Where clients connect, server by server: `nats://localhost:PORT`.
    pub brokers: Vec<String>,
    /// The servers' process ids, in the same order.
    pub broker_pids: Vec<u32>,
    /// Where the servers are monitored, in the same order: `http://localhost:PORT`.
    pub monitors: Vec<String>,
    /// Gateways by name.
    pub gateways: BTreeMap<String, GatewayEntry>,
    /// The nodes' identities.
    pub nodes: Vec<String>,
}

/// One gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayEntry {
    /// Its configuration file.
    pub config: PathBuf,
    /// Where operators ask: `unix:PATH`, as `--admin` and the configuration take it.
    pub admin: String,
    /// Where `/metrics`, `/healthz` and `/readyz` are: `127.0.0.1:PORT`.
    pub http: String,
    /// Where other gateways dial: `localhost:PORT`.
    pub link: String,
    /// Its process id.
    pub pid: u32,
}

/// Why `lab.json` cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The file is missing or unreadable.
    #[error("{}: cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It does not say what it should.
    #[error("{}: is no lab", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
}

impl Manifest {
    /// The file in a lab's folder.
    #[must_use]
    pub fn file(dir: &Path) -> PathBuf {
        dir.join("lab.json")
    }

    /// Reads the file of a lab.
    ///
    /// # Errors
    /// It is missing, or not ours.
    pub fn read(dir: &Path) -> Result<Self, ManifestError> {
        let path = Self::file(dir);
        let text =
            fs::read(&path).map_err(|source| ManifestError::Read { path: path.clone(), source })?;
        serde_json::from_slice(&text).map_err(|source| ManifestError::Parse { path, source })
    }

    /// Writes it, in one step: readers see all of it or nothing.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn write(&self, dir: &Path) -> io::Result<()> {
        let file = tempfile::NamedTempFile::new_in(dir)?;
        serde_json::to_writer_pretty(&file, self)?;
        file.persist(Self::file(dir))?;
        Ok(())
    }
}
