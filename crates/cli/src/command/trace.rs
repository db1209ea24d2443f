//! `antiphon trace`.

mod deliver;

use std::{path::PathBuf, time::Duration};

use antiphon_core::{ExplainAsked, RegionId, Trace};
use antiphon_gateway::shell::Report;
use anyhow::anyhow;

use super::{caller::Who, read::Output, runtime};
use crate::{
    Exit, Failure,
    admin::{AdminArgs, Asked},
    meant::did_you_mean,
    noun::{
        document,
        trace::{self, Delivery},
    },
    screen::{Screen, message, show_json},
};

/// Its arguments.
#[derive(Clone, Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 a message gets to the broker and its answers come back, 2 it \
    does not, or the node that was to answer did not, 3 the gateway does not answer, 64 wrong usage."
)]
pub struct Args {
    /// A region; or a node's identity: then every region where it may be
    to: String,
    /// The collective of that node
    #[arg(long, value_name = "NAME", default_value = "mcollective")]
    collective: String,
    /// How long to wait for gateways that do not answer
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = humantime::parse_duration)]
    timeout: Duration,
    /// Ping the node as well, as a client in this region: it hears of it
    #[arg(long)]
    deliver: bool,
    /// With --deliver: ping with this client's configuration [default: Choria's usual places]
    #[arg(long, value_name = "FILE", requires = "deliver")]
    client: Option<PathBuf>,
    /// For people or for programs
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
    #[command(flatten)]
    admin: AdminArgs,
}

/// Sends probes on the way that messages take; nodes hear nothing of them, unless one is to be pinged.
///
/// # Errors
/// Nobody answers, nothing is known of the region or node, or no client is configured that could ping.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    let (report, traces, delivery) = runtime()?.block_on(args.trace())?;
    let delivery = delivery.as_ref();
    match args.output {
        Output::Table => Screen::detect().show_tables(&trace::tables(&traces, delivery))?,
        Output::Json => show_json(&document("trace", &report, trace::json(&traces, delivery)))?,
    }
    let good = traces.iter().all(Trace::is_good) && delivery.is_none_or(Delivery::is_good);
    Ok(if good { Exit::Good } else { Exit::Problem })
}

impl Args {
    async fn trace(&self) -> Result<(Report, Vec<Trace>, Option<Delivery>), Failure> {
        let mut asked = self.admin.connect().await?;
        let report = asked.report().await?;
        let mut traces = Vec::new();
        for region in self.regions(&mut asked, &report).await? {
            let traced = asked.trace(&report.core.gateway, region, self.timeout).await?;
            traces.push(traced.map_err(|why| Failure::problem(anyhow!(why)))?);
        }
        let delivery = self.delivery(&report).await?;
        Ok((report, traces, delivery))
    }

    async fn delivery(&self, report: &Report) -> Result<Option<Delivery>, Failure> {
        if !self.deliver {
            return Ok(None);
        }
        let who = Who { lab: self.admin.lab(), file: self.client.as_deref() };
        let region = report.core.region.as_str();
        Box::pin(deliver::deliver(&who, region, &self.collective, &self.to)).await.map(Some)
    }

    /// The region, or those to which a request for the node would go.
    async fn regions(&self, asked: &mut Asked, report: &Report) -> Result<Vec<RegionId>, Failure> {
        let here = &report.core;
        let named = here.regions.iter().find(|view| view.region.as_str() == self.to);
        if named.is_some() && self.deliver {
            let text = anyhow!("--deliver pings one node: name it instead of region {}", self.to);
            return Err(Failure::usage(text));
        }
        if let Some(region) = named {
            let ours = anyhow!("{} is the region of {} itself", self.to, here.gateway);
            return if region.ours {
                Err(Failure::usage(ours))
            } else {
                Ok(vec![region.region.clone()])
            };
        }
        let known = here.regions.iter().map(|view| view.region.as_str());
        let hint = did_you_mean(&self.to, known);
        if !hint.is_empty() && !self.to.contains('.') {
            message(format_args!(
                "no region is called {}{hint} A node would be looked for:",
                self.to
            ));
        }
        let subject = format!("{}.node.{}", self.collective, self.to);
        let wanted = ExplainAsked { subject, ..ExplainAsked::default() };
        let explained = asked.explain(&wanted).await?.said;
        let accepted = explained.candidates.into_iter().filter(|one| one.rejection.is_none());
        let regions: Vec<RegionId> = accepted.map(|one| one.region).collect();
        if regions.is_empty() {
            let to = &self.to;
            return Err(Failure::problem(anyhow!(
                "no region is called {to}, nor would a request for a node {to} go to any"
            )));
        }
        Ok(regions)
    }
}
