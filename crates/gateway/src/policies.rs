//! New policies while the gateway runs: read, tried, and put in force.
//!
//! Files are read here, away from the shell's loop. What cannot be read leaves the old policy in
//! force, and is told to whoever asked, in the log and in the report.

use std::{path::Path, sync::Arc, time::Duration};

use antiphon_core::{PolicyTrial, policy::Policy};
use serde::{Deserialize, Serialize};

use crate::{
    callers::Callers,
    config::{PolicySource, Problems, with_sources},
    shell::{PolicyOrder, ShellGone, ShellHandle},
};

/// The schema of [`PolicyOutcome`] as JSON.
pub const OUTCOME_SCHEMA: &str = "antiphon.policy-apply.v1";

/// Where the policy in force comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PolicyFacts {
    /// The file that is read at start and when told to; empty: none, the default holds.
    pub file: String,
    /// What the policy in force was read from; empty: the default.
    pub source: String,
    /// Who put it in force; empty: it was there at the start.
    pub by: String,
    /// The last one that could not be read, if it came after the one in force.
    pub refused: Option<RefusedPolicy>,
}

/// A policy that could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RefusedPolicy {
    /// When, since 1970-01-01 UTC.
    pub at: Duration,
    /// Who wanted it.
    pub by: String,
    /// What it was to be read from.
    pub source: String,
    /// What is wrong with it.
    pub problems: Vec<String>,
}

/// What came of a new policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyOutcome {
    /// [`OUTCOME_SCHEMA`].
    pub schema: String,
    /// Whether it is in force.
    pub applied: bool,
    /// What it was read from.
    pub source: String,
    /// What is wrong with it; then the old one stays in force.
    pub problems: Vec<String>,
    /// What it decides in another way than the one before, about the requests of the last minutes.
    #[serde(flatten)]
    pub trial: PolicyTrial,
}

/// Whether a new policy is to be put in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// It is.
    Apply,
    /// It is only tried.
    Try,
}

/// Puts policies in force. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Policies {
    source: Arc<PolicySource>,
    shell: ShellHandle,
}

/// What was read, away from the loop.
type Read = (Policy, Option<Callers>);

impl Policies {
    pub(crate) fn new(source: PolicySource, shell: ShellHandle) -> Self {
        Self { source: Arc::new(source), shell }
    }

    /// Reads the configured file again, and the CAs of callers.
    ///
    /// # Errors
    /// The shell has ended.
    pub async fn reload(&self, purpose: Purpose, by: &str) -> Result<PolicyOutcome, ShellGone> {
        let files = Arc::clone(&self.source);
        let read = off_loop(move || match &files.file {
            Some(file) => told(files.read(file)).and_then(|one| with_callers(&files, one)),
            None => Err(vec!["the configuration names no [policy] file".to_owned()]),
        });
        let name = self.source.file.as_ref().map(|file| file.display().to_string());
        self.order(read.await, name.unwrap_or_default(), purpose, by).await
    }

    /// Reads the text of a policy; `name` is what it is called.
    ///
    /// # Errors
    /// The shell has ended.
    pub async fn apply(
        &self,
        (name, text): (String, String),
        purpose: Purpose,
        by: &str,
    ) -> Result<PolicyOutcome, ShellGone> {
        let (files, source) = (Arc::clone(&self.source), name.clone());
        let read = off_loop(move || {
            let policy = files.read_text(Path::new(&name), &text);
            told(policy).and_then(|one| with_callers(&files, one))
        });
        self.order(read.await, source, purpose, by).await
    }

    async fn order(
        &self,
        read: Result<Read, Vec<String>>,
        source: String,
        purpose: Purpose,
        by: &str,
    ) -> Result<PolicyOutcome, ShellGone> {
        let problems = read.as_ref().err().cloned().unwrap_or_default();
        let applied = purpose == Purpose::Apply && problems.is_empty();
        let order = PolicyOrder { read, source: source.clone(), purpose, by: by.to_owned() };
        let trial = self.shell.order_policy(order).await?;
        Ok(PolicyOutcome { schema: OUTCOME_SCHEMA.to_owned(), applied, source, problems, trial })
    }
}

fn told(read: Result<Policy, Problems>) -> Result<Policy, Vec<String>> {
    read.map_err(|problems| problems.list().iter().map(ToString::to_string).collect())
}

fn with_callers(files: &PolicySource, policy: Policy) -> Result<Read, Vec<String>> {
    match files.callers.as_ref().map(Callers::load).transpose() {
        Ok(callers) => Ok((policy, callers)),
        Err(error) => Err(vec![format!("policy.callers: {}", with_sources(&error))]),
    }
}

async fn off_loop(
    read: impl FnOnce() -> Result<Read, Vec<String>> + Send + 'static,
) -> Result<Read, Vec<String>> {
    tokio::task::spawn_blocking(read)
        .await
        .unwrap_or_else(|error| Err(vec![format!("reading failed: {error}")]))
}
