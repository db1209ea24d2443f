//! `antiphon man DIR`.

use std::path::PathBuf;

use anyhow::Context;
use clap::CommandFactory;

use crate::{Exit, Failure, args::Cli, screen::message};

/// Its arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Where to write: one file a command, for man1
    dir: PathBuf,
}

/// Writes a manual page for every command.
///
/// # Errors
/// The folder cannot be written.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    let folder = args.dir.display();
    let write = || {
        std::fs::create_dir_all(&args.dir)?;
        clap_mangen::generate_to(Cli::command(), &args.dir)
    };
    write().with_context(|| format!("write {folder}")).map_err(Failure::usage)?;
    message(format_args!("{folder}: read them with man -M, or as man {folder}/antiphon.1"));
    Ok(Exit::Good)
}
