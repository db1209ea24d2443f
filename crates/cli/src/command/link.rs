//! `antiphon link down REGION`, `antiphon link up REGION`: an operator's word about a region's links.

use antiphon_core::{RegionId, Stop};

use super::halt::{Terms, give, order};
use crate::{Exit, Failure, admin::AdminArgs};

/// What to do with the links between our region and another.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Command {
    /// Use no link with a region: messages go around, the links themselves stay for what gateways
    /// tell each other
    Down {
        /// The other region
        region: RegionId,
        #[command(flatten)]
        terms: Terms,
        #[command(flatten)]
        admin: AdminArgs,
    },
    /// Use links with a region again
    Up {
        /// The other region
        region: RegionId,
        /// Why, for everybody who looks
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
        #[command(flatten)]
        admin: AdminArgs,
    },
}

/// Does it.
///
/// # Errors
/// The order is refused, or nobody answers.
pub fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Down { region, terms, admin } => {
            let order = order(Stop::Link { with: region }, true, &terms.reason, terms.lasts);
            give(&admin, vec![order])
        }
        Command::Up { region, reason, admin } => {
            give(&admin, vec![order(Stop::Link { with: region }, false, &reason, None)])
        }
    }
}
