//! Scenario files, and folders of them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use antiphon_sim::Scenario;
use anyhow::{Context, anyhow};

use crate::Failure;

/// A scenario and where it came from.
pub(super) struct File {
    /// As it was named, for messages.
    pub(super) name: String,
    pub(super) text: String,
    pub(super) scenario: Scenario,
}

/// Reads files, and every `*.toml` of folders, in order.
///
/// # Errors
/// What cannot be read or is no scenario: names file, line and key.
pub(super) fn read(paths: &[PathBuf]) -> Result<Vec<File>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        for path in scenarios(path).map_err(Failure::usage)? {
            files.push(file(&path).map_err(Failure::usage)?);
        }
    }
    Ok(files)
}

fn file(path: &Path) -> anyhow::Result<File> {
    let name = path.display().to_string();
    let text = fs::read_to_string(path).with_context(|| name.clone())?;
    let scenario = Scenario::parse(&name, &text)?;
    scenario.plan(&name, &text)?;
    if scenario.seeds.is_empty() {
        return Err(anyhow!("{name}: seeds: at least one is wanted"));
    }
    Ok(File { name, text, scenario })
}

fn scenarios(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let name = || path.display().to_string();
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(path).with_context(name)? {
        let path = entry.with_context(name)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            found.push(path);
        }
    }
    if found.is_empty() {
        return Err(anyhow!("{}: there is no scenario (*.toml) in this folder", name()));
    }
    found.sort();
    Ok(found)
}
