//! The lines of a recording. The format has a version and makes no promise: a release reads what it
//! wrote itself.

use antiphon_core::{Action, Config, Event, Now};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of the format.
pub const FORMAT: u32 = 1;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// The first.
    Begin(Box<Begin>),
    /// One turn of the machine.
    Turn {
        /// Both clocks.
        now: Now,
        /// What it was told.
        event: Box<Event>,
        /// What kinds of actions it returned, in order.
        kinds: Vec<String>,
        /// [`digest`] of them.
        digest: String,
        /// The actions themselves, in recordings that are kept as examples.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        actions: Option<Vec<Action>>,
    },
    /// The last, unless the process was killed.
    End(End),
}

/// What a machine is begun with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begin {
    /// [`FORMAT`].
    pub format: u32,
    /// The release.
    pub version: String,
    /// The machine's configuration.
    pub config: Config,
    /// Its seed.
    pub seed: u64,
    /// Both clocks when it was made.
    pub now: Now,
}

/// Why a recording ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The process ended.
    Stopped,
    /// It has taken all the room that it may.
    Full,
    /// The disk could not keep up.
    Gap,
}

impl Begin {
    /// The beginning of a recording by this release.
    #[must_use]
    pub fn new(config: Config, seed: u64, now: Now) -> Self {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Self { format: FORMAT, version, config, seed, now }
    }
}

impl Line {
    /// One turn, with or without the actions themselves.
    #[must_use]
    pub fn turn(now: Now, event: Event, actions: &[Action], whole: bool) -> Self {
        let (kinds, digest) = (kinds(actions), digest(actions));
        let actions = whole.then(|| actions.to_vec());
        Self::Turn { now, event: Box::new(event), kinds, digest, actions }
    }
}

/// The kinds of actions, in order: `Publish`, `Send`...
#[must_use]
pub fn kinds(actions: &[Action]) -> Vec<String> {
    actions.iter().map(|action| kind(&value(action))).collect()
}

/// The name of an event's or action's variant, as it is written.
pub(super) fn kind(value: &Value) -> String {
    let name = value.as_str().or_else(|| value.as_object()?.keys().next().map(String::as_str));
    name.unwrap_or_default().to_owned()
}

/// Everything about actions as one number, hexadecimal: FNV-1a over their JSON.
#[must_use]
pub fn digest(actions: &[Action]) -> String {
    let text = serde_json::to_vec(actions).unwrap_or_default();
    let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    format!("{:016x}", text.iter().fold(0xcbf2_9ce4_8422_2325, mix))
}

pub(super) fn value(what: &impl Serialize) -> Value {
    serde_json::to_value(what).unwrap_or_default()
}
