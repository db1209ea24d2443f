//! Keys, tokens and messages recorded from real Choria programs; the wire crate keeps them.

use std::path::{Path, PathBuf};

use antiphon_identity::UnixTime;
use data_encoding::BASE64;
use serde_json::Value;

use crate::pki::at;

pub(crate) fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../wire/tests/vectors").join(file)
}

/// A file of `keys/` as text.
pub(crate) fn key(file: &str) -> String {
    std::fs::read_to_string(path("keys").join(file)).unwrap()
}

/// A secure request or reply, and when it was recorded.
pub(crate) struct Recorded {
    pub(crate) name: String,
    pub(crate) secure: Value,
    pub(crate) at: UnixTime,
}

impl Recorded {
    /// A member that is text.
    pub(crate) fn text(&self, member: &str) -> &str {
        self.secure[member].as_str().unwrap()
    }

    /// A member that is base64.
    pub(crate) fn bytes(&self, member: &str) -> Vec<u8> {
        BASE64.decode(self.text(member).as_bytes()).unwrap()
    }

    fn read(name: &Value, payload: &Value, at_ms: &Value) -> Option<Self> {
        let transport: Value = serde_json::from_str(payload.as_str()?).ok()?;
        let data = transport["data"].as_str()?.replace('\n', "");
        let secure = serde_json::from_slice(&BASE64.decode(data.as_bytes()).ok()?).ok()?;
        let name = name.as_str()?.to_owned();
        Some(Self { name, secure, at: at(at_ms.as_u64()? / 1000) })
    }
}

/// Every message of all files whose name begins with `prefix` that has this protocol.
pub(crate) fn recorded(prefix: &str, protocol: &str) -> Vec<Recorded> {
    let files = std::fs::read_dir(path("")).unwrap().map(|file| file.unwrap().file_name());
    let mut files: Vec<_> = files.filter_map(|name| name.into_string().ok()).collect();
    files.sort();
    let matching = files.iter().filter(|name| name.starts_with(prefix) && name.ends_with(".json"));
    let messages = matching.flat_map(|name| list(name, "messages")).filter_map(|message| {
        Recorded::read(&message["subject"], &message["payload"], &message["at_ms"])
    });
    messages.filter(|recorded| recorded.secure["protocol"] == protocol).collect()
}

/// One hand-made request that a real node was sent.
pub(crate) fn case(name: &str) -> Recorded {
    let cases = list("node-behaviour.json", "cases");
    let case = cases.iter().find(|case| case["case"] == name).unwrap();
    Recorded::read(&case["case"], &case["payload"], &case["at_ms"]).unwrap()
}

fn list(file: &str, member: &str) -> Vec<Value> {
    let document: Value = serde_json::from_slice(&std::fs::read(path(file)).unwrap()).unwrap();
    document[member].as_array().unwrap().clone()
}
