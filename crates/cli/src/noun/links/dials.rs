//! Attempts to dial somebody that have failed since the last that succeeded.

use std::time::Duration;

use antiphon_core::{GatewayId, RegionId};
use antiphon_gateway::shell::{DialFacts, Report};
use serde_json::{Value, json};

use crate::{
    human,
    table::{Cell, Tone},
};

/// Those with whom there is no link at all, seeds among them: links tell of the others.
pub(super) fn without_link(report: &Report) -> impl Iterator<Item = &DialFacts> {
    let dials = report.daemon.troubles.dials.iter();
    dials.filter(|dial| dial.gateway.as_ref().is_none_or(|gateway| !is_linked(report, gateway)))
}

fn is_linked(report: &Report, gateway: &GatewayId) -> bool {
    report.core.links.iter().any(|link| link.gateway == *gateway)
}

/// The last attempt at a gateway whose link is away.
pub(super) fn of<'a>(report: &'a Report, gateway: &GatewayId) -> Option<&'a DialFacts> {
    let mut dials = report.daemon.troubles.dials.iter();
    dials.find(|dial| dial.gateway.as_ref() == Some(gateway))
}

/// The region of whoever was dialled; a seed's is not known.
pub(super) fn region<'a>(report: &'a Report, dial: &DialFacts) -> Option<&'a RegionId> {
    let gateway = dial.gateway.as_ref()?;
    let mut members = report.core.gateways.iter();
    members.find(|member| member.gateway == *gateway).map(|member| &member.region)
}

/// What became of it, in a word.
pub(super) fn state(dial: &DialFacts) -> Cell {
    Cell::from(if dial.refused { "refused" } else { "no answer" }).tone(Tone::Problem)
}

/// Why one whose link is away is dialled in vain.
pub(super) fn why(dial: &DialFacts) -> String {
    format!("dialled {} in vain: {}", human::count(dial.count, "time"), human::reason(&dial.reason))
}

/// How often, when last, and why.
pub(super) fn note(dial: &DialFacts, at: Duration) -> String {
    let whom = match dial.gateway {
        Some(_) => String::new(),
        None => format!("seed {}, ", dial.endpoint),
    };
    let ago = human::span(at.saturating_sub(dial.last));
    let reason = human::reason(&dial.reason);
    format!("{whom}dialled {}, last {ago} ago: {reason}", human::count(dial.count, "time"))
}

/// The same for programs.
pub(super) fn value(report: &Report, dial: &DialFacts) -> Value {
    json!({
        "gateway": dial.gateway,
        "region": region(report, dial),
        "endpoint": dial.endpoint,
        "refused": dial.refused,
        "reason": dial.reason,
        "failures": dial.count,
        "last": human::moment(dial.last),
    })
}
