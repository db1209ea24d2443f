//! Lifecycle events: what a node tells the world of its coming, its being and its going (CloudEvents 1.0).

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use serde::Serialize;
use uuid::Uuid;

use crate::node::{Node, Outgoing};

/// How often a node says that it is alive, and at most how long after its start for the first time, as in Choria.
pub(crate) const ALIVE_INTERVAL: Duration = Duration::from_secs(30 * 60);

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The node is connected for the first time.
    Startup,
    /// It is still there.
    Alive,
    /// It stops.
    Shutdown,
}

impl Event {
    fn name(self) -> &'static str {
        match self {
            Self::Startup => "startup",
            Self::Alive => "alive",
            Self::Shutdown => "shutdown",
        }
    }
}

#[derive(Serialize)]
struct CloudEvent<'a> {
    specversion: &'static str,
    id: &'a str,
    source: &'static str,
    #[serde(rename = "type")]
    kind: &'a str,
    subject: &'a str,
    datacontenttype: &'static str,
    time: String,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    protocol: &'a str,
    id: &'a str,
    identity: &'a str,
    component: &'static str,
    timestamp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'static str>,
}

/// The event of a node, counted as published.
pub(crate) fn event(node: &Node, event: Event) -> Outgoing {
    let id = Uuid::new_v4().to_string();
    let name = event.name();
    let kind = format!("io.choria.lifecycle.v1.{name}");
    let timestamp = node.clock.unix_seconds();
    let at = UNIX_EPOCH + Duration::from_secs(timestamp);
    let cloud_event = CloudEvent {
        specversion: "1.0",
        id: &id,
        source: "io.choria.lifecycle",
        kind: &kind,
        subject: node.identity(),
        datacontenttype: "application/json",
        time: humantime::format_rfc3339_seconds(at).to_string(),
        data: Data {
            protocol: &kind,
            id: &id,
            identity: node.identity(),
            component: "server",
            timestamp,
            version: (event != Event::Shutdown).then_some(crate::VERSION),
        },
    };
    let payload = serde_json::to_vec(&cloud_event).expect("texts and numbers can be written");
    node.stats.event_published();
    let subject = format!("choria.lifecycle.event.{name}.server");
    Outgoing { subject, payload: Bytes::from(payload) }
}
