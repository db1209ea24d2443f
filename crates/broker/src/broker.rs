//! The two ends that a shell holds, and the start of an adapter.

use std::sync::Arc;

use tokio::{sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    config::{BrokerConfig, ConfigError},
    driver::Driver,
    intake::Intake,
    port::{BrokerCommand, BrokerEvent},
    stats::Stats,
};

/// A running adapter, real or in memory: both ends of the port, and what it may be watched by.
#[derive(Debug)]
pub struct Broker {
    /// Orders, carried out in order. Dropping every sender is [`BrokerCommand::Close`].
    pub commands: mpsc::Sender<BrokerCommand>,
    /// Facts, in order. Dropping it ends the adapter at once.
    pub events: mpsc::Receiver<BrokerEvent>,
    /// The byte budget of messages that were delivered and are still held.
    pub intake: Intake,
    /// Counters.
    pub stats: Arc<Stats>,
    /// Ends after [`BrokerEvent::Closed`], or when the shutdown token is cancelled.
    pub task: JoinHandle<()>,
}

/// Starts an adapter; it connects in the background and goes on trying until it is told to stop.
///
/// Cancelling `shutdown` ends it at once, without a flush; [`BrokerCommand::Close`] is the gentle way. Must be
/// called within a tokio runtime with I/O and time.
///
/// # Errors
/// A configuration that cannot work, see [`BrokerConfig::check`].
pub fn connect(config: BrokerConfig, shutdown: CancellationToken) -> Result<Broker, ConfigError> {
    config.check()?;
    let (commands, orders) = mpsc::channel(config.queue_len_max);
    let (facts, events) = mpsc::channel(config.queue_len_max);
    let intake = Intake::new(config.intake_bytes_max);
    let stats = Arc::new(Stats::default());
    let accounts = (intake.clone(), stats.clone());
    let driver = Driver::new(config, (orders, facts), accounts, shutdown);
    let task = tokio::spawn(driver.run());
    Ok(Broker { commands, events, intake, stats, task })
}
