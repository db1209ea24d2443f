//! The adapter's task: one connection after the other, for as long as the shell wants one.

mod backoff;

use std::sync::Arc;

use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use self::backoff::Backoff;
use crate::{
    config::BrokerConfig,
    connection::{Dialled, Ended, Outcome, Pump, dial},
    front::{Front, Stop},
    intake::Intake,
    ledger::Ledger,
    port::{BrokerCommand, BrokerEvent},
    servers::Servers,
    stats::Stats,
};

/// The adapter.
#[derive(Debug)]
pub(crate) struct Driver {
    config: BrokerConfig,
    front: Front,
    intake: Intake,
    backoff: Backoff,
}

impl Driver {
    pub(crate) fn new(
        config: BrokerConfig,
        (orders, facts): (mpsc::Receiver<BrokerCommand>, mpsc::Sender<BrokerEvent>),
        (intake, stats): (Intake, Arc<Stats>),
        shutdown: CancellationToken,
    ) -> Self {
        let servers = Servers::new(config.servers.clone(), config.discover);
        let front = Front::new(orders, facts, Ledger::new(servers, stats), shutdown);
        let backoff = Backoff::new(config.reconnect_min, config.reconnect_max);
        Self { config, front, intake, backoff }
    }

    /// Runs until closed, cancelled or abandoned.
    pub(crate) async fn run(mut self) {
        if let Stop::Closed = self.serve().await {
            self.front.say_last(BrokerEvent::Closed).await;
        }
    }

    async fn serve(&mut self) -> Stop {
        loop {
            let dialled = match self.reach().await {
                Ok(dialled) => dialled,
                Err(stop) => return stop,
            };
            let since = Instant::now();
            if let Err(stop) = self.live(dialled).await {
                return stop;
            }
            self.backoff.lost_after(since.elapsed());
        }
    }

    /// Tries one server after the other until one takes us.
    async fn reach(&mut self) -> Result<Dialled, Stop> {
        let mut left_in_round = 0_usize;
        loop {
            // A shell that hears nothing is not told ever more: first it takes what happened so far.
            self.front.offline_until_heard().await?;
            let pause = self.backoff.next_pause(self.front.ledger.servers.count());
            self.front.offline_until(sleep(pause)).await?;
            if left_in_round == 0 {
                self.look_up().await?;
                left_in_round = self.front.ledger.servers.count().max(1);
            }
            left_in_round -= 1;
            // None: DNS, of which that was told, knows no server yet.
            let Some(server) = self.front.ledger.servers.take_turn() else { continue };
            let url = server.url.to_string();
            match self.front.offline_until(dial(server, &self.config)).await? {
                Ok(dialled) => return Ok(dialled),
                Err(error) => {
                    let reason = with_sources(&error);
                    tracing::debug!(url, reason, "cannot connect");
                    self.front.ledger.tell(BrokerEvent::ConnectFailed { server: url, reason });
                }
            }
        }
    }

    /// Asks DNS for the servers, if they are to be found there. What was known stays if there is no answer.
    async fn look_up(&mut self) -> Result<(), Stop> {
        let Some(srv) = &self.config.srv else { return Ok(()) };
        let reason = match self.front.offline_until(srv.look_up()).await? {
            Ok(servers) if !servers.is_empty() => {
                self.front.ledger.servers.configure(servers);
                return Ok(());
            }
            Ok(_) => {
                self.front.ledger.servers.configure(self.config.servers.clone());
                "there are none".to_owned()
            }
            Err(error) => with_sources(&error),
        };
        tracing::debug!(%srv, reason, "DNS names no servers");
        self.front.ledger.tell(BrokerEvent::ConnectFailed { server: srv.to_string(), reason });
        Ok(())
    }

    /// Serves one connection to its end, and those that take its place.
    async fn live(&mut self, dialled: Dialled) -> Result<(), Stop> {
        self.connected(&dialled);
        let mut next = Some(Box::new(dialled));
        while let Some(dialled) = next.take() {
            let pump = Pump::new(*dialled, &mut self.front, self.intake.clone(), &self.config);
            let (reason, behind, successor) = match pump.run(&mut self.front).await {
                Outcome::Stopped(stop) => return Err(stop),
                Outcome::Ended { ended: Ended::Closed, .. } => return Err(Stop::Closed),
                Outcome::Ended { ended: Ended::Moved, successor: Some(successor), .. } => {
                    // Nothing was lost, and nothing is under way: for the shell it is the same one.
                    self.front.ledger.stats.handovers.add(1);
                    next = Some(successor);
                    continue;
                }
                Outcome::Ended { ended: Ended::Moved, successor: None, .. } => {
                    ("the server is about to stop".to_owned(), false, None)
                }
                Outcome::Ended { ended: Ended::Lost(reason), behind, successor } => {
                    (reason, behind, successor)
                }
            };
            self.disconnected(reason, behind);
            next = successor.inspect(|successor| self.connected(successor));
        }
        Ok(())
    }

    fn connected(&mut self, dialled: &Dialled) {
        self.front.ledger.stats.connects.add(1);
        self.front.ledger.tell(BrokerEvent::Connected(dialled.describe()));
    }

    fn disconnected(&mut self, reason: String, behind: bool) {
        tracing::debug!(reason, behind, "disconnected");
        let ledger = &mut self.front.ledger;
        if behind {
            ledger.stats.lagged.add(1);
            ledger.tell(BrokerEvent::Lagged { lost: None });
        }
        ledger.end_connection(reason);
    }
}

/// An error and everything behind it, in one line.
pub(crate) fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
