//! `antiphon replay FILE`.

use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
};

use antiphon_core::DropReason;
use antiphon_gateway::record::{Replay, ReplayError};
use anyhow::{Context, anyhow};

use super::read::Output;
use crate::{
    Exit, Failure,
    replay::{Pick, Replayed},
    screen::{Screen, message, show_json},
};

/// Its arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// A recording: `[record]` in gateway.toml makes them
    file: PathBuf,
    /// Show only what has to do with this request
    #[arg(long, value_name = "ID")]
    request: Option<String>,
    /// Show only what was dropped for this reason
    #[arg(long, value_name = "REASON", value_parser = reason)]
    reason: Option<DropReason>,
    /// Show pings, ticks and acknowledgements too
    #[arg(long)]
    all: bool,
    /// For people or for programs
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

fn reason(label: &str) -> Result<DropReason, String> {
    DropReason::from_label(label).ok_or_else(|| format!("there is no reason {label:?}"))
}

/// Feeds a recording to the machine of this release, shows what it decides, and says where that
/// differs from what was recorded: exit code 2.
///
/// # Errors
/// The file is no recording.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    let pick = Pick { request: args.request.clone(), reason: args.reason, all: args.all };
    let replayed = replay(&args.file, &pick).map_err(Failure::usage)?;
    match args.output {
        Output::Table => Screen::detect().show_tables(&replayed.tables())?,
        Output::Json => show_json(&replayed.document())?,
    }
    if let Some(first) = replayed.differences.first() {
        message(format_args!(
            "{} of {} turns differ from the recording, first {}",
            replayed.differences.len(),
            replayed.turns,
            first.number
        ));
        return Ok(Exit::Problem);
    }
    Ok(Exit::Good)
}

fn replay(path: &Path, pick: &Pick) -> anyhow::Result<Replayed> {
    let name = path.display().to_string();
    let file = File::open(path).with_context(|| name.clone())?;
    let told = |error: ReplayError| anyhow!(error).context(name.clone());
    let mut replay = Replay::new(BufReader::new(file)).map_err(told)?;
    let mut replayed = Replayed::new(&name, replay.begin());
    while let Some(step) = replay.step().map_err(told)? {
        replayed.add(&step, pick);
    }
    replayed.end = replay.end();
    Ok(replayed)
}
