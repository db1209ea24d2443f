//! What can be wrong with a configuration.

use std::path::PathBuf;

use antiphon_wire::IdError;

/// Why there is no usable configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// No file was named, and none is in the usual places.
    #[error(
        "no configuration: none of {searched} exists; name one with --config, or a lab with --lab"
    )]
    NotFound {
        /// The places.
        searched: String,
    },
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not of its format.
    #[error("{} is malformed: {detail}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where and why, on one line.
        detail: String,
    },
    /// Settings are missing or wrong.
    #[error("{}: {}", path.display(), problems.join("; "))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Every problem, each naming its key.
        problems: Vec<String>,
    },
    /// A federation cluster cannot have this name.
    #[error("{name}: {error}")]
    Federation {
        /// The file, flag or variable that names it.
        name: String,
        /// What is wrong with it.
        error: IdError,
    },
    /// A collective that we are not in.
    #[error("collective {collective:?} is not one of {known} ({})", path.display())]
    UnknownCollective {
        /// What was asked for.
        collective: String,
        /// Ours.
        known: String,
        /// The configuration.
        path: PathBuf,
    },
}
