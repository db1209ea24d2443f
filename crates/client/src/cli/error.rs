//! How commands end.

use std::io;

use crate::client::ExchangeError;
use crate::config::ConfigError;
use crate::connect::ConnectError;
use crate::ddl::{DdlError, InputError};
use crate::discovery::DiscoveryError;
use crate::filter::FactFilterError;
use crate::limit::LimitError;
use crate::results::Stats;
use crate::rpc::CallError;

/// How a command that ran to its end went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All is well.
    Good,
    /// Some nodes failed or did not answer, or the request could not be delivered.
    Partial,
    /// Nobody answered.
    Nobody,
    /// Wrong usage, or a bad file.
    Usage,
}

impl Verdict {
    /// The code to exit with.
    pub fn code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Partial => 2,
            Self::Nobody => 3,
            Self::Usage => 64,
        }
    }

    /// How an RPC request went.
    pub fn of(stats: &Stats) -> Self {
        if stats.responses() == 0 {
            Self::Nobody
        } else if stats.failed > 0 || !stats.no_responses.is_empty() {
            Self::Partial
        } else {
            Self::Good
        }
    }
}

/// Why a command could not do its work. The message is for people, on one line, and names the file, key or option.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Keys, or the broker.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The agent or action.
    #[error(transparent)]
    Ddl(#[from] DdlError),
    /// The action's inputs.
    #[error(transparent)]
    Input(#[from] InputError),
    /// `-F`.
    #[error(transparent)]
    Filter(#[from] FactFilterError),
    /// `--limit`.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// Finding nodes.
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    /// Asking nodes.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// Running an action.
    #[error(transparent)]
    Call(#[from] CallError),
    /// A discovery method that we do not have.
    #[error(
        "discovery method {method:?} is not supported; broadcast (mc), flatfile (file) and stdin are"
    )]
    Method {
        /// What was asked for.
        method: String,
    },
    /// An option that another one needs.
    #[error("{needing} needs {missing}")]
    Needs {
        /// The option that is there.
        needing: &'static str,
        /// The one that is not.
        missing: &'static str,
    },
    /// An expression and a list of nodes.
    #[error("-S needs broadcast discovery and does not go with a list of nodes")]
    CompoundList,
    /// A list of nodes.
    #[error("cannot read {name}")]
    Read {
        /// The file, or standard input.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// No node to ask.
    #[error("did not discover any nodes")]
    NoNodes,
    /// Nobody answered.
    #[error("no responses received")]
    NoResponses,
    /// The user gave up before anything happened.
    #[error("interrupted")]
    Interrupted,
    /// Standard output.
    #[error("cannot write the results")]
    Output(#[from] io::Error),
}

impl CommandError {
    /// What it means for the exit code.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Config(_)
            | Self::Ddl(_)
            | Self::Input(_)
            | Self::Filter(_)
            | Self::Limit(_)
            | Self::Method { .. }
            | Self::Needs { .. }
            | Self::CompoundList
            | Self::Read { .. }
            | Self::Connect(
                ConnectError::Signer(_)
                | ConnectError::Tls(_)
                | ConnectError::Server(_)
                | ConnectError::Settings(_),
            )
            | Self::Discovery(DiscoveryError::List(_) | DiscoveryError::Identity(_)) => {
                Verdict::Usage
            }
            Self::NoNodes | Self::NoResponses => Verdict::Nobody,
            Self::Connect(_)
            | Self::Discovery(_)
            | Self::Exchange(_)
            | Self::Call(_)
            | Self::Interrupted
            | Self::Output(_) => Verdict::Partial,
        }
    }

    /// Whether whoever read our results has gone: no reason for words.
    pub(super) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}
