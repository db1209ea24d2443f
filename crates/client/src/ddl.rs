//! Descriptions of agents (DDLs): which actions they have, what these take and give, and how results are shown.
//!
//! Format: `https://choria.io/schemas/mcorpc/ddl/v1/agent.json`, the part of it that a client needs.

mod find;
mod input;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

pub use find::{DdlError, find};
pub use input::InputError;

/// A timeout of 0 in a DDL means this many seconds.
const TIMEOUT_DEFAULT_SECS: u64 = 10;

/// An agent's description.
#[derive(Clone, Debug, Deserialize)]
pub struct AgentDdl {
    /// What it is.
    pub metadata: Metadata,
    /// What it can do.
    pub actions: Vec<Action>,
}

/// What an agent is.
#[derive(Clone, Debug, Deserialize)]
pub struct Metadata {
    /// The agent's name.
    pub name: String,
    /// Its version.
    #[serde(default)]
    pub version: String,
    /// How long an action may take, in seconds; 0 stands for 10.
    #[serde(default)]
    pub timeout: u64,
    /// Whether any one node answers for all.
    #[serde(default)]
    pub service: bool,
}

/// One action of an agent.
#[derive(Clone, Debug, Deserialize)]
pub struct Action {
    /// Its name.
    #[serde(rename = "action")]
    pub name: String,
    /// What it does.
    #[serde(default)]
    pub description: String,
    /// Which replies are shown.
    #[serde(default)]
    pub display: Display,
    /// What it takes.
    #[serde(default)]
    pub input: BTreeMap<String, Input>,
    /// What it gives.
    #[serde(default)]
    pub output: BTreeMap<String, Output>,
    /// How the replies are summed up.
    #[serde(default)]
    pub aggregate: Vec<Aggregate>,
}

/// Which replies a client shows by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Display {
    /// Good ones.
    Ok,
    /// Failures.
    #[default]
    #[serde(alias = "")]
    Failed,
    /// All.
    Always,
}

/// One input of an action.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Input {
    /// `string`, `integer`, `float`, `number`, `boolean`, `list`, `hash` or `array`; empty is a string.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// Whether it may be left out.
    #[serde(default)]
    pub optional: bool,
    /// Filled in where it is left out.
    #[serde(default)]
    pub default: Option<Value>,
    /// A regular expression, or the name of a known check; for strings.
    #[serde(default)]
    pub validation: Option<String>,
    /// The longest string, in bytes; 0 is no limit, and then nothing is validated either.
    #[serde(default)]
    pub maxlength: usize,
    /// The allowed values of a `list`.
    #[serde(default)]
    pub list: Vec<String>,
}

/// One output of an action.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Output {
    /// The heading for people; empty: the output's own name.
    #[serde(default)]
    pub display_as: String,
    /// Filled in where a reply lacks it.
    #[serde(default)]
    pub default: Option<Value>,
}

/// How one output is summed up over all replies.
#[derive(Clone, Debug, Deserialize)]
pub struct Aggregate {
    /// `summary`, `boolean_summary`, `average` or `chart`.
    pub function: String,
    /// The output's name, and perhaps an object with options.
    #[serde(default)]
    pub args: Vec<Value>,
}

impl AgentDdl {
    /// The action of this name.
    ///
    /// # Errors
    /// [`DdlError::UnknownAction`], with the names there are.
    pub fn action(&self, name: &str) -> Result<&Action, DdlError> {
        self.actions.iter().find(|action| action.name == name).ok_or_else(|| {
            let known: Vec<_> = self.actions.iter().map(|action| action.name.as_str()).collect();
            DdlError::UnknownAction {
                agent: self.metadata.name.clone(),
                action: name.to_owned(),
                known: known.join(", "),
            }
        })
    }

    /// How long its actions may take on a node.
    pub fn timeout(&self) -> Duration {
        match self.metadata.timeout {
            0 => Duration::from_secs(TIMEOUT_DEFAULT_SECS),
            seconds => Duration::from_secs(seconds),
        }
    }
}

impl Action {
    /// The heading of an output.
    pub fn heading<'a>(&'a self, output: &'a str) -> &'a str {
        match self.output.get(output) {
            Some(described) if !described.display_as.is_empty() => &described.display_as,
            _ => output,
        }
    }

    /// Adds the defaults of outputs that `data`, a reply's, lacks.
    pub fn fill_in_outputs(&self, data: &mut serde_json::Map<String, Value>) {
        for (name, output) in &self.output {
            if let Some(default) = output.default.as_ref().filter(|value| !value.is_null()) {
                data.entry(name.clone()).or_insert_with(|| default.clone());
            }
        }
    }
}
