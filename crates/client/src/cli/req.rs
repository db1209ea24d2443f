//! `antiphon req`: run an action on nodes.

mod run;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::options::seconds;
use super::{
    CommandError, ConnectArgs, DiscoveryArgs, FilterArgs, FormatArgs, Verdict, conclude,
    with_client,
};
use crate::client::Client;
use crate::console::Console;
use crate::environment::Environment;
use crate::limit::{Limit, Pick};
use crate::render::Show;
use crate::rpc::Batches;

/// Options of `antiphon req`.
#[derive(Clone, Debug, Default, Args)]
pub struct ReqArgs {
    /// Which configuration.
    #[command(flatten)]
    pub connect: ConnectArgs,
    /// The agent to ask
    pub agent: String,
    /// The action to run
    pub action: String,
    /// Inputs of the action, as name=value
    #[arg(value_name = "NAME=VALUE")]
    pub inputs: Vec<String>,
    /// Which nodes.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// How to find them.
    #[command(flatten)]
    pub discovery: DiscoveryArgs,
    /// How many, and how many at once.
    #[command(flatten)]
    pub batch: BatchArgs,
    /// What the results look like.
    #[command(flatten)]
    pub format: FormatArgs,
    /// Which replies to show [default: as the agent describes]
    #[arg(long, value_enum, value_name = "WHICH")]
    pub display: Option<DisplayArg>,
    /// Print nothing but the names of the nodes that answered: those of --display, else all
    #[arg(long, conflicts_with_all = ["json", "output", "verbose", "reply_to"])]
    pub senders: bool,
    /// Order replies by the names of their nodes
    #[arg(long)]
    pub sort: bool,
    /// Show the data of replies as it came, and all numbers
    #[arg(short = 'v', long)]
    pub verbose: bool,
    /// Draw no progress bar
    #[arg(long = "np")]
    pub no_progress: bool,
    /// How long to wait for a batch, in seconds [default: the agent's timeout and that of discovery]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub timeout: Option<Duration>,
    /// Have the replies sent to this subject, and wait for none
    #[arg(long, value_name = "SUBJECT")]
    pub reply_to: Option<String>,
}

/// How many nodes are asked, and how many at once.
#[derive(Clone, Debug, Default, Args)]
pub struct BatchArgs {
    /// Ask so many nodes at once
    #[arg(long, value_name = "SIZE")]
    pub batch: Option<usize>,
    /// The pause between two batches, in seconds [default: 1]
    #[arg(long, value_name = "SECONDS", value_parser = seconds, requires = "batch")]
    pub batch_sleep: Option<Duration>,
    /// Ask only so many of the nodes: 10 or 10%
    #[arg(long, value_name = "LIMIT")]
    pub limit: Option<String>,
    /// Pick limited nodes at random, the same ones each time for the same seed
    #[arg(long, value_name = "SEED", requires = "limit")]
    pub limit_seed: Option<u64>,
}

/// Which replies to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DisplayArg {
    /// Good ones.
    Ok,
    /// Failures.
    Failed,
    /// All.
    All,
    /// None.
    None,
}

impl ReqArgs {
    /// Asks and reports.
    pub async fn run(self, console: &mut Console, environment: &Environment) -> ExitCode {
        // What is wrong with the request should not need a broker to be found out.
        let planned = self.connect.config(environment);
        if let Err(error) = planned.and_then(|config| self.plan(&config).map(drop)) {
            return conclude(Err(error), console);
        }
        let work =
            async |client: &mut Client, console: &mut Console| self.req(client, console).await;
        with_client(&self.connect, console, environment, work).await
    }

    /// Asks nodes through a client.
    ///
    /// # Errors
    /// What is wrong with the request, [`CommandError::NoNodes`], and what keeps us from asking.
    pub async fn req(
        &self,
        client: &mut Client,
        console: &mut Console,
    ) -> Result<Verdict, CommandError> {
        let plan = self.plan(&client.config)?;
        self.ask(&plan, client, console).await
    }

    fn show(&self) -> Show {
        match self.display {
            None => Show::Described,
            Some(DisplayArg::Ok) => Show::Ok,
            Some(DisplayArg::Failed) => Show::Failed,
            Some(DisplayArg::All) => Show::All,
            Some(DisplayArg::None) => Show::None,
        }
    }
}

impl BatchArgs {
    fn limit(&self) -> Result<Option<Limit>, CommandError> {
        Ok(self.limit.as_deref().map(str::parse).transpose()?)
    }

    fn pick(&self, random: bool) -> Pick {
        match (self.limit_seed, random) {
            (Some(seed), _) => Pick::Random { seed },
            (None, false) => Pick::First,
            (None, true) => Pick::Random { seed: any_seed() },
        }
    }

    fn batches(&self) -> Option<Batches> {
        let size = self.batch.filter(|size| *size > 0)?;
        Some(Batches { size, pause: self.batch_sleep.unwrap_or(Duration::from_secs(1)) })
    }
}

/// A different one for every moment.
fn any_seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs() ^ u64::from(now.subsec_nanos()) << 32)
}
