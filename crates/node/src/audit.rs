//! The audit log: every authorised call, one JSON object per line, in Choria's form.

use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use serde::Serialize;
use serde_json::{Map, Value};

use crate::rpc::Call;

#[derive(Serialize)]
struct Line<'a> {
    timestamp: String,
    request_id: &'a str,
    request_time: u64,
    caller: &'a str,
    sender: &'a str,
    agent: &'a str,
    action: &'a str,
    data: &'a Map<String, Value>,
}

/// Appends a call. A new file may be read by its owner and group: inputs may be secret.
///
/// # Errors
/// Whatever the file system says.
pub(crate) fn append(path: &Path, call: &Call, now: Duration) -> io::Result<()> {
    let line = Line {
        timestamp: humantime::format_rfc3339_seconds(UNIX_EPOCH + now).to_string(),
        request_id: call.request.id.as_str(),
        request_time: call.request.time.as_secs(),
        caller: &call.request.caller,
        sender: &call.request.sender,
        agent: call.request.agent.as_str(),
        action: &call.action,
        data: &call.data,
    };
    let mut text = serde_json::to_vec(&line)?;
    text.push(b'\n');
    let mut options = std::fs::OpenOptions::new();
    // One write per line: with O_APPEND lines of several calls do not mix.
    options.create(true).append(true).mode(0o640).open(path)?.write_all(&text)
}
