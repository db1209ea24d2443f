//! `antiphon node run`.

use std::{num::NonZeroUsize, path::PathBuf, process::ExitCode};

use antiphon_node::cli::{Options, run as run_nodes};

use super::{log_to_stderr, runtime};
use crate::Failure;

/// What to do with nodes.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Run Choria nodes until SIGTERM or SIGINT, one for each configuration
    Run {
        /// Configurations: our TOML, or Choria's server.conf
        #[arg(long, short, required = true, num_args = 1.., value_name = "FILE")]
        config: Vec<PathBuf>,
        /// Be this many nodes, named after the one that is configured
        #[arg(long, value_name = "N")]
        emulate: Option<NonZeroUsize>,
        /// Connections that those share [default: one for every 50]
        #[arg(long, value_name = "N", requires = "emulate")]
        connections: Option<NonZeroUsize>,
    },
}

/// Does it. Everything that goes wrong is in the log.
///
/// # Errors
/// The process has no room for threads.
pub fn run(command: Command) -> Result<ExitCode, Failure> {
    let Command::Run { config, emulate, connections } = command;
    log_to_stderr();
    let options = Options { emulate, connections };
    Ok(runtime()?.block_on(Box::pin(run_nodes(config, options))))
}
