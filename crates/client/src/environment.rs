//! What a command takes from the process around it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Environment variables, the working folder and whether the user is root: read once, so that tests choose them.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    /// The working folder.
    pub folder: PathBuf,
    /// Whether the effective user is root.
    pub root: bool,
}

impl Environment {
    /// An environment of the caller's choice.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>, folder: PathBuf) -> Self {
        Self { variables: variables.into_iter().collect(), folder, root: false }
    }

    /// This process's own; variables that are not UTF-8 are left out.
    pub fn of_process() -> Self {
        let variables = std::env::vars_os()
            .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)));
        let folder = std::env::current_dir().unwrap_or_default();
        Self { root: rustix::process::geteuid().is_root(), ..Self::new(variables, folder) }
    }

    /// A variable that is set and not empty.
    pub fn get(&self, variable: &str) -> Option<&str> {
        self.variables.get(variable).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Whether a variable says `true` or `1`.
    pub fn is_on(&self, variable: &str) -> bool {
        self.get(variable).is_some_and(|value| matches!(value, "true" | "1"))
    }

    /// `path` with a leading `~/` replaced by the home folder.
    pub fn expand(&self, path: &str) -> PathBuf {
        match (path.strip_prefix("~/"), self.get("HOME")) {
            (Some(rest), Some(home)) => Path::new(home).join(rest),
            _ => PathBuf::from(path),
        }
    }
}
