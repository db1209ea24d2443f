//! `antiphon gateway run`.

use std::{path::PathBuf, process::ExitCode};

/// What to do with a gateway.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Run a gateway until SIGTERM or SIGINT, then drain it
    Run {
        /// Its configuration
        #[arg(long, short, value_name = "FILE")]
        config: PathBuf,
    },
}

/// Does it. Everything that goes wrong is in the gateway's log.
#[must_use]
pub fn run(Command::Run { config }: Command) -> ExitCode {
    antiphon_gateway::run(&config)
}
