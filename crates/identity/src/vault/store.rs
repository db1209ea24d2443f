//! Putting what was signed where it is looked for, each file whole or not at all.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::error::VaultError;
use crate::credentials::{CredentialFiles, Credentials};

/// What was signed, all PEM.
pub(super) struct Issued {
    /// The certificate, and what leads from it to a root.
    pub(super) certificate: String,
    pub(super) key: String,
    /// The CAs above it.
    pub(super) authorities: String,
}

/// Files under other names, not in use yet; removed when dropped.
pub(super) struct Staged {
    files: CredentialFiles,
    to: CredentialFiles,
    /// Whether there was no CA file, and one is made.
    first: bool,
}

impl Staged {
    /// Writes the files beside those that they are to replace. A CA file that exists is left alone:
    /// whom we trust is the operator's to say.
    pub(super) fn write(to: &CredentialFiles, issued: &Issued) -> Result<Self, VaultError> {
        let first = !to.ca.exists();
        let mut files = to.clone();
        files.certificate = beside(&to.certificate);
        files.key =
            if to.key == to.certificate { files.certificate.clone() } else { beside(&to.key) };
        if first {
            files.ca = beside(&to.ca);
        }
        let staged = Self { files, to: to.clone(), first };
        let files = &staged.files;
        if to.key == to.certificate {
            let both = format!("{}{}", issued.certificate, issued.key);
            put(&files.certificate, &both, 0o600)?;
        } else {
            put(&files.key, &issued.key, 0o600)?;
            put(&files.certificate, &issued.certificate, 0o644)?;
        }
        if first {
            put(&files.ca, &issued.authorities, 0o644)?;
        }
        Ok(staged)
    }

    /// Reads them as whoever uses them will.
    pub(super) fn load(&self) -> Result<Credentials, VaultError> {
        Ok(self.files.load()?)
    }

    /// Puts them in use: the key first, so that a reader in between sees a pair that does not match
    /// and waits, whichever he read.
    pub(super) fn commit(&self) -> Result<(), VaultError> {
        if self.first {
            rename(&self.files.ca, &self.to.ca)?;
        }
        if self.to.key != self.to.certificate {
            rename(&self.files.key, &self.to.key)?;
        }
        rename(&self.files.certificate, &self.to.certificate)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        for (staged, used) in self.files.paths().zip(self.to.paths()) {
            if staged != used && staged.exists() && fs::remove_file(staged).is_err() {
                tracing::debug!(file = %staged.display(), "a file was left behind");
            }
        }
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

fn put(path: &Path, text: &str, mode: u32) -> Result<(), VaultError> {
    let write = || {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder)?;
        }
        if path.exists() {
            fs::remove_file(path)?;
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().map_err(|error| failed(path, &error))
}

fn rename(from: &Path, to: &Path) -> Result<(), VaultError> {
    fs::rename(from, to).map_err(|error| failed(to, &error))
}

fn failed(path: &Path, error: &std::io::Error) -> VaultError {
    VaultError::Write { path: path.to_owned(), detail: error.to_string() }
}
