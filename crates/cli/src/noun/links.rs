//! `antiphon links`: the links of one gateway, down ones included while it remembers them.

use antiphon_core::LinkView;
use antiphon_gateway::shell::Report;
use serde_json::{Map, Value, json};

use super::{list_of, micros, millis, some};
use crate::{
    human,
    table::{Cell, Column, Table, Tone},
};

/// Reasons come from far down, and some are long.
const NOTES_WIDTH: u16 = 32;
/// Enough to tell one reason from another on 80 columns.
const NOTES_LINES: usize = 4;

/// One row a peer.
#[must_use]
pub fn rows(report: &Report) -> Table {
    let columns = vec![
        Column::words("GATEWAY"),
        Column::words("REGION"),
        Column::words("STATE"),
        Column::numbers("SINCE"),
        Column::numbers("RTT"),
        Column::numbers("COST"),
        Column::numbers("QUEUED"),
        Column::numbers("UNACKED"),
        Column::words("NOTES").at_most(NOTES_WIDTH),
        Column::words("DIALLED BY").if_wide(),
        Column::numbers("IN/OUT").if_wide(),
        Column::numbers("RESENT").if_wide(),
        Column::numbers("CREDIT").if_wide(),
        Column::words("ENDPOINT").if_wide(),
        Column::words("VERSION").if_wide(),
    ];
    let mut table = Table::new(columns).or_say("no links").cut_after(NOTES_LINES);
    table.rows = report.core.links.iter().map(row).collect();
    table
}

fn row(link: &LinkView) -> Vec<Cell> {
    vec![
        link.gateway.as_str().into(),
        link.region.as_str().into(),
        state(&link.state),
        human::span(link.since).into(),
        Cell::optional(link.rtt.map(human::round_trip)),
        u64::from(link.cost).into(),
        human::bytes(link.queued).into(),
        human::bytes(link.unacknowledged).into(),
        notes(link),
        Cell::optional(some(&link.dialed)),
        format!("{}/{}", link.frames_in, link.frames_out).into(),
        link.retransmissions.into(),
        human::bytes(link.credit).into(),
        link.endpoint.as_str().into(),
        link.version.as_str().into(),
    ]
}

fn state(state: &str) -> Cell {
    Cell::from(state).tone(match state {
        "up" => Tone::Good,
        "down" => Tone::Problem,
        _ => Tone::Warning,
    })
}

fn notes(link: &LinkView) -> Cell {
    let reason = some(&link.reason).filter(|_| !is_up(link));
    let draining = link.draining.then_some("draining");
    human::list(draining.into_iter().chain(reason)).into()
}

/// Whether frames can go over the link.
pub(super) fn is_up(link: &LinkView) -> bool {
    link.state == "up"
}

/// The same for programs.
#[must_use]
pub fn json(report: &Report) -> Map<String, Value> {
    list_of("links", report.core.links.iter().map(value))
}

fn value(link: &LinkView) -> Value {
    json!({
        "gateway": link.gateway,
        "region": link.region,
        "version": link.version,
        "endpoint": link.endpoint,
        "state": link.state,
        "since_ms": millis(link.since),
        "dialed": some(&link.dialed),
        "rtt_us": link.rtt.map(micros),
        "cost": link.cost,
        "credit_bytes": link.credit,
        "queued_bytes": link.queued,
        "unacknowledged_bytes": link.unacknowledged,
        "retransmissions": link.retransmissions,
        "frames_in": link.frames_in,
        "frames_out": link.frames_out,
        "reason": some(&link.reason),
        "draining": link.draining,
    })
}
