//! Questions to the shell, from the admin service, the HTTP endpoints and signals.

use std::time::Duration;

use antiphon_core::{AskFailure, Asked, GatewayId};
use bytes::Bytes;
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
    /// Go back to work; whether that could be.
    Undrain(oneshot::Sender<bool>),
    /// Ask another gateway.
    Ask {
        /// Whom, and what.
        question: Question,
        /// The packed answer; see [`super::unpack`].
        answer: oneshot::Sender<Result<Bytes, AskFailure>>,
    },
    /// An answer for another gateway is worked out.
    WorkedOut {
        /// Which question.
        asked: Asked,
        /// The packed answer, or why there is none.
        answer: Result<Bytes, String>,
    },
}

/// What another gateway is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Whom; ourselves too.
    pub to: GatewayId,
    /// What it is about: one of [`super::topic`].
    pub topic: String,
    /// More about it.
    pub body: Bytes,
    /// How long to wait.
    pub patience: Duration,
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

    /// Goes back to work; false if there is no drain, or it has gone too far.
    ///
    /// # Errors
    /// The shell has ended.
    pub async fn undrain(&self) -> Result<bool, ShellGone> {
        let (answer, undrained) = oneshot::channel();
        self.queries.send(Query::Undrain(answer)).await.map_err(|_| ShellGone)?;
        undrained.await.map_err(|_| ShellGone)
    }

    /// Asks another gateway; the answer is JSON.
    ///
    /// # Errors
    /// The shell has ended; within, why there is no answer.
    pub async fn ask(&self, question: Question) -> Result<Result<Vec<u8>, AskFailure>, ShellGone> {
        let (sender, answer) = oneshot::channel();
        let query = Query::Ask { question, answer: sender };
        self.queries.send(query).await.map_err(|_| ShellGone)?;
        let packed = answer.await.map_err(|_| ShellGone)?;
        Ok(packed.and_then(|packed| {
            super::unpack(&packed).map_err(|error| AskFailure::Refused(error.to_string()))
        }))
    }

    /// Hands in an answer that was worked out.
    pub(super) async fn worked_out(&self, asked: Asked, answer: Result<Bytes, String>) {
        // Without a shell nobody waits for it.
        self.queries.send(Query::WorkedOut { asked, answer }).await.ok();
    }

    /// Begins to drain.
    ///
    /// # Errors
    /// The shell has ended.
    pub async fn drain(&self, grace: Option<Duration>) -> Result<(), ShellGone> {
        self.queries.send(Query::Drain { grace }).await.map_err(|_| ShellGone)
    }
}
