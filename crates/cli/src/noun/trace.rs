//! `antiphon trace`: what a message meets on its way to a region and back.

mod delivery;

use std::time::Duration;

use antiphon_core::{GatewayId, ProbeEnd, ProbeHop, Trace};
use serde_json::{Map, Value, json};

use super::{drops, list_of, micros};
use crate::{
    human,
    table::{Cell, Column, Table, Tone},
};

pub use delivery::Delivery;

/// A verdict and the hops, for each region that was traced; at the end what the node said.
#[must_use]
pub fn tables(traces: &[Trace], delivery: Option<&Delivery>) -> Vec<Table> {
    let traces = traces.iter().flat_map(|trace| [head(trace), hops(trace)]);
    traces.chain(delivery.map(Delivery::table)).collect()
}

fn head(trace: &Trace) -> Table {
    let mut pairs = vec![("to", trace.to.as_str().into()), ("verdict", verdict(trace))];
    if let Some(took) = trace.took {
        pairs.push(("there and back", human::round_trip(took).into()));
    }
    if is_unequal(trace) {
        let text = "the way back is not the way out; clocks cannot be compared";
        pairs.push(("paths", Cell::from(text).tone(Tone::Warning)));
    }
    Table::pairs(pairs)
}

/// How far it came, in one line.
pub(crate) fn verdict(trace: &Trace) -> Cell {
    let problem = |text: String| Cell::from(text).tone(Tone::Problem);
    let last = last(trace).map_or("-", GatewayId::as_str);
    match (trace.ended, &trace.silent) {
        (Some(ProbeEnd::Arrived), _) => {
            let broker = trace.hops.iter().find_map(|hop| hop.broker);
            let broker =
                broker.map(|rtt| format!(", which answered in {}", human::round_trip(rtt)));
            let text = format!("reaches the broker of {}{}", trace.to, broker.unwrap_or_default());
            Cell::from(text).tone(Tone::Good)
        }
        (Some(ProbeEnd::Dropped(reason)), _) => {
            problem(format!("dropped at {last} as {reason}: {}", drops::meaning(reason)))
        }
        (Some(ProbeEnd::NoWay), _) => problem(format!("{last} has no way on")),
        (Some(ProbeEnd::Turned), Some(silent)) => {
            let timeout = human::span(trace.timeout);
            problem(format!(
                "{silent} did not answer within {timeout}; the last that did is {last}"
            ))
        }
        (Some(ProbeEnd::Turned), None) => problem(format!("the last that answered is {last}")),
        (None, _) => problem(format!("nobody answered within {}", human::span(trace.timeout))),
    }
}

/// The farthest gateway on the way out that answered.
fn last(trace: &Trace) -> Option<&GatewayId> {
    trace.hops.iter().rev().find(|hop| !hop.back).map(|hop| &hop.gateway)
}

/// Whether the way back leads over other gateways than the way out.
fn is_unequal(trace: &Trace) -> bool {
    let way = |back| trace.hops.iter().filter(move |hop| hop.back == back).map(|hop| &hop.gateway);
    let between: Vec<&GatewayId> = way(false).skip(1).collect();
    let expected = between.iter().rev().skip(1).copied();
    !between.is_empty() && !way(true).eq(expected)
}

fn hops(trace: &Trace) -> Table {
    let columns = vec![
        Column::words("WAY"),
        Column::words("GATEWAY"),
        Column::words("REGION"),
        Column::words("VERSION").if_wide(),
        Column::numbers("STAYED"),
        Column::words("NEXT"),
        Column::numbers("LINK RTT"),
        Column::numbers("QUEUE WAIT"),
        Column::numbers("QUEUED").if_wide(),
        Column::numbers("BROKER"),
        Column::numbers("CLOCK"),
    ];
    let mut table = Table::new(columns);
    table.rows = trace.hops.iter().map(|hop| hop_row(hop, trace)).collect();
    table
}

fn hop_row(hop: &ProbeHop, trace: &Trace) -> Vec<Cell> {
    vec![
        if hop.back { "back" } else { "out" }.into(),
        hop.gateway.as_str().into(),
        hop.region.as_str().into(),
        hop.version.as_str().into(),
        human::round_trip(hop.stayed).into(),
        Cell::optional(hop.next.as_ref()),
        Cell::optional(hop.rtt.map(human::round_trip)),
        human::round_trip(hop.waited).into(),
        human::bytes(hop.queued).into(),
        Cell::optional(hop.broker.map(human::round_trip)),
        Cell::optional(skew(hop, trace).map(signed)),
    ]
}

fn skew(hop: &ProbeHop, trace: &Trace) -> Option<i64> {
    trace.skews.iter().find(|(gateway, _)| *gateway == hop.gateway).map(|(_, skew)| *skew)
}

/// `+1.2ms`, `-85ms`.
fn signed(micros: i64) -> String {
    let sign = if micros < 0 { '-' } else { '+' };
    format!("{sign}{}", human::round_trip(Duration::from_micros(micros.unsigned_abs())))
}

/// The same for programs.
#[must_use]
pub fn json(traces: &[Trace], delivery: Option<&Delivery>) -> Map<String, Value> {
    let mut fields = list_of("traces", traces.iter().map(trace_value));
    fields.insert("delivery".to_owned(), json!(delivery.map(Delivery::json)));
    fields
}

fn trace_value(trace: &Trace) -> Value {
    let (ended, reason) = match trace.ended {
        Some(ProbeEnd::Arrived) => (Some("arrived"), None),
        Some(ProbeEnd::Turned) => (Some("turned"), None),
        Some(ProbeEnd::NoWay) => (Some("no-way"), None),
        Some(ProbeEnd::Dropped(reason)) => (Some("dropped"), Some(reason)),
        None => (None, None),
    };
    let hop = |hop: &ProbeHop| {
        json!({
            "way": if hop.back { "back" } else { "out" },
            "gateway": hop.gateway,
            "region": hop.region,
            "version": hop.version,
            "at": human::moment(hop.at),
            "stayed_us": micros(hop.stayed),
            "next": hop.next,
            "rtt_us": hop.rtt.map(micros),
            "queue_wait_us": micros(hop.waited),
            "queued_bytes": hop.queued,
            "broker_us": hop.broker.map(micros),
            "clock_ahead_us": skew(hop, trace),
        })
    };
    json!({
        "to": trace.to,
        "good": trace.is_good(),
        "ended": ended,
        "reason": reason,
        "verdict": verdict(trace).text,
        "took_us": trace.took.map(micros),
        "last": last(trace),
        "silent": trace.silent,
        "unequal_paths": is_unequal(trace),
        "hops": trace.hops.iter().map(hop).collect::<Vec<_>>(),
    })
}
