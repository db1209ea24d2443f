//! `antiphon drain`.

use std::time::Duration;

use tokio::time::timeout;

use super::runtime;
use crate::{Exit, Failure, admin::AdminArgs, human, screen};

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
    let limit = grace.saturating_add(MARGIN);
    if timeout(limit, asked.gone()).await.is_err() {
        screen::message(format_args!("{address}: still there after {}", human::span(limit)));
        return Ok(Exit::Problem);
    }
    screen::message(format_args!("{address}: has gone"));
    Ok(Exit::Good)
}
