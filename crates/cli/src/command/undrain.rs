//! `antiphon undrain`.

use super::runtime;
use crate::{Exit, Failure, admin::AdminArgs, screen};

/// Its arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    admin: AdminArgs,
}

/// Tells a gateway that drains to go back to work. It can as long as it has said no goodbye.
///
/// # Errors
/// It does not drain, has gone too far, or nobody answers.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    runtime()?.block_on(async {
        let mut asked = args.admin.connect().await?;
        asked.undrain().await?;
        screen::message(format_args!("{}: takes messages again", asked.address()));
        Ok(Exit::Good)
    })
}
