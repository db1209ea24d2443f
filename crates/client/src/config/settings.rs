//! `key = value` files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::ConfigError;
use crate::environment::Environment;

/// The settings of one file and what lies beside it. What is wrong is collected, so that all of it can be told at once.
pub(super) struct Settings<'e> {
    values: BTreeMap<String, String>,
    environment: &'e Environment,
    /// What is wrong so far, each naming its key.
    pub(super) problems: Vec<String>,
}

impl<'e> Settings<'e> {
    /// No settings yet.
    pub(super) fn new(environment: &'e Environment) -> Self {
        Self { values: BTreeMap::new(), environment, problems: Vec::new() }
    }

    /// Adds the settings of a file, each with `prefix` before its key; they win over earlier ones.
    pub(super) fn read(&mut self, path: &Path, prefix: &str) -> Result<(), ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let Some((key, value)) = line.split_once('=') else {
                let detail = format!("line {} is not key = value", index + 1);
                return Err(ConfigError::Malformed { path: path.to_owned(), detail });
            };
            self.values.insert(format!("{prefix}{}", key.trim()), value.trim().to_owned());
        }
        Ok(())
    }

    /// A value that is set and not empty.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A list of values between commas.
    pub(super) fn list(&self, key: &str) -> Vec<String> {
        self.text(key).map(split).unwrap_or_default()
    }

    /// A file or folder.
    pub(super) fn path(&self, key: &str) -> Option<PathBuf> {
        self.text(key).map(|path| self.environment.expand(path))
    }

    /// A file that must be named. What is missing is a problem, and an empty path stands for it.
    pub(super) fn required_path(&mut self, key: &str) -> PathBuf {
        self.path(key).unwrap_or_else(|| {
            self.problems.push(format!("{key} is not set"));
            PathBuf::new()
        })
    }

    /// A truth value, in any of Choria's words for it.
    pub(super) fn boolean(&mut self, key: &str, default: bool) -> bool {
        let Some(text) = self.text(key) else { return default };
        match text.to_lowercase().as_str() {
            "1" | "yes" | "true" | "y" | "t" => true,
            "0" | "no" | "false" | "n" | "f" => false,
            _ => {
                let problem = format!("{key} is neither true nor false but {text:?}");
                self.problems.push(problem);
                default
            }
        }
    }

    /// A duration in whole seconds, or with a unit (`2s`, `500ms`).
    pub(super) fn duration(&mut self, key: &str, default: Duration) -> Duration {
        let Some(text) = self.text(key) else { return default };
        let seconds = text.parse().map(Duration::from_secs).ok();
        match seconds.or_else(|| humantime::parse_duration(text).ok()) {
            Some(duration) => duration,
            None => {
                let problem = format!("{key} is no duration but {text:?}");
                self.problems.push(problem);
                default
            }
        }
    }
}

/// The values between commas, trimmed, without empty ones.
pub(super) fn split(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}
