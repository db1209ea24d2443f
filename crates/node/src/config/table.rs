//! Reading a TOML table key by key, so that every wrong, missing and unknown key is found in one go.

use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Value;

use super::problem::Problems;

/// A table whose keys are taken out one by one; what is left is unknown.
pub(crate) struct Table {
    /// The names of the tables around it, with a dot after each.
    prefix: String,
    /// Relative paths start here.
    folder: PathBuf,
    keys: toml::Table,
}

impl Table {
    /// The whole of a file.
    pub(crate) fn root(keys: toml::Table, folder: &Path) -> Self {
        Self { prefix: String::new(), folder: folder.to_owned(), keys }
    }

    /// The full name of `key`.
    pub(crate) fn name(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    /// What `read` makes of `key`, which must be there.
    pub(crate) fn required<T>(
        &mut self,
        key: &str,
        problems: &mut Problems,
        read: impl FnOnce(&mut Self, &str, &mut Problems) -> Option<T>,
    ) -> Option<T> {
        if !self.keys.contains_key(key) {
            problems.add(self.name(key), "is missing");
            return None;
        }
        read(self, key, problems)
    }

    /// Whether `key` is there and was not taken yet.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }

    /// A table within.
    pub(crate) fn table(&mut self, key: &str, problems: &mut Problems) -> Option<Self> {
        let keys = self.take(key, "a table", problems, table)?;
        Some(Self { prefix: format!("{}.", self.name(key)), folder: self.folder.clone(), keys })
    }

    /// A text.
    pub(crate) fn text(&mut self, key: &str, problems: &mut Problems) -> Option<String> {
        self.take(key, "a text", problems, text)
    }

    /// A list of texts; absent is empty.
    pub(crate) fn texts(&mut self, key: &str, problems: &mut Problems) -> Vec<String> {
        self.take(key, "a list of texts", problems, texts).unwrap_or_default()
    }

    /// A file; a relative one lies beside the configuration.
    pub(crate) fn path(&mut self, key: &str, problems: &mut Problems) -> Option<PathBuf> {
        self.text(key, problems).map(|path| self.folder.join(path))
    }

    /// Yes or no.
    pub(crate) fn flag(&mut self, key: &str, problems: &mut Problems) -> Option<bool> {
        self.take(key, "true or false", problems, |value| value.as_bool())
    }

    /// A duration such as `30s`, of one second at least.
    pub(crate) fn duration(&mut self, key: &str, problems: &mut Problems) -> Option<Duration> {
        self.take(key, "a duration of at least one second, such as \"30s\"", problems, |value| {
            let duration = humantime::parse_duration(value.as_str()?).ok()?;
            (duration >= Duration::from_secs(1)).then_some(duration)
        })
    }

    /// Texts by name; absent is empty.
    pub(crate) fn texts_by_name(
        &mut self,
        key: &str,
        problems: &mut Problems,
    ) -> Vec<(String, String)> {
        self.take(key, "a table of texts", problems, texts_by_name).unwrap_or_default()
    }

    /// Notes everything that was not taken.
    pub(crate) fn finish(self, problems: &mut Problems) {
        for key in self.keys.keys() {
            problems.add(self.name(key), "is not a known key");
        }
    }

    fn take<T>(
        &mut self,
        key: &str,
        expected: &str,
        problems: &mut Problems,
        read: impl FnOnce(Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.keys.remove(key)?;
        let read = read(value);
        if read.is_none() {
            problems.add(self.name(key), format_args!("must be {expected}"));
        }
        read
    }
}

fn text(value: Value) -> Option<String> {
    if let Value::String(text) = value { Some(text) } else { None }
}

fn texts(value: Value) -> Option<Vec<String>> {
    let Value::Array(items) = value else { return None };
    items.into_iter().map(text).collect()
}

fn table(value: Value) -> Option<toml::Table> {
    if let Value::Table(keys) = value { Some(keys) } else { None }
}

fn texts_by_name(value: Value) -> Option<Vec<(String, String)>> {
    table(value)?.into_iter().map(|(name, value)| Some((name, text(value)?))).collect()
}
