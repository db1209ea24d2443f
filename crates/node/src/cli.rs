//! `antiphon node run`: nodes until a signal ends them.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::clock::Clock;
use crate::config::{ConfigError, NodeConfig, Problem};
use crate::security::causes;
use crate::server::{Emulation, Server, StartError, StoppedUnasked};

/// Wrong usage or a bad file.
const EXIT_BAD_CONFIG: u8 = 64;

/// The nodes could not be run.
const EXIT_PROBLEM: u8 = 2;

/// How nodes are run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Be this many nodes, named after the one that is configured. Takes one configuration.
    pub emulate: Option<NonZeroUsize>,
    /// Connections that those share; `None`: one for every 50 nodes.
    pub connections: Option<NonZeroUsize>,
}

/// Runs a node for every configuration file, until SIGTERM or SIGINT; a second signal ends at once.
///
/// Exit codes: 0 after a signal, 2 if nodes cannot run, 64 for bad configuration, of which every problem is logged.
pub async fn run(configs: Vec<PathBuf>, options: Options) -> ExitCode {
    let configs = match load(&configs, &options) {
        Ok(configs) => configs,
        Err(ConfigError(problems)) => {
            for problem in problems {
                error!("{problem}");
            }
            return ExitCode::from(EXIT_BAD_CONFIG);
        }
    };
    match serve(configs, &options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            error!("{}", causes(&problem));
            ExitCode::from(EXIT_PROBLEM)
        }
    }
}

/// Every configuration, or everything that is wrong with any of them.
fn load(paths: &[PathBuf], options: &Options) -> Result<Vec<NodeConfig>, ConfigError> {
    let mut configs = Vec::new();
    let mut problems = Vec::new();
    if paths.is_empty() || (options.emulate.is_some() && paths.len() > 1) {
        problems.push(Problem {
            file: paths.first().cloned().unwrap_or_default(),
            key: "--config".to_owned(),
            message: "must name a file, and only one with --emulate".to_owned(),
        });
    }
    for path in paths {
        match NodeConfig::load(path) {
            Ok(config) => configs.push(config),
            Err(ConfigError(more)) => problems.extend(more),
        }
    }
    if problems.is_empty() { Ok(configs) } else { Err(ConfigError(problems)) }
}

async fn serve(configs: Vec<NodeConfig>, options: &Options) -> Result<(), RunError> {
    let mut signals = Signals::new()?;
    let connections = options.connections;
    let emulation = options.emulate.map(|nodes| Emulation { nodes, connections });
    let server = match (emulation, configs.first()) {
        (Some(emulation), Some(config)) => {
            Server::emulate(config, emulation, Clock::system()).await?
        }
        (Some(_) | None, _) => Server::start(configs, Clock::system()).await?,
    };
    let stop = server.stop_token();
    let watch = tokio::spawn(async move { signals.end(stop).await });
    let stopped = server.join().await;
    watch.abort();
    info!("stopped");
    Ok(stopped?)
}

/// Why nodes could not run.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error("signals cannot be received")]
    Signals(#[from] std::io::Error),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Stopped(#[from] StoppedUnasked),
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// The first signal lets running actions finish, the second does not.
    async fn end(&mut self, stop: CancellationToken) {
        self.next().await;
        stop.cancel();
        self.next().await;
        std::process::exit(i32::from(EXIT_PROBLEM));
    }
}
