//! Finding a gateway's admin address when none is given.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use antiphon_gateway::admin::{Address, AddressError};
use antiphon_lab::{Manifest, ManifestError};

use crate::{Failure, human, meant::did_you_mean};

/// How admin sockets end.
const SOCKET_EXTENSION: &str = "sock";

/// Why no gateway could be chosen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChoiceError {
    /// There is none.
    #[error("no gateway runs here: no socket in {} (name one with --admin)", folder.display())]
    None {
        /// Where we looked.
        folder: PathBuf,
    },
    /// There are several.
    #[error("several gateways run here, choose one with --admin: {}", human::list(sockets))]
    Several {
        /// Their addresses.
        sockets: Vec<String>,
    },
    /// We may not look.
    #[error("{}: cannot be listed (name a gateway with --admin)", folder.display())]
    Unreadable {
        /// Where we looked.
        folder: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl ChoiceError {
    /// Where there is no gateway nobody answers; else it is for the caller to choose.
    pub(super) fn into_failure(self) -> Failure {
        match self {
            Self::None { .. } => Failure::unanswered(self),
            Self::Several { .. } | Self::Unreadable { .. } => Failure::usage(self),
        }
    }
}

/// Why a lab has no such gateway.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LabError {
    /// The folder is no lab.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// None of that name.
    #[error(
        "{}: no gateway {name:?}, only {}{}", file.display(), human::list(known),
        did_you_mean(name, known.iter().map(String::as_str))
    )]
    Unknown {
        /// The lab's file.
        file: PathBuf,
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The lab has no gateways at all.
    #[error("{}: the lab has no gateways", file.display())]
    Empty {
        /// The lab's file.
        file: PathBuf,
    },
    /// Its address is none.
    #[error("{}: {source}", file.display())]
    Address {
        /// The lab's file.
        file: PathBuf,
        /// What is wrong.
        source: AddressError,
    },
}

/// The address in an environment variable.
pub(super) fn of_variable(variable: &str, text: &str) -> Result<Address, Failure> {
    let wrong = |error: AddressError| anyhow::Error::from(error).context(variable.to_owned());
    text.parse().map_err(wrong).map_err(Failure::usage)
}

/// The only socket in `folder`.
pub(super) fn only_socket(folder: impl AsRef<Path>) -> Result<Address, ChoiceError> {
    let folder = folder.as_ref();
    let mut sockets = match sockets(folder) {
        Ok(sockets) => sockets,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(source) => return Err(ChoiceError::Unreadable { folder: folder.into(), source }),
    };
    match (sockets.pop(), sockets.is_empty()) {
        (None, _) => Err(ChoiceError::None { folder: folder.into() }),
        (Some(only), true) => Ok(Address::Unix(only)),
        (Some(last), false) => {
            sockets.push(last);
            let sockets = sockets.into_iter().map(|path| Address::Unix(path).to_string()).collect();
            Err(ChoiceError::Several { sockets })
        }
    }
}

fn sockets(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == SOCKET_EXTENSION) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The gateway of that name in the lab, or its first.
pub(super) fn of_lab(dir: &Path, name: Option<&str>) -> Result<Address, LabError> {
    let manifest = Manifest::read(dir)?;
    let file = Manifest::file(dir);
    let mut gateways = manifest.regions.values().flat_map(|region| &region.gateways);
    let found = match name {
        None => gateways.next(),
        Some(name) => gateways.find(|(known, _)| *known == name),
    };
    match (found, name) {
        (Some((_, gateway)), _) => {
            gateway.admin.parse().map_err(|source| LabError::Address { file, source })
        }
        (None, None) => Err(LabError::Empty { file }),
        (None, Some(name)) => {
            let known = manifest.regions.values().flat_map(|region| region.gateways.keys());
            Err(LabError::Unknown { file, name: name.to_owned(), known: known.cloned().collect() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        names.iter().for_each(|name| fs::write(folder.path().join(name), "").unwrap());
        folder
    }

    #[test]
    fn the_only_socket_is_chosen() {
        let folder = folder(&["eu-1.sock", "eu-1.lock"]);
        let chosen = only_socket(folder.path()).unwrap();
        assert_eq!(chosen, Address::Unix(folder.path().join("eu-1.sock")));
    }

    #[test]
    fn of_several_sockets_none_is_chosen_and_all_are_named() {
        let folder = folder(&["eu-2.sock", "eu-1.sock"]);
        let text = only_socket(folder.path()).unwrap_err().to_string();
        assert!(text.contains("eu-1.sock, unix:"), "{text}");
        assert!(text.ends_with("eu-2.sock"), "{text}");
    }

    #[test]
    fn without_a_socket_nobody_answers() {
        let folder = folder(&[]);
        for place in [folder.path().to_owned(), folder.path().join("missing")] {
            let failure = only_socket(place).unwrap_err().into_failure();
            assert_eq!(failure.exit, crate::Exit::Unanswered);
        }
    }

    #[test]
    fn a_folder_without_a_lab_is_named() {
        let folder = folder(&[]);
        let text = of_lab(folder.path(), None).unwrap_err().to_string();
        assert!(text.contains("lab.json"), "{text}");
    }
}
