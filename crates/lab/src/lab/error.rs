//! Why a lab did not come up.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::nats::NatsError;
use crate::pki::PkiError;
use crate::ports::NoPort;
use crate::process::ProcessError;

/// Why a lab did not come up. What had been started was ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpError {
    /// Too few or too many of something.
    #[error("{what}: {value} is not in {least} to {most}")]
    Number {
        /// Of what.
        what: &'static str,
        /// How many were asked for.
        value: usize,
        /// The fewest.
        least: usize,
        /// The most.
        most: usize,
    },
    /// A lab runs in the folder.
    #[error(
        "a lab runs in {} already ({processes} processes); end it: antiphon lab down --dir {}",
        dir.display(), dir.display()
    )]
    Running {
        /// The folder.
        dir: PathBuf,
        /// How many processes belong to it.
        processes: usize,
    },
    /// A file or folder cannot be written.
    #[error("{}: cannot be written", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Processes cannot be listed.
    #[error("the processes of {} cannot be listed", dir.display())]
    List {
        /// The lab's folder.
        dir: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A certificate or token could not be made.
    #[error(transparent)]
    Pki(#[from] PkiError),
    /// A broker did not come up.
    #[error(transparent)]
    Nats(#[from] NatsError),
    /// There are no ports.
    #[error(transparent)]
    Port(#[from] NoPort),
    /// A relay could not listen.
    #[error("a relay cannot listen")]
    Relay(#[source] io::Error),
    /// A gateway or a group of nodes did not come up.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// Everything runs, but the fabric did not become whole.
    #[error("the fabric is not whole after {limit:?}: {missing}")]
    NotWhole {
        /// How long it had.
        limit: Duration,
        /// What is missing.
        missing: String,
    },
}

impl UpError {
    pub(super) fn write(path: &Path, source: io::Error) -> Self {
        Self::Write { path: path.to_owned(), source }
    }
}
