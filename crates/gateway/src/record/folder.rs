//! The folder of recordings: names, and room.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use super::{Begin, Record};

/// Only our user: a recording holds payloads.
const MODE: u32 = 0o600;
const ENDING: &str = "jsonl";

/// Why there is no recording.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The folder is not there and cannot be made, or cannot be read.
    #[error("record.folder: {}", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file cannot be made.
    #[error("record.folder: make {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is no room for one more thread.
    #[error("record: start its thread")]
    Thread(#[source] io::Error),
}

/// Makes a new file, named after the gateway and its life; older ones make room for it.
pub(super) fn open(record: &Record, begin: &Begin) -> Result<(File, PathBuf), RecordError> {
    let folder = record.folder.as_path();
    let wrong = |source| RecordError::Folder { path: folder.to_owned(), source };
    fs::create_dir_all(folder).map_err(wrong)?;
    make_room(folder, record.bytes_max / 2).map_err(wrong)?;
    let (gateway, life) = (&begin.config.gateway, begin.config.incarnation.0);
    let path = folder.join(format!("{gateway}-{life:020}.{ENDING}"));
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(MODE).open(&path);
    match file {
        Ok(file) => Ok((file, path)),
        Err(source) => Err(RecordError::File { path, source }),
    }
}

/// Removes recordings, the oldest first, until the others take no more than this.
fn make_room(folder: &Path, bytes_max: u64) -> io::Result<()> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if path.extension().is_some_and(|ending| ending == ENDING) {
            let facts = entry.metadata()?;
            found.push((facts.modified()?, path, facts.len()));
        }
    }
    found.sort();
    let mut total: u64 = found.iter().map(|(_, _, bytes)| bytes).sum();
    for (_, path, bytes) in found {
        if total <= bytes_max {
            break;
        }
        fs::remove_file(&path)?;
        total -= bytes;
    }
    Ok(())
}
