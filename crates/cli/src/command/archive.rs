//! `antiphon archive FILE`.

use std::{path::PathBuf, time::Duration};

use anyhow::Context;

use super::runtime;
use crate::{Exit, Failure, admin::AdminArgs, human, screen::message, source::everybody};

/// Its arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Where to write
    file: PathBuf,
    /// How long another gateway may take to answer
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = humantime::parse_duration)]
    timeout: Duration,
    #[command(flatten)]
    admin: AdminArgs,
}

/// Asks every gateway and writes what they say into one file.
///
/// # Errors
/// The first gateway does not answer, or the file cannot be written.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    let asking = async { everybody(&args.admin.connect().await?, args.timeout).await };
    let archive = runtime()?.block_on(asking)?;
    let file = args.file.display();
    let written = archive.write(&args.file).with_context(|| format!("write {file}"));
    let size = written.map_err(Failure::usage)?;
    let gateways = human::count(archive.reports.len() as u64, "gateway");
    message(format_args!("{file}: {gateways}, {}", human::bytes(size)));
    for silent in &archive.silent {
        message(format_args!("{} of {}: {}", silent.gateway, silent.region, silent.reason));
    }
    Ok(if archive.silent.is_empty() { Exit::Good } else { Exit::Problem })
}
