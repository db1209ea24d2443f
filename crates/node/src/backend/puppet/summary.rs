//! `last_run_summary.yaml`: what Puppet's last run did.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use serde::Deserialize;

use super::PuppetError;

/// The parts of the file that Choria's `puppet` agent tells.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct Summary {
    #[serde(default)]
    version: Version,
    /// Numbers of resources, by what became of them.
    #[serde(default)]
    resources: BTreeMap<String, u64>,
    /// Seconds, by what took them; and when it was.
    #[serde(default)]
    time: BTreeMap<String, f64>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
struct Version {
    #[serde(default)]
    config: serde_json::Value,
}

impl Summary {
    /// Reads the file.
    pub(super) fn read(file: &Path) -> Result<Self, PuppetError> {
        let name = || file.display().to_string();
        match std::fs::read_to_string(file) {
            Ok(text) => serde_yaml_ng::from_str(&text)
                .map_err(|error| PuppetError::Summary { file: name(), detail: error.to_string() }),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(PuppetError::NeverRan { file: name() })
            }
            Err(source) => Err(PuppetError::File { file: name(), source }),
        }
    }

    /// A run of the imagination that changed nothing.
    pub(super) fn simulated(last_run: u64) -> Self {
        let resources = [("total", 42), ("changed", 0), ("failed", 0), ("out_of_sync", 0)];
        let time = [("total", 1.5), ("config_retrieval", 0.5), ("last_run", last_run as f64)];
        Self {
            version: Version { config: "simulated".into() },
            resources: resources.map(|(name, count)| (name.to_owned(), count)).into(),
            time: time.map(|(name, seconds)| (name.to_owned(), seconds)).into(),
        }
    }

    /// How many resources became this.
    pub(crate) fn resources(&self, what: &str) -> u64 {
        self.resources.get(what).copied().unwrap_or_default()
    }

    /// How long this took, in seconds.
    pub(crate) fn seconds(&self, what: &str) -> f64 {
        self.time.get(what).copied().unwrap_or_default()
    }

    /// When it was, in seconds since 1970; 0 if the file does not say.
    pub(crate) fn last_run(&self) -> u64 {
        // Clamped first, so that nothing is cut off silently.
        let seconds = self.seconds("last_run").clamp(0.0, 253_402_300_799.0);
        std::time::Duration::from_secs_f64(seconds).as_secs()
    }

    /// The version of the catalogue, as the file spells it.
    pub(crate) fn config_version(&self) -> serde_json::Value {
        self.version.config.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "---\nversion:\n  config: 1795486894\n  puppet: 8.10.0\n\
        resources:\n  changed: 1\n  corrective_change: 0\n  failed: 0\n  out_of_sync: 1\n  total: 12\n\
        time:\n  config_retrieval: 0.25\n  total: 2.5\n  last_run: 1795486900\n\
        changes:\n  total: 1\nevents:\n  failure: 0\n";

    #[test]
    fn the_file_of_puppet_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("last_run_summary.yaml");
        std::fs::write(&file, FILE).unwrap();
        let summary = Summary::read(&file).unwrap();
        assert_eq!((summary.resources("total"), summary.resources("nosuch")), (12, 0));
        assert_eq!(summary.last_run(), 1_795_486_900);
        assert_eq!(summary.config_version(), 1_795_486_894);
        std::fs::write(&file, "- a list").unwrap();
        assert!(matches!(Summary::read(&file), Err(PuppetError::Summary { .. })));
    }
}
