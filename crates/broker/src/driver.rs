//! The adapter's task.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    config::BrokerConfig,
    intake::Intake,
    port::{BrokerCommand, BrokerEvent},
    stats::Stats,
};

/// The adapter.
#[derive(Debug)]
pub(crate) struct Driver {
    config: BrokerConfig,
    orders: mpsc::Receiver<BrokerCommand>,
    facts: mpsc::Sender<BrokerEvent>,
    intake: Intake,
    stats: Arc<Stats>,
}

impl Driver {
    pub(crate) fn new(
        config: BrokerConfig,
        orders: mpsc::Receiver<BrokerCommand>,
        facts: mpsc::Sender<BrokerEvent>,
        intake: Intake,
        stats: Arc<Stats>,
    ) -> Self {
        Self { config, orders, facts, intake, stats }
    }

    pub(crate) async fn run(self, shutdown: CancellationToken) {
        shutdown.cancelled().await;
    }
}
