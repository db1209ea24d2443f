//! Messages recorded from real, unmodified Choria programs; each file names its origin.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// One request and what a real node did with it.
#[derive(Debug, Deserialize)]
pub(crate) struct Case {
    pub(crate) case: String,
    pub(crate) at_ms: u64,
    pub(crate) payload: String,
    pub(crate) replies: usize,
    pub(crate) answered: bool,
    pub(crate) body: Option<String>,
    pub(crate) federation: Option<serde_json::Value>,
    pub(crate) seen: Option<usize>,
}

/// One recorded message.
#[derive(Debug, Deserialize)]
pub(crate) struct Message {
    pub(crate) broker: String,
    pub(crate) at_ms: u64,
    pub(crate) subject: String,
    pub(crate) payload: String,
}

/// The table of hand-made requests.
pub(crate) fn node_behaviour() -> Vec<Case> {
    #[derive(Deserialize)]
    struct File {
        cases: Vec<Case>,
    }
    read::<File>("node-behaviour.json").cases
}

/// The messages of a recording.
pub(crate) fn messages(name: &str) -> Vec<Message> {
    #[derive(Deserialize)]
    struct File {
        messages: Vec<Message>,
    }
    read::<File>(name).messages
}

/// A test key, certificate or token.
pub(crate) fn key(name: &str) -> PathBuf {
    folder().join("keys").join(name)
}

fn read<T: DeserializeOwned>(name: &str) -> T {
    let text = std::fs::read_to_string(folder().join(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../wire/tests/vectors")
}
