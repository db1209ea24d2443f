//! `antiphon facts`: who has which value of a fact.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::progress::call_with_bar;
use super::{
    CommandError, ConnectArgs, DiscoveryArgs, FilterArgs, FormatArgs, Verdict, with_client,
};
use crate::client::Client;
use crate::console::Console;
use crate::ddl::find;
use crate::environment::Environment;
use crate::render::{facts_json, facts_text, footer, tally, verbose_footer};
use crate::results::Results;
use crate::rpc::Call;

const AGENT: &str = "rpcutil";
const ACTION: &str = "get_fact";

/// Options of `antiphon facts`.
#[derive(Clone, Debug, Default, Args)]
pub struct FactsArgs {
    /// Which configuration.
    #[command(flatten)]
    pub connect: ConnectArgs,
    /// The fact, as a path: os.family
    pub fact: String,
    /// Which nodes.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// How to find them.
    #[command(flatten)]
    pub discovery: DiscoveryArgs,
    /// What the results look like.
    #[command(flatten)]
    pub format: FormatArgs,
    /// Name the nodes with each value
    #[arg(short = 'n', long)]
    pub show_nodes: bool,
    /// Most frequent values first
    #[arg(short = 'r', long)]
    pub reverse: bool,
    /// Name the nodes, and show all numbers
    #[arg(short = 'v', long)]
    pub verbose: bool,
}

impl FactsArgs {
    /// Asks and reports.
    pub async fn run(self, console: &mut Console, environment: &Environment) -> ExitCode {
        let work =
            async |client: &mut Client, console: &mut Console| self.facts(client, console).await;
        with_client(&self.connect, console, environment, work).await
    }

    /// Asks through a client.
    ///
    /// # Errors
    /// [`CommandError::NoNodes`], [`CommandError::NoResponses`], and what keeps us from asking.
    pub async fn facts(
        &self,
        client: &mut Client,
        console: &mut Console,
    ) -> Result<Verdict, CommandError> {
        let results = self.gather(client, console).await?;
        if results.stats.responses() == 0 {
            return Err(CommandError::NoResponses);
        }
        for reply in results.replies.iter().filter(|reply| !reply.status.is_ok()) {
            console.warn(&format!("{} failed: {}", reply.sender, reply.message));
        }
        let counts = tally(&results.replies);
        if self.format.is_json() {
            console.print(&facts_json(&counts))?;
        } else {
            let nodes = self.show_nodes || self.verbose;
            let report = facts_text(&self.fact, &counts, nodes, self.reverse);
            let footer = match self.verbose {
                true => verbose_footer(&results.stats, console.style),
                false => footer(&results.stats, console.style),
            };
            console.print(&format!("{report}{footer}"))?;
        }
        Ok(Verdict::of(&results.stats))
    }

    async fn gather(
        &self,
        client: &mut Client,
        console: &mut Console,
    ) -> Result<Results, CommandError> {
        let filter = self.filter.filter(Some(AGENT))?;
        let collective = client.config.collective(self.filter.target.as_deref())?;
        let start = Instant::now();
        let wanted = (&collective, &filter, AGENT);
        let (_, nodes) = self.discovery.nodes(client, wanted, console).await?;
        let discover_time = start.elapsed();
        if nodes.is_empty() {
            return Err(CommandError::NoNodes);
        }
        let ddl = find(AGENT, &[])?;
        let listen = self.discovery.discovery_timeout.unwrap_or(client.config.discovery_timeout);
        let request = Call {
            ddl: &ddl,
            action: ACTION,
            data: Map::from_iter([("fact".to_owned(), Value::from(self.fact.as_str()))]),
            collective: &collective,
            nodes: Some(&nodes),
            batches: None,
            timeout: listen.saturating_add(ddl.timeout()),
        };
        let bar = !self.format.is_json();
        let mut results = call_with_bar(client, &request, bar, console).await?;
        results.stats.discover_time = discover_time;
        Ok(results)
    }
}
