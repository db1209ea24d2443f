//! `antiphon log-level [FILTER]`.

use super::runtime;
use crate::{
    Exit, Failure,
    admin::AdminArgs,
    screen::{message, print},
};

/// Its arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// What to log, as in `[log] filter`: info, debug, antiphon_gateway::link=trace,info; without
    /// it, show what is logged
    filter: Option<String>,
    #[command(flatten)]
    admin: AdminArgs,
}

/// Shows or changes what a gateway logs. A restart brings back what is configured.
///
/// # Errors
/// The filter makes no sense, or nobody answers.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    runtime()?.block_on(async {
        let mut asked = args.admin.connect().await?;
        let (now, before) = asked.log(args.filter.clone()).await?;
        match args.filter {
            None => print(&format!("{now}\n"))?,
            Some(_) => {
                message(format_args!("{}: logs {now}, was {before}", asked.address()));
            }
        }
        Ok(Exit::Good)
    })
}
