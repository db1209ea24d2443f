//! Events and actions in few words.

use antiphon_core::{Action, DialTarget, Event};
use antiphon_gateway::record::Step;
use serde::Serialize;
use serde_json::{Value, json};

/// Lists of more bytes than this are told by their length.
const BYTES_SHOWN_MAX: usize = 16;

/// What happened.
#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "what needs no words of its own has its variant's"
)]
pub(super) fn event(event: &Event) -> String {
    match event {
        Event::FromBroker(message) => {
            format!("from the broker: {} ({} bytes)", message.subject, message.payload.len())
        }
        Event::Frame { frame: Ok(frame), number, .. } => {
            let from = &frame.end.creator.gateway;
            format!("frame {number}, of {from}: {}", frame.end.body.describe())
        }
        Event::LinkUp { peer, .. } => format!("the link to {} is up", peer.gateway),
        Event::LinkDown { link, reason } => format!("link {} is down: {reason}", link.0),
        Event::MemberSeen(member) => format!("gossip knows {}", member.gateway),
        Event::MemberGone { gateway } => format!("gossip has lost {gateway}"),
        Event::BrokerUp(info) => format!("the broker {} is there", info.url),
        Event::PublishRefused { subject, reason } => format!("{subject} refused: {reason}"),
        Event::BeaconHeard(beacon) => format!("beacon of {}", beacon.gateway),
        Event::DialFailed { target, .. } => format!("nobody answers at {}", place(target)),
        other => kind(other),
    }
}

/// What is decided; `None` for what keeps links alive and says nothing.
#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "what needs no words of its own has its variant's"
)]
pub(super) fn action(action: &Action) -> Option<String> {
    let words = match action {
        Action::Publish { subject, .. } => format!("publish {subject}"),
        Action::Send { link, frame, .. } => {
            format!("send {} on link {}", frame.end.body.describe(), link.0)
        }
        Action::Dropped(dropped) => match &dropped.to {
            Some(to) => format!("drop {} for {to}: {}", dropped.subject, dropped.reason),
            None => format!("drop {}: {}", dropped.subject, dropped.reason),
        },
        Action::Subscribe { subject, .. } => format!("subscribe {subject}"),
        Action::Dial { target } => format!("dial {}", place(target)),
        Action::CloseLink { link, reason } => format!("close link {}: {reason}", link.0),
        Action::Alarm { alarm, raised } => {
            format!("{} {}", if *raised { "alarm" } else { "alarm over" }, inner(alarm))
        }
        Action::Ready { ready } => format!("ready {ready}"),
        Action::Ping { .. } | Action::Pong { .. } | Action::Control { .. } => return None,
        other => kind(other),
    };
    Some(words)
}

/// Whether anything is decided in a turn besides keeping links alive.
pub(super) fn is_decision(step: &Step) -> bool {
    let quiet = |action: &Action| {
        matches!(
            action,
            Action::Ping { .. }
                | Action::Pong { .. }
                | Action::Control { .. }
                | Action::Barrier { .. }
                | Action::PublishBeacon { .. }
        )
    };
    !step.actions.iter().all(quiet)
}

/// Whether an event or action names a request, outside payloads.
pub(super) fn mentions(what: &impl Serialize, request: &str) -> bool {
    fn holds(value: &Value, request: &str) -> bool {
        if let Some(text) = value.as_str() {
            return text.contains(request);
        }
        if let Some(list) = value.as_array() {
            return list.iter().any(|one| holds(one, request));
        }
        value.as_object().is_some_and(|map| map.values().any(|one| holds(one, request)))
    }
    holds(&without_payloads(what), request)
}

/// An event or action as JSON; bytes are told by their number.
pub(super) fn without_payloads(what: &impl Serialize) -> Value {
    fn shorten(value: &mut Value) {
        if let Some(list) = value.as_array_mut() {
            let bytes = list.iter().all(|one| one.as_u64().is_some_and(|byte| byte < 256));
            if bytes && list.len() > BYTES_SHOWN_MAX {
                *value = json!({ "bytes": list.len() });
            } else {
                list.iter_mut().for_each(shorten);
            }
        } else if let Some(map) = value.as_object_mut() {
            map.values_mut().for_each(shorten);
        }
    }
    let mut value = serde_json::to_value(what).unwrap_or_default();
    shorten(&mut value);
    value
}

fn place(target: &DialTarget) -> String {
    let (DialTarget::Seed { endpoint } | DialTarget::Member { endpoint, .. }) = target;
    endpoint.to_string()
}

/// The variant's name, in small letters.
fn kind(what: &impl Serialize) -> String {
    let value = serde_json::to_value(what).unwrap_or_default();
    let name = value.as_str().or_else(|| value.as_object()?.keys().next().map(String::as_str));
    let mut words = String::new();
    for one in name.unwrap_or_default().chars() {
        if one.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(one.to_lowercase());
    }
    words
}

fn inner(what: &impl Serialize) -> String {
    let value = without_payloads(what);
    value.get("alarm").and_then(Value::as_str).map_or_else(|| value.to_string(), str::to_owned)
}
