//! Questions to the shell, from the admin service, the HTTP endpoints and signals.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::Report;

/// Questions that may wait; whoever asks waits with them.
const QUERIES_LEN_MAX: usize = 64;

/// What the shell may be asked.
#[derive(Debug)]
pub enum Query {
    /// What the gateway knows, now.
    Report(oneshot::Sender<Box<Report>>),
    /// Leave the fabric, within this time or the configured one.
    Drain {
        /// After it, leave whatever is still held.
        grace: Option<Duration>,
    },
}

/// The shell has ended, or does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the gateway is stopping")]
pub struct ShellGone;

/// Asks the shell. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ShellHandle {
    queries: mpsc::Sender<Query>,
}

impl ShellHandle {
    pub(crate) fn new() -> (Self, mpsc::Receiver<Query>) {
        let (queries, receiver) = mpsc::channel(QUERIES_LEN_MAX);
        (Self { queries }, receiver)
    }

    /// What the gateway knows, now.
    ///
    /// # Errors
    /// The shell has ended.
    pub async fn report(&self) -> Result<Box<Report>, ShellGone> {
        let (answer, report) = oneshot::channel();
        self.queries.send(Query::Report(answer)).await.map_err(|_| ShellGone)?;
        report.await.map_err(|_| ShellGone)
    }

    /// Begins to drain.
    ///
    /// # Errors
    /// The shell has ended.
    pub async fn drain(&self, grace: Option<Duration>) -> Result<(), ShellGone> {
        self.queries.send(Query::Drain { grace }).await.map_err(|_| ShellGone)
    }
}
