//! `antiphon check`: the doctor.

mod archive;
mod ask;
mod before;
mod brokers;
mod ping;
mod probe;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use antiphon_broker::TlsOptions;
use tokio::time::{Instant, sleep};

use super::{caller::Who, runtime};
use crate::{
    Exit, Failure,
    admin::AdminArgs,
    check::{self, Evidence, junit, show::Checked},
    screen::{Screen, print, show_json},
};

/// The pause between two looks while waiting for a good one.
const PAUSE: Duration = Duration::from_secs(1);

/// Its arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// How many regions there should be
    #[arg(long, value_name = "N")]
    expect_regions: Option<u64>,
    /// How many gateways there should be
    #[arg(long, value_name = "N")]
    expect_gateways: Option<u64>,
    /// Exit with 1 if there is a warning
    #[arg(long)]
    strict: bool,
    /// Look again until all is good, or this time is up
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    wait: Option<Duration>,
    /// For people, for people in a hurry, for programs, or for CI systems
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
    /// Look at a configuration before the first start of its gateway
    #[arg(long, requires = "config", conflicts_with_all = ["expect_regions", "expect_gateways"])]
    pre: bool,
    /// With --pre: the gateway's configuration
    #[arg(long, value_name = "FILE", requires = "pre")]
    config: Option<PathBuf>,
    /// Ping with this client's configuration [default: Choria's usual places]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["pre", "archive"])]
    client: Option<PathBuf>,
    /// Send no discovery pings
    #[arg(long)]
    no_ping: bool,
    /// Look at what `antiphon archive` has written, instead of asking
    #[arg(long, value_name = "FILE", conflicts_with_all = ["pre", "wait"])]
    archive: Option<PathBuf>,
    #[command(flatten)]
    admin: AdminArgs,
}

/// What the answers look like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    /// Every check
    #[default]
    Table,
    /// What is wrong, one line each
    Short,
    /// The document antiphon.check.v1
    Json,
    /// JUnit XML
    Junit,
}

/// Looks, and shows what it found.
///
/// # Errors
/// Nobody answers, or a file is no good.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    let checked = runtime()?.block_on(patiently(args))?;
    let exit = check::exit(&checked.answers, args.strict);
    match args.output {
        Output::Table => print(&checked.table(Screen::detect()))?,
        Output::Short => print(&checked.short())?,
        Output::Json => show_json(&checked.json())?,
        Output::Junit => print(&junit::document(&checked, args.strict))?,
    }
    Ok(exit)
}

/// Looks once, or until all is good or the time is up.
async fn patiently(args: &Args) -> Result<Checked, Failure> {
    let end = args.wait.map(|wait| Instant::now() + wait);
    loop {
        let looked = Box::pin(look(args)).await;
        let good = match &looked {
            Ok(checked) => check::exit(&checked.answers, args.strict) == Exit::Good,
            Err(failure) => failure.exit == Exit::Usage,
        };
        match end {
            Some(end) if !good && Instant::now() + PAUSE < end => sleep(PAUSE).await,
            Some(_) | None => return looked,
        }
    }
}

async fn look(args: &Args) -> Result<Checked, Failure> {
    if let (true, Some(config)) = (args.pre, &args.config) {
        return Ok(before::look(config).await);
    }
    let (mut evidence, gateway) = match &args.archive {
        Some(file) => (archive::read(file)?, None),
        None => {
            let (evidence, gateway) = ask::ask(&args.admin).await?;
            (evidence, Some(gateway))
        }
    };
    evidence.version = env!("CARGO_PKG_VERSION").to_owned();
    evidence.expect_regions = args.expect_regions;
    evidence.expect_gateways = args.expect_gateways;
    if let Some(gateway) = gateway {
        let who = Who { lab: args.admin.lab(), file: args.client.as_deref() };
        let tls = monitor_tls(&evidence, &who);
        brokers::look(&mut evidence, tls).await;
        Box::pin(ping::ping(&mut evidence, &who, args.no_ping)).await;
        Box::pin(probe::probe(&mut evidence, &gateway)).await;
    }
    let answers = check::look(&evidence);
    Ok(checked(evidence, answers))
}

/// A client trusts the broker, and so its monitoring port.
fn monitor_tls(evidence: &Evidence, who: &Who<'_>) -> Option<TlsOptions> {
    let region = evidence.asked.first().map(|asked| asked.report.core.region.as_str());
    let files = who.load(region.unwrap_or_default()).ok()?.tls?;
    antiphon_client::tls_options(&files).ok()
}

fn checked(evidence: Evidence, answers: Vec<check::Answer>) -> Checked {
    let names = evidence.asked.iter().map(|asked| asked.report.core.gateway.to_string());
    let mut asked: BTreeMap<String, Option<String>> = names.map(|name| (name, None)).collect();
    asked.extend(evidence.silent.iter().map(|(name, why)| (name.clone(), Some(why.clone()))));
    let first = evidence.asked.first().map(|asked| &asked.report);
    let text = |of: fn(&antiphon_gateway::shell::Report) -> String| first.map(of);
    Checked {
        at: first.map_or_else(unix, |report| report.at),
        fabric: text(|one| one.core.fabric.to_string()).unwrap_or_default(),
        region: text(|one| one.core.region.to_string()).unwrap_or_default(),
        gateway: text(|one| one.core.gateway.to_string()).unwrap_or_default(),
        before: false,
        asked,
        pairs: evidence.pairs,
        answers,
    }
}

/// The system's clock, since 1970-01-01 UTC.
fn unix() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
