//! `antiphon policy`: what is in force, and something else instead.

use std::{fs, path::PathBuf};

use antiphon_gateway::{
    config,
    policies::{PolicyOutcome, Purpose},
};
use clap::Subcommand;

use super::{
    read::{self, Output, ReadArgs},
    runtime,
};
use crate::{
    Exit, Failure,
    admin::AdminArgs,
    noun::{Noun, policy},
    screen::{Screen, message, show_json},
};

/// What to do with policies.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Show the policy in force, and how many messages each rule decided about
    Show(ReadArgs),
    /// Put a policy in force, without a restart and without harm to what is under way
    Apply(ApplyArgs),
    /// Report every problem of a policy file; asks no gateway
    Check {
        /// The file
        file: PathBuf,
    },
}

/// How to put a policy in force.
#[derive(Clone, Debug, clap::Args)]
pub struct ApplyArgs {
    /// Holds until the gateway is told otherwise or restarted [default: the configured file, read
    /// again]
    file: Option<PathBuf>,
    /// Only say what would change for the requests of the last minutes
    #[arg(long)]
    dry_run: bool,
    /// For people or for programs
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
    #[command(flatten)]
    admin: AdminArgs,
}

/// Does it.
///
/// # Errors
/// Nobody answers, or the file is not there.
pub fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Show(args) => read::run(&Noun::Policy, &args),
        Command::Apply(args) => apply(&args),
        Command::Check { file } => Ok(check(&file)),
    }
}

fn check(file: &std::path::Path) -> Exit {
    match config::policy(file) {
        Ok(_) => {
            message(format_args!("{}: is good", file.display()));
            Exit::Good
        }
        Err(problems) => {
            message(format_args!("{problems}"));
            Exit::Usage
        }
    }
}

fn apply(args: &ApplyArgs) -> Result<Exit, Failure> {
    let text = match &args.file {
        None => None,
        Some(file) => {
            let name = file.display().to_string();
            let unreadable = |error| anyhow::Error::from(error).context(name.clone());
            let text = fs::read_to_string(file).map_err(unreadable).map_err(Failure::usage)?;
            Some((name, text))
        }
    };
    let purpose = if args.dry_run { Purpose::Try } else { Purpose::Apply };
    let asked = async { args.admin.connect().await?.apply_policy(text, purpose).await };
    let outcome: PolicyOutcome = runtime()?.block_on(asked)?;
    match args.output {
        Output::Json => show_json(&policy::outcome_json(&outcome))?,
        Output::Table if outcome.problems.is_empty() => {
            Screen::detect().show_tables(&[policy::changes(&outcome.trial)])?;
        }
        Output::Table => {}
    }
    Ok(conclude(&outcome))
}

fn conclude(outcome: &PolicyOutcome) -> Exit {
    for problem in &outcome.problems {
        message(format_args!("{problem}"));
    }
    if !outcome.problems.is_empty() {
        message(format_args!("the policy that was in force stays in force"));
        return Exit::Usage;
    }
    let state = if outcome.applied { "is in force" } else { "would hold; nothing has changed" };
    message(format_args!("{}: {state}", outcome.source));
    Exit::Good
}
