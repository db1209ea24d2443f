//! Keys and values of a `server.conf` and the files of `plugin.d` beside it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::Problems;

/// Parts of names of keys whose values are secret.
const SECRET: [&str; 3] = ["pass", "secret", "credentials"];

/// What a file and its `plugin.d` say; later files win.
#[derive(Debug, Default)]
pub(super) struct Keys(BTreeMap<String, String>);

impl Keys {
    /// Reads a file, then `plugin.d/<name>.cfg`, whose keys begin with `plugin.<name>.`.
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        let mut keys = Self::default();
        keys.add("", &std::fs::read_to_string(path)?);
        let folder = path.parent().unwrap_or(Path::new("")).join("plugin.d");
        let Ok(entries) = std::fs::read_dir(folder) else { return Ok(keys) };
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        files.sort();
        for file in files.iter().filter(|file| file.extension().is_some_and(|ext| ext == "cfg")) {
            let name = file.file_stem().unwrap_or_default().to_string_lossy();
            keys.add(&format!("plugin.{name}."), &std::fs::read_to_string(file)?);
        }
        Ok(keys)
    }

    fn add(&mut self, prefix: &str, text: &str) {
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
            if let Some((key, value)) = line.split_once('=') {
                self.0.insert(format!("{prefix}{}", key.trim()), value.trim().to_owned());
            }
        }
    }

    /// A value that is not empty.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A list, separated by commas.
    pub(super) fn list(&self, key: &str) -> Vec<&str> {
        let items = self.text(key).unwrap_or_default().split(',').map(str::trim);
        items.filter(|item| !item.is_empty()).collect()
    }

    /// A path; `~` is the home folder.
    pub(super) fn path(&self, key: &str) -> Option<PathBuf> {
        self.text(key).map(expand_home)
    }

    /// Yes or no, in the words that Choria takes.
    pub(super) fn flag(&self, key: &str, default: bool, problems: &mut Problems) -> bool {
        match self.text(key).map(str::to_lowercase).as_deref() {
            None => default,
            Some("1" | "yes" | "true" | "y" | "t") => true,
            Some("0" | "no" | "false" | "n" | "f") => false,
            Some(_) => {
                problems.add(key, "must be yes or no");
                default
            }
        }
    }

    /// A number of seconds, at least one.
    pub(super) fn seconds(
        &self,
        key: &str,
        default: Duration,
        problems: &mut Problems,
    ) -> Duration {
        let Some(text) = self.text(key) else { return default };
        super::whole_seconds(text).unwrap_or_else(|| {
            problems.add(key, "must be a number of seconds, at least 1");
            default
        })
    }

    /// Everything that may be told to callers.
    pub(super) fn items(&self) -> BTreeMap<String, String> {
        let is_secret = |key: &str| SECRET.iter().any(|part| key.contains(part));
        let open = self.0.iter().filter(|(key, _)| !is_secret(key));
        open.map(|(key, value)| (key.clone(), value.clone())).collect()
    }
}

/// A path in which a leading `~` is the home folder.
pub(super) fn expand_home(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}
