//! The commands of Choria's users: `ping`, `find`, `req`, `facts`.

use std::process::ExitCode;

use antiphon_client::{
    Console, Environment,
    cli::{FactsArgs, FindArgs, PingArgs, ReqArgs},
};

use super::runtime;
use crate::Failure;

/// What a user of Choria asks.
#[derive(Debug)]
pub enum Ask {
    /// Who is there.
    Ping(PingArgs),
    /// Who matches.
    Find(FindArgs),
    /// Do this.
    Req(ReqArgs),
    /// What is your fact.
    Facts(FactsArgs),
}

/// Asks. The client library reports what goes wrong in its own words, as Choria's users know them.
///
/// # Errors
/// The process has no room for threads.
pub fn run(ask: Ask) -> Result<ExitCode, Failure> {
    let environment = Environment::of_process();
    let asked = async {
        let mut console = Console::of_process();
        match ask {
            Ask::Ping(args) => Box::pin(args.run(&mut console, &environment)).await,
            Ask::Find(args) => Box::pin(args.run(&mut console, &environment)).await,
            Ask::Req(args) => Box::pin(args.run(&mut console, &environment)).await,
            Ask::Facts(args) => Box::pin(args.run(&mut console, &environment)).await,
        }
    };
    Ok(runtime()?.block_on(asked))
}
