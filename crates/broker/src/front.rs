//! The adapter's side of the port's channels.

use tokio::sync::mpsc::{self, error::TrySendError};
use tokio_util::sync::CancellationToken;

use crate::{
    ledger::{Ledger, Offline},
    port::{BrokerCommand, BrokerEvent},
};

/// Orders in, facts out, and what lies between them.
#[derive(Debug)]
pub(crate) struct Front {
    pub(crate) orders: mpsc::Receiver<BrokerCommand>,
    pub(crate) ledger: Ledger,
    pub(crate) outlet: Outlet,
}

/// The way out: facts, and word that nobody wants them.
#[derive(Debug)]
pub(crate) struct Outlet {
    facts: mpsc::Sender<BrokerEvent>,
    shutdown: CancellationToken,
}

/// Why the adapter ends without more ado.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Closed by order while no connection stood.
    Closed,
    /// The shutdown token was cancelled.
    Shutdown,
    /// Nobody takes facts any more.
    Abandoned,
}

impl Outlet {
    /// Waits for room in the channel of facts.
    pub(crate) async fn room(&self) {
        // A closed channel is told by `stopped`.
        drop(self.facts.reserve().await);
    }

    /// Waits until the adapter must end at once.
    pub(crate) async fn stopped(&self) -> Stop {
        tokio::select! {
            () = self.shutdown.cancelled() => Stop::Shutdown,
            () = self.facts.closed() => Stop::Abandoned,
        }
    }
}

impl Front {
    pub(crate) fn new(
        orders: mpsc::Receiver<BrokerCommand>,
        facts: mpsc::Sender<BrokerEvent>,
        ledger: Ledger,
        shutdown: CancellationToken,
    ) -> Self {
        Self { orders, ledger, outlet: Outlet { facts, shutdown } }
    }

    /// Hands over what waits; false if the channel is full before the end.
    pub(crate) fn hand_over(&mut self) -> bool {
        while let Some(fact) = self.ledger.facts.pop_front() {
            match self.outlet.facts.try_send(fact) {
                Ok(()) => {}
                // `stopped` tells of a closed channel; until it is asked, the fact waits like any other.
                Err(TrySendError::Full(fact) | TrySendError::Closed(fact)) => {
                    self.ledger.facts.push_front(fact);
                    return false;
                }
            }
        }
        true
    }

    /// Takes orders without a connection until `until` is done, or until told to stop.
    ///
    /// # Errors
    /// Why the adapter must end.
    pub(crate) async fn offline_until<T>(
        &mut self,
        until: impl Future<Output = T>,
    ) -> Result<T, Stop> {
        // Not biased: a shell that orders without end must not keep the other future from its turn.
        tokio::select! {
            stop = self.serve_offline() => Err(stop),
            done = until => Ok(done),
        }
    }

    /// Takes orders without a connection until every fact has been taken.
    ///
    /// # Errors
    /// Why the adapter must end.
    pub(crate) async fn offline_until_heard(&mut self) -> Result<(), Stop> {
        while !self.hand_over() {
            self.step_offline().await?;
        }
        Ok(())
    }

    /// Hands over the last fact, as long as anybody may take it.
    pub(crate) async fn say_last(mut self, last: BrokerEvent) {
        self.ledger.tell(last);
        while !self.hand_over() {
            tokio::select! {
                _ = self.outlet.stopped() => return,
                () = self.outlet.room() => {}
            }
        }
    }

    async fn serve_offline(&mut self) -> Stop {
        loop {
            if let Err(stop) = self.step_offline().await {
                return stop;
            }
        }
    }

    async fn step_offline(&mut self) -> Result<(), Stop> {
        let has_facts = !self.hand_over();
        let takes_orders = self.ledger.has_room();
        let order = tokio::select! {
            stop = self.outlet.stopped() => return Err(stop),
            () = self.outlet.room(), if has_facts => return Ok(()),
            order = self.orders.recv(), if takes_orders => order.unwrap_or(BrokerCommand::Close),
        };
        match self.ledger.order_offline(order) {
            Offline::Done => Ok(()),
            Offline::Close => Err(Stop::Closed),
        }
    }
}
