//! The `antiphon` command: it runs gateways, nodes and labs, and asks for operators and Choria's
//! users.
//!
//! Data goes to standard output, messages to standard error; [`Exit`] lists the exit codes.
//!
//! - [`args`]: the command line; [`command`]: what each command does.
//! - [`noun`]: what operators read, each from one gateway's report: a table and a JSON document.
//! - [`simulation`]: what came of simulations, in the same way.
//! - [`check`]: what the doctor looks at.
//! - [`drawing`]: the topology, as text and pictures.
//! - [`replay`]: what a replay of a recording showed.
//! - [`table`], [`render`], [`screen`], [`human`]: how it is shown.
//! - [`admin`]: which gateway is asked, and how; [`source`]: or which file is read; [`archive`]: that
//!   file; [`view`]: what is shown of it; [`pick`]: which rows, in which order.

pub mod admin;
pub mod archive;
pub mod args;
pub mod check;
pub mod command;
pub mod drawing;
mod exit;
pub mod human;
pub mod identity;
mod meant;
pub mod noun;
pub mod pick;
pub mod render;
pub mod replay;
pub mod screen;
pub mod simulation;
pub mod source;
pub mod table;
pub mod top;
pub mod view;

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
