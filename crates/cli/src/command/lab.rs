//! `antiphon lab up | down | status`.

mod whole;

use std::sync::Arc;

use antiphon_lab::{
    UpError,
    cli::{self, DirOptions, StatusRow, UpCommandError, UpOptions},
    progress::Terminal,
};
use serde_json::json;

use super::{read::Output, runtime};
use crate::{
    Exit, Failure, human,
    screen::{Screen, print, show_json},
    table::{Cell, Column, Table, Tone},
};

/// What to do with a lab.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Start a fabric in the background: brokers, gateways, nodes, certificates
    Up(UpOptions),
    /// Show a fabric at work and in trouble, then clean up; under a minute
    Demo,
    /// End it
    Down(DirOptions),
    /// Show what of it runs
    Status {
        #[command(flatten)]
        lab: DirOptions,
        /// For people or for programs
        #[arg(short, long, value_enum, default_value_t)]
        output: Output,
    },
}

/// Does it.
///
/// # Errors
/// The lab does not come up or go down, or there is none.
pub fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Up(options) => up(&options),
        Command::Demo => demo(),
        Command::Down(lab) => down(&lab),
        Command::Status { lab, output } => status(&lab, output),
    }
}

fn up(options: &UpOptions) -> Result<Exit, Failure> {
    let progress = Arc::new(Terminal::new());
    let starting = Box::pin(cli::up(options, Some(whole::whole()), progress));
    let lab = runtime()?.block_on(starting).map_err(up_failure)?;
    print(&format!("{lab}\n"))?;
    Ok(Exit::Good)
}

fn demo() -> Result<Exit, Failure> {
    let program = std::env::current_exe().map_err(Failure::problem)?;
    let shown = Box::pin(antiphon_lab::demo::run(&program, whole::whole()));
    runtime()?.block_on(shown).map_err(Failure::problem)?;
    Ok(Exit::Good)
}

/// A number out of bounds and a lab that runs already are for the caller to mend.
fn up_failure(error: UpCommandError) -> Failure {
    use UpCommandError::Up;
    match matches!(error, Up(UpError::Number { .. } | UpError::Running { .. })) {
        true => Failure::usage(error),
        false => Failure::problem(error),
    }
}

fn down(lab: &DirOptions) -> Result<Exit, Failure> {
    let ended = runtime()?.block_on(cli::down(&lab.dir)).map_err(Failure::problem)?;
    print(&format!("{ended}\n"))?;
    Ok(Exit::Good)
}

fn status(lab: &DirOptions, output: Output) -> Result<Exit, Failure> {
    let status = cli::status(&lab.dir).map_err(Failure::usage)?;
    match output {
        Output::Table => Screen::detect().show_tables(&[rows(&status.rows)])?,
        Output::Json => show_json(&json!(status))?,
    }
    Ok(if status.is_whole() { Exit::Good } else { Exit::Problem })
}

fn rows(parts: &[StatusRow]) -> Table {
    let columns = vec![
        Column::words("REGION"),
        Column::words("KIND"),
        Column::words("NAME"),
        Column::words("PROCESSES"),
    ];
    let mut table = Table::new(columns).or_say("the lab is empty");
    let row = |part: &StatusRow| {
        let processes = match part.pids.as_slice() {
            [] => Cell::from("down").tone(Tone::Problem),
            pids => human::list(pids).into(),
        };
        vec![part.region.as_str().into(), part.kind.into(), part.name.as_str().into(), processes]
    };
    table.rows = parts.iter().map(row).collect();
    table
}
