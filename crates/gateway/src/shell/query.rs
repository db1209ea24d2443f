//! Questions to the shell, from the admin service, the HTTP endpoints and signals.

use std::time::Duration;

use antiphon_core::{
    AskFailure, Asked, ExplainAsked, ExplainError, Explanation, GatewayId, OrderGiven, PolicyTrial,
    RegionId, RequestsAsked, RequestsView,
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use super::{PolicyOrder, Report, Shell, orders::Ordered};

/// Questions that may wait; whoever asks waits with them.
const QUERIES_LEN_MAX: usize = 64;

/// What the shell may be asked.
#[derive(Debug)]
pub enum Query {
    /// What the gateway knows, now.
    Report(oneshot::Sender<Box<Report>>),
    /// What is remembered of requests.
    Requests(RequestsAsked, oneshot::Sender<Said<RequestsView>>),
    /// What would become of a message.
    Explain(Box<ExplainAsked>, oneshot::Sender<Result<Said<Explanation>, ExplainError>>),
    /// Try a policy, or put it in force.
    Policy(Box<PolicyOrder>, oneshot::Sender<PolicyTrial>),
    /// An operator stops something, or lets it go on.
    Order(Box<OrderGiven>, oneshot::Sender<Ordered>),
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

/// An answer, who gave it and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said<T> {
    /// What kind of answer it is, and in which version.
    pub schema: String,
    /// When, since 1970-01-01 UTC.
    pub at: Duration,
    /// The fabric.
    pub fabric: RegionId,
    /// The region of who answers.
    pub region: RegionId,
    /// Who answers.
    pub gateway: GatewayId,
    /// The answer.
    pub said: T,
}

/// The schema of what is remembered of requests.
pub const RECORDS_SCHEMA: &str = "antiphon.records.v1";
/// The schema of an explanation.
pub const EXPLANATION_SCHEMA: &str = "antiphon.explanation.v1";

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

    pub(super) async fn send(&self, query: Query) -> Result<(), ShellGone> {
        self.queries.send(query).await.map_err(|_| ShellGone)
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

    /// What is remembered of requests.
    ///
    /// # Errors
    /// The shell has ended.
    pub async fn requests(&self, wanted: RequestsAsked) -> Result<Said<RequestsView>, ShellGone> {
        let (answer, said) = oneshot::channel();
        self.queries.send(Query::Requests(wanted, answer)).await.map_err(|_| ShellGone)?;
        said.await.map_err(|_| ShellGone)
    }

    /// What would become of a message.
    ///
    /// # Errors
    /// The shell has ended.
    pub async fn explain(
        &self,
        asked: ExplainAsked,
    ) -> Result<Result<Said<Explanation>, ExplainError>, ShellGone> {
        let (answer, said) = oneshot::channel();
        let query = Query::Explain(Box::new(asked), answer);
        self.queries.send(query).await.map_err(|_| ShellGone)?;
        said.await.map_err(|_| ShellGone)
    }

    /// Tries a policy, and puts it in force if that is wanted.
    ///
    /// # Errors
    /// The shell has ended.
    pub(crate) async fn order_policy(&self, order: PolicyOrder) -> Result<PolicyTrial, ShellGone> {
        let (answer, trial) = oneshot::channel();
        self.queries.send(Query::Policy(Box::new(order), answer)).await.map_err(|_| ShellGone)?;
        trial.await.map_err(|_| ShellGone)
    }

    /// Begins to drain.
    ///
    /// # Errors
    /// The shell has ended.
    pub async fn drain(&self, grace: Option<Duration>) -> Result<(), ShellGone> {
        self.queries.send(Query::Drain { grace }).await.map_err(|_| ShellGone)
    }
}

impl Shell {
    pub(super) fn said<T>(&self, schema: &str, said: T) -> Said<T> {
        Said {
            schema: schema.to_owned(),
            at: self.clock.now().unix,
            fabric: self.config.fabric.clone(),
            region: self.member.region.clone(),
            gateway: self.member.gateway.clone(),
            said,
        }
    }

    pub(super) fn on_requests(
        &self,
        wanted: &RequestsAsked,
        answer: oneshot::Sender<Said<RequestsView>>,
    ) {
        let view = self.core.requests(wanted, self.clock.now());
        reply(answer, self.said(RECORDS_SCHEMA, view));
    }

    pub(super) fn on_explain(
        &self,
        asked: &ExplainAsked,
        answer: oneshot::Sender<Result<Said<Explanation>, ExplainError>>,
    ) {
        let explained = self.core.explain(asked, self.clock.now());
        reply(answer, explained.map(|one| self.said(EXPLANATION_SCHEMA, one)));
    }
}

fn reply<T>(answer: oneshot::Sender<T>, said: T) {
    if answer.send(said).is_err() {
        tracing::debug!("whoever asked has gone");
    }
}
