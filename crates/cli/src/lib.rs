//! The `antiphon` command: it runs gateways, nodes and labs, and asks for operators and Choria's
//! users.
//!
//! Data goes to standard output, messages to standard error; [`Exit`] lists the exit codes.
//!
//! - [`args`]: the command line; [`command`]: what each command does.
//! - [`noun`]: what operators read, each from one gateway's report: a table and a JSON document.
//! - [`simulation`]: what came of simulations, in the same way.
//! - [`check`]: what the doctor looks at.
//! - [`table`], [`render`], [`screen`], [`human`]: how it is shown.
//! - [`admin`]: which gateway is asked, and how.

pub mod admin;
pub mod args;
pub mod check;
pub mod command;
mod exit;
pub mod human;
mod meant;
pub mod noun;
pub mod render;
pub mod screen;
pub mod simulation;
pub mod table;

use std::{ffi::OsString, process::ExitCode};

use clap::Parser;

pub use exit::{Exit, Failure};

/// Runs the command line and returns how it ended.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match args::Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => return explain_usage(&error).into(),
    };
    command::run(cli.command).unwrap_or_else(|Failure { exit, error }| {
        screen::message(format_args!("antiphon: {error:#}"));
        exit.into()
    })
}

/// Prints help where it was asked for, or what is wrong with the command line.
fn explain_usage(error: &clap::Error) -> Exit {
    let wrong = error.use_stderr();
    if error.print().is_err() || wrong { Exit::Usage } else { Exit::Good }
}
