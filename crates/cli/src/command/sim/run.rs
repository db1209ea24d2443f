//! `antiphon sim run FILE|FOLDER...`.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use antiphon_sim::{Outcome, Plan, gateway};
use anyhow::{Context, anyhow};

use super::{
    Jobs,
    files::{self, File},
    pool,
    progress::Progress,
};
use crate::{
    Exit, Failure,
    archive::Archive,
    command::read::Output,
    human,
    screen::{self, Screen, show_json},
    simulation::{self, Run, Subject, snapshot},
};

/// Its arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Scenarios, or folders of them
    #[arg(required = true, value_name = "FILE|FOLDER")]
    paths: Vec<PathBuf>,
    /// Run this seed instead of those in the files
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// What befalls it besides: down:eu-us,drain:ap-1@40s+10s
    ///
    /// VERB:NAME, several of them divided by commas. A name is a region, a gateway or two of them
    /// (a link). Verbs: down, silent (down, but nobody is told), flap, drain, pause, broker. @TIME
    /// says when it begins, 20s unless said, +TIME how long it lasts.
    #[arg(long, value_name = "STEPS")]
    what_if: Vec<String>,
    /// For people or for programs
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
    /// Write a page for a browser too: topology, timeline, percentiles
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write what the gateways say in the end into one file, for --archive of the reading commands
    ///
    /// Of one scenario with one seed: the first of its seeds, or --seed.
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,
    /// What they say at this moment instead of in the end
    #[arg(long, value_name = "TIME", requires = "snapshot", value_parser = humantime::parse_duration)]
    at: Option<Duration>,
    #[command(flatten)]
    jobs: Jobs,
}

/// Runs every scenario with each of its seeds.
///
/// # Errors
/// A file that is no scenario, or a page that cannot be written.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    let mut cases = Vec::new();
    for file in files::read(&args.paths)? {
        cases.extend(cases_of(file, args)?);
    }
    if let Some(path) = &args.snapshot {
        let case = only(&mut cases)?;
        let archive = snapshot::archive(&case.subject, &case.plan, case.seed, args.at);
        archive.and_then(|archive| keep(path, &archive)).map_err(Failure::usage)?;
    }
    let progress = Progress::new(cases.len(), "worlds");
    let runs = pool::each(&cases, args.jobs.count(), |case| {
        let run = case.run();
        progress.done();
        run
    });
    drop(progress);
    let runs: Vec<Run> = runs
        .into_iter()
        .zip(&cases)
        .map(|(run, case)| run.unwrap_or_else(|why| case.panicked(&why)))
        .collect();
    if let Some(path) = &args.html {
        write(path, &simulation::page::page(&runs)).map_err(Failure::problem)?;
    }
    match args.output {
        Output::Table => Screen::detect().show_tables(&simulation::tables::tables(&runs))?,
        Output::Json => show_json(&simulation::document::document(&runs))?,
    }
    let failed: Vec<&Run> = runs.iter().filter(|run| !run.outcome.is_good()).collect();
    for run in &failed {
        screen::message(format_args!("failed, to run it again: {}", run.again()));
    }
    Ok(if failed.is_empty() { Exit::Good } else { Exit::Problem })
}

/// The one run that a snapshot is of.
fn only(cases: &mut Vec<Case>) -> Result<&Case, Failure> {
    let mut files = cases.iter().map(|case| &case.subject.file);
    let first = files.next();
    if files.any(|file| Some(file) != first) {
        return Err(Failure::usage(anyhow!("--snapshot is of one run: name one scenario")));
    }
    cases.truncate(1);
    cases.first().ok_or_else(|| Failure::usage(anyhow!("--snapshot wants a run")))
}

fn keep(path: &Path, archive: &Archive) -> anyhow::Result<()> {
    archive.write(path).with_context(|| format!("write {}", path.display()))?;
    let gateways = human::count(archive.reports.len() as u64, "gateway");
    let at = archive.simulated.as_ref().map(|one| human::span(one.at)).unwrap_or_default();
    screen::message(format_args!("{}: {gateways} after {at}", path.display()));
    Ok(())
}

/// One scenario with one seed.
struct Case {
    subject: Arc<Subject>,
    plan: Arc<Plan>,
    seed: u64,
}

fn cases_of(file: File, args: &Args) -> Result<Vec<Case>, Failure> {
    let File { name, text, mut scenario } = file;
    for what_if in &args.what_if {
        scenario.what_if(what_if).with_context(|| name.clone()).map_err(Failure::usage)?;
    }
    let plan = Arc::new(scenario.plan(&name, &text).map_err(Failure::usage)?);
    let seeds = args.seed.map_or_else(|| scenario.seeds.clone(), |seed| vec![seed]);
    let subject = Arc::new(Subject { file: name, scenario, what_if: args.what_if.clone() });
    let case = |seed| Case { subject: Arc::clone(&subject), plan: Arc::clone(&plan), seed };
    Ok(seeds.into_iter().map(case).collect())
}

impl Case {
    fn run(&self) -> Run {
        let begun = Instant::now();
        let outcome = antiphon_sim::run(&self.plan, self.seed, gateway);
        Run { subject: Arc::clone(&self.subject), wall: begun.elapsed(), outcome }
    }

    fn panicked(&self, why: &str) -> Run {
        let outcome = Outcome::panicked(self.seed, why);
        Run { subject: Arc::clone(&self.subject), wall: Duration::ZERO, outcome }
    }
}

fn write(path: &Path, page: &str) -> anyhow::Result<()> {
    std::fs::write(path, page).with_context(|| format!("write {}", path.display()))
}
