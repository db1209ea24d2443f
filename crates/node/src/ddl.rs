//! What an agent says of itself: Choria's DDL, in its JSON form.

mod input;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

pub use input::InputError;

/// Timeouts are cut at this: an agent that takes longer is of no use to a client that waits.
const TIMEOUT_MAX: Duration = Duration::from_secs(3600);

/// An agent's description (`https://choria.io/schemas/mcorpc/ddl/v1/agent.json`).
#[derive(Clone, Debug, Deserialize)]
pub struct Ddl {
    /// Name, version, timeout.
    pub metadata: Metadata,
    /// What it can do.
    #[serde(default)]
    pub actions: Vec<Action>,
}

/// The head of a description.
#[derive(Clone, Debug, Deserialize)]
pub struct Metadata {
    /// The agent.
    pub name: String,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// Who made it.
    #[serde(default)]
    pub author: String,
    /// SPDX name.
    #[serde(default)]
    pub license: String,
    /// Its version.
    #[serde(default)]
    pub version: String,
    /// Where to learn more.
    #[serde(default)]
    pub url: String,
    /// How long an action may take, in seconds; at least 1.
    #[serde(default)]
    timeout: u64,
    /// What runs it, if that is not the node itself (`external`).
    #[serde(default)]
    pub provider: Option<String>,
    /// Whether any one node answers for all.
    #[serde(default)]
    pub service: bool,
}

/// One action.
#[derive(Clone, Debug, Deserialize)]
pub struct Action {
    /// Its name.
    #[serde(rename = "action")]
    pub name: String,
    /// What it takes, by name.
    #[serde(default)]
    input: BTreeMap<String, input::Input>,
}

/// Why a description cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DdlError {
    /// It is not JSON of the expected shape.
    #[error("is no agent DDL")]
    Syntax(#[from] serde_json::Error),
    /// An agent without time to run is refused by Choria, too.
    #[error("timeout must be at least 1 second")]
    Timeout,
}

impl Ddl {
    /// Reads a description.
    ///
    /// # Errors
    /// [`DdlError`].
    pub fn parse(json: &str) -> Result<Self, DdlError> {
        let ddl: Self = serde_json::from_str(json)?;
        if ddl.metadata.timeout == 0 { Err(DdlError::Timeout) } else { Ok(ddl) }
    }

    /// The action of this name.
    pub fn action(&self, name: &str) -> Option<&Action> {
        self.actions.iter().find(|action| action.name == name)
    }

    /// How long an action may take.
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.metadata.timeout).min(TIMEOUT_MAX)
    }
}

impl Action {
    /// Checks inputs and fills in the defaults of those that are missing.
    ///
    /// # Errors
    /// The first input that is unknown, missing or not as described.
    pub fn check(&self, data: &mut Map<String, Value>) -> Result<(), InputError> {
        input::check(&self.input, data)
    }
}
