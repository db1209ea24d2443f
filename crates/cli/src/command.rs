//! What each command does.

pub mod archive;
mod caller;
pub mod check;
pub mod client;
pub mod completions;
pub mod config;
pub mod drain;
pub mod explain;
pub mod gateway;
pub mod halt;
pub mod identity;
pub mod lab;
pub mod link;
pub mod log_level;
pub mod man;
pub mod node;
pub mod policy;
pub mod read;
pub mod replay;
pub mod requests;
pub mod sim;
pub mod top;
pub mod topology;
pub mod trace;
pub mod undrain;

use std::{io, process::ExitCode};

use tokio::runtime::{Builder, Runtime};
use tracing_subscriber::EnvFilter;

use self::client::Ask;
use crate::{Failure, args::Command, noun::Noun};

/// Chooses what is logged.
const LOG_FILTER_VARIABLE: &str = "ANTIPHON_LOG";

/// Runs a command to its end.
///
/// # Errors
/// One line for people, and the exit code.
pub fn run(command: Command) -> Result<ExitCode, Failure> {
    let read = |noun, args| read::run(&noun, &args).map(Into::into);
    match command {
        Command::Gateway(command) => Ok(gateway::run(command)),
        Command::Config(command) => config::run(command).map(Into::into),
        Command::Identity(command) => identity::run(command).map(Into::into),
        Command::Node(command) => node::run(command),
        Command::Lab(command) => lab::run(command).map(Into::into),
        Command::Status { args, strict } => read(Noun::Status { strict }, args),
        Command::Regions(args) => read(Noun::Regions, args),
        Command::Gateways(args) => read(Noun::Gateways, args),
        Command::Links(args) => read(Noun::Links, args),
        Command::Routes { args, region, all } => read(Noun::Routes { to: region, all }, args),
        Command::Collectives(args) => read(Noun::Collectives, args),
        Command::Drops { args, examples } => read(Noun::Drops { examples }, args),
        Command::Check(args) => check::run(&args).map(Into::into),
        Command::Archive(args) => archive::run(&args).map(Into::into),
        Command::Explain(args) => explain::run(&args).map(Into::into),
        Command::Trace(args) => trace::run(&args).map(Into::into),
        Command::Requests(args) => requests::run(&args).map(Into::into),
        Command::Drain(args) => drain::run(&args).map(Into::into),
        Command::Policy(command) => policy::run(command).map(Into::into),
        Command::Ping(args) => client::run(Ask::Ping(args)),
        Command::Find(args) => client::run(Ask::Find(args)),
        Command::Req(args) => client::run(Ask::Req(args)),
        Command::Facts(args) => client::run(Ask::Facts(args)),
        Command::Sim(command) => sim::run(command).map(Into::into),
        Command::Undrain(args) => undrain::run(&args).map(Into::into),
        Command::Halt(args) => halt::halt(&args).map(Into::into),
        Command::Resume(args) => halt::resume(&args).map(Into::into),
        Command::Link(command) => link::run(command).map(Into::into),
        Command::LogLevel(args) => log_level::run(&args).map(Into::into),
        Command::Topology(args) => topology::run(&args).map(Into::into),
        Command::Top(args) => top::run(&args).map(Into::into),
        Command::Man(args) => man::run(&args).map(Into::into),
        Command::Replay(args) => replay::run(&args).map(Into::into),
        Command::Completions(args) => completions::run(&args).map(Into::into),
    }
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread().enable_all().build()
}

/// Logs of a long-running command, unless `ANTIPHON_LOG` says otherwise from INFO on.
fn log_to_stderr() {
    let filter = EnvFilter::try_from_env(LOG_FILTER_VARIABLE)
        .unwrap_or_else(|_| EnvFilter::new(antiphon_gateway::config::LOG_FILTER_DEFAULT));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(false)
        .init();
}
