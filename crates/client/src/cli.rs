//! The commands of Choria's users, ready to be mounted in a command line: `ping`, `find`, `req` and `facts`.
//!
//! Each `…Args` parses its options with clap and has one `run`, which connects, does the work and tells how it went.

mod error;
mod facts;
mod find;
mod options;
mod ping;
mod progress;
mod req;

use std::process::ExitCode;

pub use error::{CommandError, Verdict};
pub use facts::FactsArgs;
pub use find::FindArgs;
pub use options::{ConnectArgs, DiscoveryArgs, FilterArgs, FormatArgs};
pub use ping::PingArgs;
pub use req::{BatchArgs, DisplayArg, ReqArgs};

use crate::client::Client;
use crate::connect::connect;
use crate::console::Console;
use crate::environment::Environment;
use crate::one_line;

/// Connects, does the work with the client, disconnects, and tells how it went.
async fn with_client(
    options: &ConnectArgs,
    console: &mut Console,
    environment: &Environment,
    work: impl AsyncFnOnce(&mut Client, &mut Console) -> Result<Verdict, CommandError>,
) -> ExitCode {
    let result = match client(options, console, environment).await {
        Ok(mut client) => {
            let result = work(&mut client, console).await;
            client.close().await;
            result
        }
        Err(error) => Err(error),
    };
    conclude(result, console)
}

/// Connects as the options say.
async fn client(
    options: &ConnectArgs,
    console: &Console,
    environment: &Environment,
) -> Result<Client, CommandError> {
    let config = options.config(environment)?;
    tokio::select! {
        client = connect(config, console.stop.clone()) => Ok(client?),
        () = console.stop.cancelled() => Err(CommandError::Interrupted),
    }
}

/// Tells what went wrong, if anything, and with which code to exit.
fn conclude(result: Result<Verdict, CommandError>, console: &mut Console) -> ExitCode {
    let verdict = result.unwrap_or_else(|error| {
        if !error.is_broken_pipe() {
            console.say(&format!("error: {}", one_line(&error)));
        }
        error.verdict()
    });
    ExitCode::from(verdict.code())
}
