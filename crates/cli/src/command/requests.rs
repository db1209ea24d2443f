//! `antiphon requests`.

mod all;
mod then;

use std::{path::PathBuf, time::Duration};

use antiphon_core::{RequestsAsked, RequestsView};
use antiphon_gateway::shell::Said;
use anyhow::anyhow;
use tokio::time::sleep;

use super::{read::Output, runtime};
use crate::{
    Exit, Failure,
    admin::AdminArgs,
    human,
    noun::{document_of, requests},
    render,
    screen::{Screen, print, show_json},
};

/// How often a follower looks for changes.
const POLL: Duration = Duration::from_millis(500);

/// Its arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Only this request, in full; the beginning of its id is enough
    request: Option<String>,
    /// At most so many, the latest
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Go on and show every change, one line (or one JSON document) a time
    #[arg(long)]
    follow: bool,
    /// Ask every gateway of the fabric, by way of this one, and put together what they remember
    #[arg(short = 'A', long, conflicts_with = "follow")]
    all_gateways: bool,
    /// How long another gateway may take to answer
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = humantime::parse_duration)]
    timeout: Duration,
    /// For people or for programs
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
    /// Ask the gateways of this simulation's snapshot (antiphon sim run --snapshot), not those that run
    #[arg(long, value_name = "FILE", conflicts_with_all = ["admin", "lab", "follow"])]
    archive: Option<PathBuf>,
    #[command(flatten)]
    admin: AdminArgs,
}

/// Asks the gateway what it remembers.
///
/// # Errors
/// Nobody answers, or no such request is remembered.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    runtime()?.block_on(async {
        match (args.follow, args.all_gateways) {
            (true, _) => args.follow().await,
            (false, true) => all::show(args).await,
            (false, false) => args.once().await,
        }
    })
}

impl Args {
    async fn once(&self) -> Result<Exit, Failure> {
        let said = match &self.archive {
            Some(file) => then::of_one(file, &self.wanted(0)).map_err(Failure::usage)?,
            None => self.admin.connect().await?.requests(&self.wanted(0)).await?,
        };
        if let (Some(begin), []) = (&self.request, said.said.requests.as_slice()) {
            let memory = human::span(said.said.memory);
            return Err(Failure::problem(anyhow!(
                "{} remembers no request {begin}; it keeps them for {memory} at most",
                said.gateway
            )));
        }
        self.show(&said)?;
        Ok(Exit::Good)
    }

    async fn follow(&self) -> Result<Exit, Failure> {
        let mut gateway = self.admin.connect().await?;
        let mut after = 0;
        let mut screen = Screen::detect();
        screen.width = screen.width.filter(|_| self.output == Output::Table);
        loop {
            let said = gateway.requests(&self.wanted(after)).await?;
            if !said.said.requests.is_empty() {
                self.show_changes(&said, screen, after == 0)?;
            }
            after = said.said.version;
            tokio::select! {
                () = sleep(POLL) => {}
                stop = tokio::signal::ctrl_c() => return stop.map(|()| Exit::Good).map_err(Into::into),
            }
        }
    }

    fn wanted(&self, after: u64) -> RequestsAsked {
        RequestsAsked { request: self.request.clone(), after, limit: self.limit }
    }

    fn show(&self, said: &Said<RequestsView>) -> Result<(), Failure> {
        let view = &said.said;
        match self.output {
            Output::Json => show_json(&document_of("requests", said, requests::json(view)))?,
            Output::Table => {
                let tables = match (&self.request, view.requests.as_slice()) {
                    (Some(_), [one]) => requests::detail(one, said.at),
                    _ => vec![requests::rows(view, said.at)],
                };
                Screen::detect().show_tables(&tables)?;
            }
        }
        Ok(())
    }

    /// Rows without a header after the first time, the latest last; or a document on one line.
    fn show_changes(
        &self,
        said: &Said<RequestsView>,
        screen: Screen,
        first: bool,
    ) -> Result<(), Failure> {
        if self.output == Output::Json {
            let document = document_of("requests", said, requests::json(&said.said));
            return Ok(print(&format!("{document}\n"))?);
        }
        let mut table = requests::rows(&said.said, said.at);
        table.rows.reverse();
        let drawn = render::table(&table, screen);
        let skipped = if first { 0 } else { 1 };
        let lines = drawn.lines().skip(skipped).map(|line| format!("{line}\n"));
        Ok(print(&lines.collect::<String>())?)
    }
}
