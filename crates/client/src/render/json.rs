//! The JSON of `choria req --json`.

use serde::Serialize;
use serde_json::{Map, Value};

use super::ping::nanoseconds;
use crate::aggregate::summarise;
use crate::ddl::Action;
use crate::results::{Results, RpcReply, Stats};

#[derive(Serialize)]
struct Document<'a> {
    agent: &'a str,
    action: &'a str,
    replies: Vec<Reply<'a>>,
    request_stats: RequestStats<'a>,
    summaries: Map<String, Value>,
}

#[derive(Serialize)]
struct Reply<'a> {
    sender: &'a str,
    action: &'a str,
    statuscode: u8,
    statusmsg: &'a str,
    data: Value,
    time_utc: String,
}

#[derive(Serialize)]
struct RequestStats<'a> {
    requestid: &'a str,
    no_responses: Vec<&'a str>,
    unexpected_responses: Vec<&'a str>,
    discovered: usize,
    failed: usize,
    ok: usize,
    responses: usize,
    publish_time: u64,
    request_time: u64,
    discover_time: u64,
    start_time_utc: String,
}

/// Agent, action, replies, statistics (durations in nanoseconds) and summaries, indented by three.
pub fn results_json(results: &Results, action: &Action) -> String {
    let summaries = summarise(action, &results.replies);
    indented(
        &Document {
            agent: &results.agent,
            action: &results.action,
            replies: results.replies.iter().map(|reply| reply_json(reply, action)).collect(),
            request_stats: stats_json(&results.stats),
            summaries: summaries.into_iter().map(|(name, sum)| (name, sum.to_json())).collect(),
        },
        3,
    )
}

fn reply_json<'a>(reply: &'a RpcReply, action: &'a Action) -> Reply<'a> {
    let mut data = reply.data.clone();
    if reply.status.is_ok() {
        action.fill_in_outputs(&mut data);
    }
    Reply {
        sender: &reply.sender,
        action: if reply.action.is_empty() { &action.name } else { &reply.action },
        statuscode: reply.status.0,
        statusmsg: &reply.message,
        data: Value::Object(data),
        time_utc: humantime::format_rfc3339_seconds(reply.time).to_string(),
    }
}

fn stats_json(stats: &Stats) -> RequestStats<'_> {
    RequestStats {
        requestid: &stats.request_id,
        no_responses: stats.no_responses.iter().map(String::as_str).collect(),
        unexpected_responses: stats.unexpected.keys().map(String::as_str).collect(),
        discovered: stats.discovered,
        failed: stats.failed,
        ok: stats.ok,
        responses: stats.responses(),
        publish_time: nanoseconds(stats.publish_time),
        request_time: nanoseconds(stats.request_time),
        discover_time: nanoseconds(stats.discover_time),
        start_time_utc: humantime::format_rfc3339_nanos(stats.start).to_string(),
    }
}

/// JSON indented by `width` spaces, with a line feed at the end.
pub(crate) fn indented(value: &impl Serialize, width: usize) -> String {
    let indent = b" ".repeat(width);
    let formatter = serde_json::ser::PrettyFormatter::with_indent(&indent);
    let mut out = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    value.serialize(&mut serializer).expect("these types have text keys and go to memory");
    out.push(b'\n');
    String::from_utf8(out).expect("serde_json writes UTF-8")
}
