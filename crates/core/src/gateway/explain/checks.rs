//! The checks and what they say.

use antiphon_wire::{Collective, Subject, Transport};
use bytes::Bytes;

use crate::{
    Check, CheckResult, DropReason, HintSaid, Rejection, Target,
    gateway::{decide::Asked, ingress::Refusal},
};

pub(super) fn check(name: &str, result: CheckResult, detail: String) -> Check {
    Check { name: name.to_owned(), result, detail }
}

pub(super) fn passed(checks: &mut Vec<Check>, name: &str, detail: String) {
    checks.push(check(name, CheckResult::Passed, detail));
}

/// Notes what a message would be dropped for, with the details if there are any.
pub(super) fn failed(
    checks: &mut Vec<Check>,
    name: &str,
    detail: &str,
    reason: DropReason,
) -> DropReason {
    let separator = if detail.is_empty() { "" } else { ": " };
    let detail = format!("{detail}{separator}it would be dropped as {reason}");
    checks.push(check(name, CheckResult::Failed, detail));
    reason
}

pub(super) fn describe(collective: &Collective, target: &Target) -> String {
    match target {
        Target::Broadcast { agent } => {
            format!("a request for every node of {collective} with the agent {agent}")
        }
        Target::Service { agent } => {
            format!("a request for one node of {collective} that serves {agent}")
        }
        Target::Directed { identities } => {
            format!("a request for {} in {collective}", identities.join(", "))
        }
    }
}

/// Why nobody takes what is published on a subject.
pub(super) const fn unheard(subject: &Subject) -> &'static str {
    match subject {
        Subject::Broadcast { .. } => "registrations stay in their region",
        Subject::Reply(_) => "a client waits for answers there, and no gateway listens",
        Subject::FederationReply { .. } => "not the subject on which nodes of this region answer",
        Subject::Lifecycle { .. } => "events of nodes stay in their region",
        Subject::Service { .. }
        | Subject::Node { .. }
        | Subject::FederationRequest { .. }
        | Subject::Other(_) => "no gateway listens there",
    }
}

/// Nobody knows what the message itself is like.
pub(super) fn no_message() -> Check {
    let detail = "no message was given: taken to be well formed".to_owned();
    check("message", CheckResult::Unknown, detail)
}

/// Notes why a request is refused when it is read.
pub(super) fn malformed(
    checks: &mut Vec<Check>,
    payload: &Bytes,
    bytes_max: u64,
    refusal: &Refusal,
) -> DropReason {
    failed(checks, "message", &what_is_wrong(payload, bytes_max), refusal.reason)
}

/// What cannot be read of a message, or how large it is, or what it says of itself.
pub(super) fn what_is_wrong(payload: &Bytes, bytes_max: u64) -> String {
    if payload.len() as u64 > bytes_max {
        return format!("{} bytes, where {bytes_max} may be", payload.len());
    }
    let transport = match Transport::decode(payload.clone()) {
        Ok(transport) => transport,
        Err(error) => return error.to_string(),
    };
    match transport.request_head() {
        Ok(head) => format!("its envelope is for agent {} of {}", head.agent, head.collective),
        Err(error) => error.to_string(),
    }
}

/// What hints say against a region.
pub(super) fn hint_detail(hint: Option<HintSaid>) -> String {
    let age = hint.and_then(|hint| hint.age).unwrap_or_default().as_secs();
    format!("its hints, read {age} s ago, are complete and do not hold the node")
}

/// What is checked of a request as a whole, if its region is ours.
pub(super) fn rules(refused: Option<&Rejection>, asked: &Asked<'_>, ours: bool) -> Vec<Check> {
    if !ours {
        let detail = "which halts that region follows is its own to say";
        let halts = check("halts", CheckResult::Unknown, detail.to_owned());
        let detail = "the rules of that region are its own: ask one of its gateways";
        return vec![halts, check("rules", CheckResult::Unknown, detail.to_owned())];
    };
    let fails =
        |rejection: &Rejection, name| check(name, CheckResult::Failed, rejection.to_string());
    let mut checks = Vec::new();
    if let Some(rejection @ Rejection::Halted { .. }) = refused {
        return vec![fails(rejection, "halts")];
    }
    passed(&mut checks, "halts", unhalted(asked.will.orders.halts()));
    if let Some(rejection @ Rejection::RateLimited) = refused {
        checks.push(fails(rejection, "rate"));
        return checks;
    }
    if let Some(rate) = asked.will.policy.limits.caller {
        let caller = &asked.head.caller;
        let detail = format!("{caller} has something left of its {} a second", rate.per_second);
        passed(&mut checks, "rate", detail);
    }
    match refused {
        Some(rejection) => checks.push(fails(rejection, "service")),
        None => {
            let detail = "nothing is against the request as such";
            passed(&mut checks, "rules", detail.to_owned());
        }
    }
    checks
}

fn unhalted(halts: usize) -> String {
    match halts {
        0 => "nothing is halted".to_owned(),
        1 => "the halt in force is not about every such request".to_owned(),
        halts => format!("none of the {halts} halts in force is about every such request"),
    }
}
