//! `antiphon completions SHELL`.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::{Exit, Failure, args::Cli, screen};

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// For which shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the script that teaches a shell our commands.
///
/// # Errors
/// Standard output is gone.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "antiphon", &mut script);
    screen::print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Good)
}
