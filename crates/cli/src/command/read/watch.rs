//! `--watch`: the same answer again and again.

use std::{io::IsTerminal, time::Duration};

use tokio::{signal, time};

use super::Format;
use crate::{Exit, Failure, screen};

/// Between two answers, if nothing else is said.
const PERIOD_DEFAULT: &str = "2s";
/// A gateway is not asked more often.
const PERIOD_MIN: Duration = Duration::from_millis(200);

/// Whether to go on.
#[derive(Clone, Debug, clap::Args)]
pub struct WatchArgs {
    /// Show it again and again, until interrupted [default period: 2s]
    #[arg(
        short, long, value_name = "PERIOD", num_args = 0..=1, require_equals = true,
        default_missing_value = PERIOD_DEFAULT, value_parser = humantime::parse_duration
    )]
    watch: Option<Duration>,
}

impl WatchArgs {
    /// Between two answers; `None`: there is one.
    pub(super) fn period(&self) -> Option<Duration> {
        self.watch.map(|period| period.max(PERIOD_MIN))
    }
}

/// Shows it until interrupted. A gateway that does not answer may come back; wrong usage does not.
///
/// # Errors
/// The command line is wrong, or standard output is gone.
pub(super) async fn forever<F: Future<Output = Result<Exit, Failure>>>(
    period: Duration,
    output: Format,
    show: impl Fn() -> F,
) -> Result<Exit, Failure> {
    let mut ticks = time::interval(period);
    ticks.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    let mut last = Exit::Good;
    let mut first = true;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            interrupted = signal::ctrl_c() => return interrupted.map(|()| last).map_err(Into::into),
        }
        begin(output, first)?;
        first = false;
        match show().await {
            Ok(exit) => last = exit,
            Err(failure) if failure.exit == Exit::Usage => return Err(failure),
            Err(failure) => {
                screen::message(format_args!("antiphon: {:#}", failure.error));
                last = failure.exit;
            }
        }
    }
}

/// A terminal shows the newest answer alone; a file gets one after the other.
fn begin(output: Format, first: bool) -> Result<(), Failure> {
    match output {
        Format::Json => {}
        Format::Table | Format::Wide if std::io::stdout().is_terminal() => screen::clear()?,
        Format::Table | Format::Wide if first => {}
        Format::Table | Format::Wide => screen::print("\n")?,
    }
    Ok(())
}
