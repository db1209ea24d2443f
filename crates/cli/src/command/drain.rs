//! `antiphon drain`.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::runtime;
use crate::{
    Exit, Failure,
    admin::{AdminArgs, Asked},
    human, screen,
};

/// How often a draining gateway is asked whether it has gone.
const POLL: Duration = Duration::from_millis(200);
/// What ending the process may take after the drain.
const MARGIN: Duration = Duration::from_secs(10);

/// Its arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The longest time to take, as 10s or 2m [default: as the gateway is configured]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    grace: Option<Duration>,
    /// Wait until the gateway has gone
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    admin: AdminArgs,
}

/// Tells the gateway to leave the fabric without losing anything, and then to end.
///
/// # Errors
/// Nobody answers.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    runtime()?.block_on(drain(args))
}

async fn drain(args: &Args) -> Result<Exit, Failure> {
    let mut asked = args.admin.connect().await?;
    let grace = asked.drain(args.grace).await?;
    let address = asked.address().clone();
    screen::message(format_args!("{address}: drains, for {} at most", human::span(grace)));
    if !args.wait {
        return Ok(Exit::Good);
    }
    if has_gone(asked, grace + MARGIN).await {
        screen::message(format_args!("{address}: has gone"));
        return Ok(Exit::Good);
    }
    screen::message(format_args!("{address}: still there after {}", human::span(grace + MARGIN)));
    Ok(Exit::Problem)
}

/// The admin connection ends with the process.
async fn has_gone(mut asked: Asked, limit: Duration) -> bool {
    let deadline = Instant::now() + limit;
    while Instant::now() < deadline {
        if asked.report().await.is_err() {
            return true;
        }
        sleep(POLL).await;
    }
    false
}
