//! `antiphon sim export`.

use crate::{
    Exit, Failure,
    command::{read::tell_silent, runtime},
    screen::print,
    simulation::export,
    source::{Extra, SourceArgs},
};

/// Its arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    source: SourceArgs,
}

/// Prints the topology of a running fabric as a scenario that runs as it is.
///
/// # Errors
/// Nobody answers, or the file cannot be read.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    let view = runtime()?.block_on(args.source.view(Extra::None))?;
    print(&export::export(&view.reports))?;
    Ok(if tell_silent(&view) { Exit::Problem } else { Exit::Good })
}
