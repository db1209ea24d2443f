//! What came back for one RPC request.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use antiphon_wire::Reply;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::client::Targets;
use crate::text::clean;

/// How an action ended on a node, as a reply's `statuscode` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Status(pub u8);

impl Status {
    /// All went well.
    pub const OK: Self = Self(0);
    /// Something that no other code stands for.
    pub const UNKNOWN: Self = Self(5);

    /// Whether all went well.
    pub fn is_ok(self) -> bool {
        self == Self::OK
    }

    /// What Choria's command line calls it; nothing for OK.
    pub fn text(self) -> &'static str {
        match self.0 {
            0 => "",
            1 => "Request Aborted",
            2 => "Unknown Action",
            3 => "Missing Request Data",
            4 => "Invalid Request Data",
            _ => "Unknown Request Status",
        }
    }
}

/// One node's answer to an RPC request.
#[derive(Clone, Debug, PartialEq)]
pub struct RpcReply {
    /// The node.
    pub sender: String,
    /// The action that it ran; old nodes do not say.
    pub action: String,
    /// How it ended.
    pub status: Status,
    /// How it ended, in words.
    pub message: String,
    /// The outputs.
    pub data: Map<String, Value>,
    /// When it answered, by its own clock.
    pub time: SystemTime,
}

/// 9999-12-31T23:59:59Z.
const LAST_SECOND: Duration = Duration::from_secs(253_402_300_799);

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    action: String,
    statuscode: u8,
    #[serde(default)]
    statusmsg: String,
    #[serde(default)]
    data: Value,
}

impl RpcReply {
    /// Reads the RPC layer of a reply. One that is no RPC reply becomes a failure that says so: its node has answered.
    pub fn read(reply: &Reply) -> Self {
        // Programs print dates of four-digit years only.
        let time = reply.time.min(LAST_SECOND);
        let body: Body = serde_json::from_slice(&reply.message).unwrap_or_else(|error| Body {
            action: String::new(),
            statuscode: Status::UNKNOWN.0,
            statusmsg: format!("the reply is not the JSON of an RPC reply: {error}"),
            data: Value::Null,
        });
        Self {
            sender: clean(&reply.sender).into_owned(),
            action: body.action,
            status: Status(body.statuscode),
            message: clean(&body.statusmsg).into_owned(),
            // An action that sets no data gives the text "{}".
            data: body.data.as_object().cloned().unwrap_or_default(),
            time: SystemTime::UNIX_EPOCH + time,
        }
    }
}

/// Everything that is known of one run of an RPC request.
#[derive(Clone, Debug)]
pub struct Results {
    /// The agent that was asked.
    pub agent: String,
    /// The action that was asked for.
    pub action: String,
    /// The answers in order of arrival, copies included.
    pub replies: Vec<RpcReply>,
    /// Who answered, and how long it took.
    pub stats: Stats,
}

/// Who answered one run, and how long it took.
#[derive(Clone, Debug)]
pub struct Stats {
    /// The request id, the same for all batches.
    pub request_id: String,
    /// How many nodes were asked.
    pub discovered: usize,
    /// Nodes that were asked and have not answered.
    pub no_responses: BTreeSet<String>,
    /// Nodes whose answer was not, or no longer, expected: copies too. With how many answers.
    pub unexpected: BTreeMap<String, usize>,
    /// Whether any one node's answer is still awaited: a service request's.
    pub any_awaited: bool,
    /// Answers with status 0.
    pub ok: usize,
    /// Answers with another status.
    pub failed: usize,
    /// How long finding the nodes took.
    pub discover_time: Duration,
    /// How long publishing took.
    pub publish_time: Duration,
    /// From the first publication to the end.
    pub request_time: Duration,
    /// When the run began.
    pub start: SystemTime,
}

impl Stats {
    /// The account of a run that is about to ask `nodes`.
    pub fn new<'a>(request_id: String, nodes: impl Iterator<Item = &'a str>) -> Self {
        let no_responses: BTreeSet<_> = nodes.map(str::to_owned).collect();
        Self {
            request_id,
            discovered: no_responses.len(),
            no_responses,
            unexpected: BTreeMap::new(),
            any_awaited: false,
            ok: 0,
            failed: 0,
            discover_time: Duration::ZERO,
            publish_time: Duration::ZERO,
            request_time: Duration::ZERO,
            start: SystemTime::now(),
        }
    }

    /// The account of a run that any one node may answer.
    pub fn for_service(request_id: String) -> Self {
        Self { discovered: 1, any_awaited: true, ..Self::new(request_id, std::iter::empty()) }
    }

    /// Whether everyone in this group has answered. Takes those who have from its front, so that asking again is cheap.
    pub fn is_complete(&self, group: &mut Targets<'_>) -> bool {
        match group {
            Targets::Broadcast => false,
            Targets::Service => !self.any_awaited,
            Targets::Nodes(nodes) => {
                while let Some((first, rest)) = nodes.split_first() {
                    if self.no_responses.contains(first.as_str()) {
                        return false;
                    }
                    *nodes = rest;
                }
                true
            }
        }
    }

    /// Enters one answer.
    pub fn count(&mut self, reply: &RpcReply) {
        if reply.status.is_ok() {
            self.ok += 1;
        } else {
            self.failed += 1;
        }
        let awaited = std::mem::take(&mut self.any_awaited);
        if !awaited && !self.no_responses.remove(&reply.sender) {
            *self.unexpected.entry(reply.sender.clone()).or_default() += 1;
        }
    }

    /// How many answers arrived, copies included.
    pub fn responses(&self) -> usize {
        self.ok + self.failed
    }
}

#[cfg(test)]
mod tests {
    use antiphon_wire::{Agent, RequestId, Version};

    use super::*;

    #[test]
    fn a_reply_from_the_far_future_still_has_a_date() {
        let reply = Reply {
            version: Version::V1,
            request_id: RequestId::try_from("id").unwrap(),
            sender: "n1".into(),
            agent: Agent::try_from("rpcutil").unwrap(),
            time: Duration::from_secs(u64::MAX),
            message: "{\"statuscode\":0}".into(),
        };
        let read = RpcReply::read(&reply);
        assert_eq!(
            humantime::format_rfc3339_seconds(read.time).to_string(),
            "9999-12-31T23:59:59Z"
        );
    }
}
