//! `antiphon sim swarm --seeds 1..10000`.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use antiphon_sim::{
    Outcome, gateway,
    swarm::{self, Shape},
};
use anyhow::{Context, anyhow};

use super::{Jobs, pool, progress::Progress, range::Numbers};
use crate::{
    Exit, Failure,
    command::read::Output,
    screen::{self, Screen, show_json},
    simulation::swarm::{Seed, Swarm},
};

/// With fewer there is no link.
const GATEWAYS_MIN: u64 = 2;
/// Failures that are told and made smaller; more are counted.
const TOLD_MAX: usize = 20;

/// Its arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// From and to, both included
    #[arg(long, value_name = "FROM..TO", default_value = "1..1000")]
    seeds: Numbers,
    /// Gateways of each world: a number, or from and to [default: 3..8]
    #[arg(long, value_name = "N")]
    gateways: Option<Numbers>,
    /// Make what fails smaller, and write it into this folder as scenarios
    #[arg(long, value_name = "DIR")]
    minimise: Option<PathBuf>,
    /// For people or for programs
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
    #[command(flatten)]
    jobs: Jobs,
}

/// Runs the world of each seed.
///
/// # Errors
/// Fewer gateways than a link has ends, or the folder for scenarios cannot be written to.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    if args.gateways.is_some_and(|one| one.from < GATEWAYS_MIN) {
        return Err(Failure::usage(anyhow!("--gateways: at least {GATEWAYS_MIN} are wanted")));
    }
    let begun = Instant::now();
    let shape = args.shape();
    let numbers: Vec<u64> = args.seeds.all().collect();
    let progress = Progress::new(numbers.len(), "seeds");
    let failed = AtomicUsize::new(0);
    let tell = |seed: &Seed| {
        progress.done();
        if seed.is_good() {
            return;
        }
        let count = failed.fetch_add(1, Ordering::Relaxed) + 1;
        progress.failed(count);
        if count <= TOLD_MAX {
            progress.say(format_args!("failed, to run it again: {}", args.again(seed.seed)));
        }
    };
    let done = pool::each(&numbers, args.jobs.count(), |number| {
        let seed = try_seed(*number, &shape);
        tell(&seed);
        seed
    });
    let panicked = |(seed, number): (Result<Seed, String>, &u64)| {
        seed.unwrap_or_else(|why| {
            let seed = Seed::new(&Outcome::panicked(*number, &why), std::time::Duration::ZERO);
            tell(&seed);
            seed
        })
    };
    let seeds: Vec<Seed> = done.into_iter().zip(&numbers).map(panicked).collect();
    drop(progress);
    let swarm =
        Swarm { shape: args.gateways.map(|one| one.to_string()), wall: begun.elapsed(), seeds };
    match args.output {
        Output::Table => Screen::detect().show_tables(&swarm.tables(TOLD_MAX))?,
        Output::Json => show_json(&swarm.document(|seed| args.again(seed)))?,
    }
    if let Some(folder) = &args.minimise {
        for seed in swarm.failed().take(TOLD_MAX) {
            minimise(seed, &shape, folder).map_err(Failure::problem)?;
        }
    }
    Ok(if swarm.failed().next().is_none() { Exit::Good } else { Exit::Problem })
}

impl Args {
    fn shape(&self) -> Shape {
        let Some(Numbers { from, to }) = self.gateways else { return Shape::default() };
        let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        Shape { gateways: number(from)..=number(to) }
    }

    /// The line that repeats one seed.
    fn again(&self, seed: u64) -> String {
        let gateways = self.gateways.map(|one| format!(" --gateways {one}"));
        format!("antiphon sim swarm --seeds {seed}{}", gateways.unwrap_or_default())
    }
}

fn try_seed(number: u64, shape: &Shape) -> Seed {
    let begun = Instant::now();
    let outcome = swarm::try_seed(number, shape, gateway);
    Seed::new(&outcome, begun.elapsed())
}

/// Writes the smallest scenario that still fails as a seed does.
fn minimise(seed: &Seed, shape: &Shape, folder: &Path) -> anyhow::Result<()> {
    let number = seed.seed;
    screen::message(format_args!("seed {number}: looking for less that fails as well"));
    let smaller = pool::each(&[number], 1, |number| {
        swarm::minimise(&swarm::scenario(*number, shape), *number, gateway)
    });
    let Some(Ok(smallest)) = smaller.into_iter().next() else {
        screen::message(format_args!("seed {number}: it panics, and cannot be made smaller"));
        return Ok(());
    };
    let path = folder.join(format!("seed-{number}.toml"));
    let breaks = seed.violations.first().map(|one| format!("# Breaks: {one}\n"));
    let text = breaks.unwrap_or_default() + &smallest.to_toml();
    fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
    screen::message(format_args!("seed {number}: {}", path.display()));
    Ok(())
}
