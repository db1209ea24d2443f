//! The process: configuration, log, signals, exit code.

use std::{io, path::Path, pin::pin, process::ExitCode, time::Duration};

use anyhow::Context;
use sd_notify::NotifyState;
use tokio::{
    runtime,
    signal::unix::{Signal, SignalKind, signal},
    time::sleep,
};

use crate::{
    Daemon,
    config::{self, Config},
    log,
    policies::Purpose,
    real,
};

/// The gateway failed.
const FAILED: u8 = 2;
/// The file is no good.
const BAD_FILE: u8 = 64;
/// How long a supervisor waits for a start that itself waits for a first certificate.
const START_PATIENCE: Duration = Duration::from_secs(20);
/// Threads for what blocks, such as resolving names and verifying signatures; more of it waits. Each keeps
/// memory of its own.
const BLOCKING_THREADS_MAX: usize = 64;
/// How long such a thread waits for more.
const BLOCKING_THREAD_KEPT: Duration = Duration::from_secs(1);

/// Runs a gateway until it has drained: `antiphon gateway run`.
///
/// SIGHUP reads the policy file again. SIGTERM and SIGINT begin to drain; a second one ends the process at once. Returns 0 after a
/// drain, 64 for a bad configuration, 2 for everything else.
#[must_use]
pub fn run(path: &Path) -> ExitCode {
    let config = match config::check(path) {
        Ok(config) => config,
        Err(problems) => {
            eprintln!("{problems}");
            return ExitCode::from(BAD_FILE);
        }
    };
    log::start(&config.log);
    let runtime = runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .thread_keep_alive(BLOCKING_THREAD_KEPT)
        .build();
    let ended = match runtime {
        Ok(runtime) => runtime.block_on(drive(config)),
        Err(error) => Err(error.into()),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "the gateway ends");
            ExitCode::from(FAILED)
        }
    }
}

async fn drive(config: Config) -> anyhow::Result<()> {
    let mut signals = Signals::new().context("listen for signals")?;
    let mut hangup = signal(SignalKind::hangup()).context("listen for SIGHUP")?;
    let (gateway, region) = (config.gateway.clone(), config.region.clone());
    let mut told = false;
    let world = {
        let mut world = pin!(real::world(&config));
        loop {
            tokio::select! {
                world = &mut world => break world?,
                () = signals.next() => return Ok(()),
                () = sleep(START_PATIENCE), if !told => {
                    told = true;
                    tracing::warn!("the start goes on when there is a certificate");
                    tell_supervisor(NotifyState::Ready);
                }
            }
        }
    };
    let daemon = Daemon::start(config, world).await?;
    tracing::info!(%gateway, %region, "started");
    if !told {
        tell_supervisor(NotifyState::Ready);
    }
    let (shell, policies) = (daemon.shell().clone(), daemon.policies().clone());
    let mut wait = pin!(daemon.wait());
    loop {
        tokio::select! {
            ended = &mut wait => return Ok(ended?),
            () = signals.next() => break,
            // A shell that has gone is on its way out, which `wait` tells.
            _ = hangup.recv() => drop(policies.reload(Purpose::Apply, "SIGHUP").await),
        }
    }
    tell_supervisor(NotifyState::Stopping);
    let drained = async {
        shell.drain(None).await?;
        anyhow::Ok(wait.await?)
    };
    tokio::select! {
        ended = drained => ended,
        () = signals.next() => anyhow::bail!("a second signal: left without draining"),
    }
}

/// Tells systemd, if it is there and wants to know (`sd_notify(3)`): ready is who listens, whatever
/// becomes of its broker and its links, and who waits for its first certificate.
fn tell_supervisor(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "the supervisor could not be told");
    }
}

/// Both signals that ask a process to end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
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
}
