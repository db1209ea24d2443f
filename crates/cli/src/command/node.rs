//! `antiphon node run`.

use std::{path::PathBuf, process::ExitCode};

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
    },
}

/// Does it. Everything that goes wrong is in the log.
///
/// # Errors
/// The process has no room for threads.
pub fn run(Command::Run { config }: Command) -> Result<ExitCode, Failure> {
    log_to_stderr();
    Ok(runtime()?.block_on(run_nodes(config, Options::default())))
}
