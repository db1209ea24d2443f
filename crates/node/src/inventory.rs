//! What the machine is: facts and classes, read from the files that configuration management writes.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use serde_json::{Map, Value};
use tracing::{debug, warn};

use crate::security::causes;

/// Larger files of facts or classes are not read, in bytes.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// Facts and classes at one moment.
#[derive(Clone, Debug)]
pub struct Inventory {
    /// All facts, an object; empty if there are none.
    pub facts: Arc<Value>,
    /// Classes, one per line of their file.
    pub classes: Arc<Vec<String>>,
}

/// The files, read again when they change.
#[derive(Debug)]
pub struct InventoryFiles {
    facts: Vec<PathBuf>,
    classes: Option<PathBuf>,
    read: Mutex<Option<(Vec<Stamp>, Inventory)>>,
}

/// What tells one state of a file from another; `None`: it cannot be read.
pub(crate) type Stamp = Option<(SystemTime, u64)>;

impl InventoryFiles {
    /// Names the files; nothing is read yet.
    pub fn new(facts: Vec<PathBuf>, classes: Option<PathBuf>) -> Self {
        Self { facts, classes, read: Mutex::new(None) }
    }

    /// What they say. Looks at the files' times, and reads them if those changed: this may block.
    ///
    /// A file that is missing or broken counts as empty; a broken one is logged, once per change.
    pub fn load(&self) -> Inventory {
        let stamps: Vec<Stamp> = self.facts.iter().chain(&self.classes).map(|p| stamp(p)).collect();
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        match &*read {
            Some((known, inventory)) if *known == stamps => inventory.clone(),
            Some(_) | None => {
                let inventory = self.read_all();
                *read = Some((stamps, inventory.clone()));
                inventory
            }
        }
    }

    fn read_all(&self) -> Inventory {
        let mut facts = Map::new();
        for file in &self.facts {
            match read_facts(file) {
                Ok(more) => facts.extend(more),
                Err(error) => error.report(file),
            }
        }
        let mut classes = Vec::new();
        if let Some(file) = &self.classes {
            match read_classes(file) {
                Ok(names) => classes = names,
                Err(error) => error.report(file),
            }
        }
        Inventory { facts: Arc::new(Value::Object(facts)), classes: Arc::new(classes) }
    }
}

/// Why a file of facts or classes is of no use.
#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error("cannot be read")]
    Io(#[from] std::io::Error),
    #[error("is larger than {FILE_BYTES_MAX} bytes")]
    TooLarge,
    #[error("is not an object of facts: {0}")]
    Syntax(String),
}

impl ReadError {
    /// A file that is not there yet is no news: configuration management will write it.
    fn report(&self, file: &Path) {
        let file = file.display();
        match self {
            Self::Io(error) if error.kind() == ErrorKind::NotFound => debug!(%file, "no such file"),
            Self::Io(_) | Self::TooLarge | Self::Syntax(_) => {
                warn!(%file, error = causes(self), "facts or classes cannot be read");
            }
        }
    }
}

pub(crate) fn stamp(file: &Path) -> Stamp {
    let metadata = std::fs::metadata(file).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

fn read_text(file: &Path) -> Result<String, ReadError> {
    if std::fs::metadata(file)?.len() > FILE_BYTES_MAX {
        return Err(ReadError::TooLarge);
    }
    Ok(std::fs::read_to_string(file)?)
}

/// YAML if the name ends in `yaml`, else JSON, as Choria reads them.
fn read_facts(file: &Path) -> Result<Map<String, Value>, ReadError> {
    let text = read_text(file)?;
    let syntax = |error: &dyn std::fmt::Display| ReadError::Syntax(error.to_string());
    if file.to_string_lossy().ends_with("yaml") {
        return serde_yaml_ng::from_str(&text).map_err(|error| syntax(&error));
    }
    serde_json::from_str(&text).map_err(|error| syntax(&error))
}

fn read_classes(file: &Path) -> Result<Vec<String>, ReadError> {
    let text = read_text(file)?;
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn later_files_win_and_changes_are_seen() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("a.json"), folder.path().join("b.yaml"));
        std::fs::write(&first, r#"{"a": 1, "b": 1}"#).unwrap();
        std::fs::write(&second, "b: 2\nos:\n  family: Debian\n").unwrap();
        let classes = folder.path().join("classes.txt");
        let files = InventoryFiles::new(vec![first, second], Some(classes.clone()));
        let facts = json!({"a": 1, "b": 2, "os": {"family": "Debian"}});
        assert_eq!(*files.load().facts, facts);
        assert!(files.load().classes.is_empty(), "a missing file is empty");
        std::fs::write(&classes, "one\n\n two \n").unwrap();
        assert_eq!(*files.load().classes, ["one", "two"]);
    }

    #[test]
    fn what_is_no_object_has_no_facts() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("facts.json");
        std::fs::write(&file, "[1]").unwrap();
        assert_eq!(*InventoryFiles::new(vec![file], None).load().facts, json!({}));
    }
}
