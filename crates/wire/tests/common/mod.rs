//! The recorded messages.
#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test's own files are good or the test fails")]
#![allow(clippy::indexing_slicing, reason = "likewise")]

use std::path::PathBuf;

use antiphon_wire::Transport;
use bytes::Bytes;
use serde_json::Value;

/// One recorded message.
pub(crate) struct Recorded {
    pub(crate) file: &'static str,
    pub(crate) broker: String,
    pub(crate) subject: String,
    pub(crate) payload: Bytes,
}

impl Recorded {
    pub(crate) fn transport(&self) -> Transport {
        Transport::decode(self.payload.clone()).unwrap()
    }

    pub(crate) fn is_request(&self) -> bool {
        self.transport().reply_to().is_some()
    }
}

const FILES: [&str; 10] = [
    "lifecycle-and-registration.json",
    "v1-federated-directed.json",
    "v1-federated-ping.json",
    "v1-ping.json",
    "v1-rpc-directed.json",
    "v1-rpc-discovered.json",
    "v1-rpc-filtered.json",
    "v1-rpc-replies.json",
    "v2-federated.json",
    "v2-ping-and-rpc.json",
];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

pub(crate) fn read(name: &str) -> String {
    let path = folder().join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn json(name: &str) -> Value {
    serde_json::from_str(&read(name)).unwrap()
}

/// Every recorded message, lifecycle events included.
pub(crate) fn messages() -> Vec<Recorded> {
    FILES.iter().flat_map(|file| messages_of(file)).collect()
}

pub(crate) fn messages_of(file: &'static str) -> Vec<Recorded> {
    let text = |message: &Value, key: &str| message[key].as_str().unwrap().to_owned();
    let read = |message: &Value| Recorded {
        file,
        broker: text(message, "broker"),
        subject: text(message, "subject"),
        payload: text(message, "payload").into(),
    };
    json(file)["messages"].as_array().unwrap().iter().map(read).collect()
}

/// Every recorded message that is a transport.
pub(crate) fn transports() -> Vec<Recorded> {
    messages().into_iter().filter(|m| !m.subject.starts_with("choria.lifecycle.")).collect()
}
