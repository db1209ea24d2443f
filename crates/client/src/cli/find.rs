//! `antiphon find`: which nodes match.

use std::process::ExitCode;

use clap::Args;
use tokio::time::Instant;

use super::options::{warn_of, warn_of_filter};
use super::{
    CommandError, ConnectArgs, DiscoveryArgs, FilterArgs, FormatArgs, Verdict, with_client,
};
use crate::client::Client;
use crate::console::Console;
use crate::discovery::discover;
use crate::environment::Environment;
use crate::render::indented;

/// The agent that `find` asks nodes for, as Choria does: every node has it.
const AGENT: &str = "rpcutil";

/// Options of `antiphon find`.
#[derive(Clone, Debug, Default, Args)]
pub struct FindArgs {
    /// Which configuration.
    #[command(flatten)]
    pub connect: ConnectArgs,
    /// Which nodes.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// How to find them.
    #[command(flatten)]
    pub discovery: DiscoveryArgs,
    /// What the results look like.
    #[command(flatten)]
    pub format: FormatArgs,
    /// Also tell how many there are, and how long it took
    #[arg(short = 'v', long)]
    pub verbose: bool,
}

impl FindArgs {
    /// Finds and reports.
    pub async fn run(self, console: &mut Console, environment: &Environment) -> ExitCode {
        let work =
            async |client: &mut Client, console: &mut Console| self.find(client, console).await;
        with_client(&self.connect, console, environment, work).await
    }

    /// Finds nodes through a client.
    ///
    /// # Errors
    /// [`CommandError::NoNodes`], and what keeps us from asking.
    pub async fn find(
        &self,
        client: &mut Client,
        console: &mut Console,
    ) -> Result<Verdict, CommandError> {
        let filter = self.filter.filter(Some(AGENT))?;
        let collective = client.config.collective(self.filter.target.as_deref())?;
        let (name, method) = self.discovery.method(&client.config, &filter, console)?;
        warn_of_filter(&method, &filter, console);
        let start = Instant::now();
        let found = discover(client, &method, &collective, &filter, AGENT).await?;
        let seconds = start.elapsed().as_secs_f64();
        warn_of(&found, console);
        if self.format.is_json() {
            console.print(&indented(&found.nodes, 2))?;
        } else {
            let lines: String = found.nodes.iter().map(|node| format!("{node}\n")).collect();
            console.print(&lines)?;
        }
        if self.verbose {
            let count = found.nodes.len();
            console.say(&format!(
                "Discovered {count} nodes using the {name} method in {seconds:.2} seconds"
            ));
        }
        match found.nodes.is_empty() {
            true => Err(CommandError::NoNodes),
            false => Ok(Verdict::Good),
        }
    }
}
