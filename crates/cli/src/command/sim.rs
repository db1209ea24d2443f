//! `antiphon sim`: a virtual fabric, for whoever wants to know what would happen.

pub mod export;
mod files;
mod pool;
mod progress;
mod range;
pub mod run;
pub mod swarm;

use std::num::NonZeroUsize;

use crate::{Exit, Failure};

/// What to do with a virtual fabric.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Run scenarios, and say what came of them
    Run(run::Args),
    /// Run a random world for each seed, and hold it to every invariant
    Swarm(swarm::Args),
    /// Print the topology of a running fabric as a scenario
    Export(export::Args),
}

/// Does it.
///
/// # Errors
/// A file that is no scenario, or a report that cannot be written.
pub fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Run(args) => run::run(&args),
        Command::Swarm(args) => swarm::run(&args),
        Command::Export(args) => export::run(&args),
    }
}

/// How many worlds run at once.
#[derive(Clone, Debug, clap::Args)]
pub struct Jobs {
    /// How many worlds run at once [default: one for each processor]
    #[arg(long, short, value_name = "N")]
    jobs: Option<NonZeroUsize>,
}

impl Jobs {
    fn count(&self) -> usize {
        let processors = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        self.jobs.map_or_else(processors, NonZeroUsize::get)
    }
}
