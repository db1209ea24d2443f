//! Where a lab's files are.

use std::fs;
use std::path::{Path, PathBuf};

use super::UpError;

/// The folders of a lab.
#[derive(Clone, Debug)]
pub(super) struct Files {
    dir: PathBuf,
}

impl Files {
    /// Makes the lab's folder if it is missing. Its path becomes absolute.
    pub(super) fn create(dir: &Path) -> Result<Self, UpError> {
        let make = || {
            fs::create_dir_all(dir)?;
            dir.canonicalize()
        };
        let dir = make().map_err(|source| UpError::write(dir, source))?;
        Ok(Self { dir })
    }

    /// The lab's own folder.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Keys, certificates, tokens.
    pub(super) fn pki(&self) -> PathBuf {
        self.dir.join("pki")
    }

    /// Brokers and gateways of a region: configurations and logs. Made if it is missing.
    pub(super) fn region(&self, name: &str) -> Result<PathBuf, UpError> {
        make(self.dir.join(name))
    }

    /// Nodes of a region. Made if it is missing.
    pub(super) fn nodes(&self, region: &str) -> Result<PathBuf, UpError> {
        make(self.dir.join(region).join("nodes"))
    }
}

fn make(folder: PathBuf) -> Result<PathBuf, UpError> {
    fs::create_dir_all(&folder).map_err(|source| UpError::write(&folder, source))?;
    Ok(folder)
}
