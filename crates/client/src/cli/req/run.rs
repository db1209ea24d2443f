//! The work of `antiphon req`.

use antiphon_wire::{Collective, Filter, Identity};
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::super::progress::call_with_bar;
use super::super::{CommandError, Verdict};
use super::ReqArgs;
use crate::client::Client;
use crate::config::Config;
use crate::console::Console;
use crate::ddl::{Action, AgentDdl, find};
use crate::limit::Limit;
use crate::render::{self, Show};
use crate::results::Results;
use crate::rpc::{Call, send_only};

/// What a request asks, checked as far as that is possible without a broker.
pub(super) struct Plan {
    ddl: AgentDdl,
    action: Action,
    data: Map<String, Value>,
    filter: Filter,
    collective: Collective,
    limit: Option<Limit>,
}

impl ReqArgs {
    pub(super) fn plan(&self, config: &Config) -> Result<Plan, CommandError> {
        let ddl = find(&self.agent, &config.libraries)?;
        let action = ddl.action(&self.action)?.clone();
        Ok(Plan {
            data: action.inputs(&self.inputs)?,
            action,
            filter: self.filter.filter(Some(&self.agent))?,
            collective: config.collective(self.filter.target.as_deref())?,
            limit: self.batch.limit()?,
            ddl,
        })
    }

    /// Asks through a client.
    pub(super) async fn ask(
        &self,
        plan: &Plan,
        client: &mut Client,
        console: &mut Console,
    ) -> Result<Verdict, CommandError> {
        let start = Instant::now();
        let nodes = match plan.ddl.metadata.service {
            true => None,
            false => Some(self.nodes(plan, client, console).await?),
        };
        let discover_time = start.elapsed();
        let request = self.call(plan, nodes.as_deref(), client);
        if let Some(reply_to) = &self.reply_to {
            let id = send_only(client, &request, reply_to).await?;
            console.print(&format!("{id}\n"))?;
            return Ok(Verdict::Good);
        }
        let bar = !self.no_progress && !self.is_terse();
        let mut results = call_with_bar(client, &request, bar, console).await?;
        results.stats.discover_time = discover_time;
        if self.sort {
            results.replies.sort_by(|a, b| a.sender.cmp(&b.sender));
        }
        console.print(&self.text(&results, &plan.action, console))?;
        Ok(Verdict::of(&results.stats))
    }

    /// The nodes to ask.
    async fn nodes(
        &self,
        plan: &Plan,
        client: &mut Client,
        console: &mut Console,
    ) -> Result<Vec<Identity>, CommandError> {
        let wanted = (&plan.collective, &plan.filter, plan.ddl.metadata.name.as_str());
        let (name, found) = self.discovery.nodes(client, wanted, console).await?;
        if !self.is_terse() {
            let count = found.len();
            console.say(&format!("Discovering nodes using the {name} method .... {count}"));
        }
        let nodes = match plan.limit {
            Some(limit) => limit.apply(found, self.batch.pick(client.config.limit_random)),
            None => found,
        };
        if nodes.is_empty() { Err(CommandError::NoNodes) } else { Ok(nodes) }
    }

    fn call<'a>(&self, plan: &'a Plan, nodes: Option<&'a [Identity]>, client: &Client) -> Call<'a> {
        let listen = self.discovery.discovery_timeout.unwrap_or(client.config.discovery_timeout);
        Call {
            ddl: &plan.ddl,
            action: &plan.action.name,
            data: plan.data.clone(),
            collective: &plan.collective,
            nodes,
            batches: self.batch.batches(),
            timeout: self.timeout.unwrap_or(listen.saturating_add(plan.ddl.timeout())),
        }
    }

    /// Whether the output is for programs alone.
    fn is_terse(&self) -> bool {
        self.format.is_json() || self.senders
    }

    fn text(&self, results: &Results, action: &Action, console: &Console) -> String {
        if self.senders {
            let show = if self.display.is_some() { self.show() } else { Show::All };
            return render::senders(results, action, show);
        }
        if self.format.is_json() {
            return render::results_json(results, action);
        }
        let style = console.style;
        let footer = match self.verbose {
            true => render::verbose_footer(&results.stats, style),
            false => render::footer(&results.stats, style),
        };
        let replies = render::replies(results, action, self.show(), self.verbose, style);
        let summaries = render::summaries(results, action, style);
        format!("{replies}{summaries}\n{footer}")
    }
}
