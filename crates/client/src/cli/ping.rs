//! `antiphon ping`: who is there, and how far away.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use tokio::time::Instant;

use super::options::seconds;
use super::{CommandError, ConnectArgs, FilterArgs, FormatArgs, Verdict, with_client};
use crate::client::Client;
use crate::console::Console;
use crate::discovery::{Continue, Pong, ping};
use crate::environment::Environment;
use crate::render::{PingAnswer, PingOutcome, ping_json, ping_line, ping_summary};
use crate::text::clean;

/// Options of `antiphon ping`.
#[derive(Clone, Debug, Default, Args)]
pub struct PingArgs {
    /// Which configuration.
    #[command(flatten)]
    pub connect: ConnectArgs,
    /// Which nodes.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// What the results look like.
    #[command(flatten)]
    pub format: FormatArgs,
    /// Stop after so many replies
    #[arg(long, value_name = "N")]
    pub expect: Option<usize>,
    /// How long to wait for replies, in seconds [default: the discovery timeout]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub timeout: Option<Duration>,
    /// Only show who replied
    #[arg(long)]
    pub names: bool,
    /// Only show the statistics
    #[arg(long, conflicts_with = "names")]
    pub silent: bool,
}

impl PingArgs {
    /// Pings and reports.
    pub async fn run(self, console: &mut Console, environment: &Environment) -> ExitCode {
        let start = Instant::now();
        let work = async |client: &mut Client, console: &mut Console| {
            self.ping(client, console, start).await
        };
        with_client(&self.connect, console, environment, work).await
    }

    /// Pings through a client; `start` is when the command began.
    ///
    /// # Errors
    /// [`CommandError::NoResponses`], and what keeps us from asking.
    pub async fn ping(
        &self,
        client: &mut Client,
        console: &mut Console,
        start: Instant,
    ) -> Result<Verdict, CommandError> {
        let filter = self.filter.filter(None)?;
        let collective = client.config.collective(self.filter.target.as_deref())?;
        let timeout = self.timeout.unwrap_or(client.config.discovery_timeout);
        let mut answers = Vec::new();
        let mut printed = Ok(());
        let published = ping(client, &collective, &filter, (timeout, false), &mut |pong| {
            match pong {
                Pong::Trouble(trouble) => console.warn(&trouble),
                Pong::Answer { sender, delay } => {
                    let answer = PingAnswer { sender: clean(&sender).into_owned(), delay };
                    printed = self.show(&answer, console);
                    answers.push(answer);
                }
            }
            let enough = self.expect.is_some_and(|expected| answers.len() >= expected);
            if enough || printed.is_err() { Continue::No } else { Continue::Yes }
        })
        .await?;
        printed?;
        let overhead = published.saturating_duration_since(start);
        self.conclude(&PingOutcome { answers, overhead }, console)
    }

    fn show(&self, answer: &PingAnswer, console: &mut Console) -> std::io::Result<()> {
        match (self.format.is_json() || self.silent, self.names) {
            (true, _) => Ok(()),
            (false, true) => console.print(&format!("{}\n", answer.sender)),
            (false, false) => console.print(&ping_line(answer)),
        }
    }

    fn conclude(
        &self,
        outcome: &PingOutcome,
        console: &mut Console,
    ) -> Result<Verdict, CommandError> {
        if self.format.is_json() {
            console.print(&ping_json(outcome))?;
        } else if !self.names {
            console.print(&ping_summary(outcome))?;
        }
        match (outcome.answers.len(), self.expect) {
            (0, _) => Err(CommandError::NoResponses),
            (count, Some(expected)) if count < expected => Ok(Verdict::Partial),
            _ => Ok(Verdict::Good),
        }
    }
}
