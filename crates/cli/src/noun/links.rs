//! `antiphon links`: the links of one gateway, down ones included while it remembers them, and whom it
//! dials in vain.

mod dials;

use std::time::Duration;

use antiphon_core::LinkView;
use antiphon_gateway::shell::{Connection, DialFacts, LinkTraffic, Report};
use serde_json::{Map, Value, json};

use super::{list_of, micros, millis, some};
use crate::{
    human,
    table::{Cell, Column, Table, Tone},
};

/// Reasons come from far down, and some are long.
const NOTES_WIDTH: u16 = 32;
/// Enough to tell one reason from another on 80 columns.
const NOTES_LINES: usize = 5;

/// One row a peer, then one for each that was dialled in vain.
#[must_use]
pub fn rows(report: &Report) -> Table {
    let columns = vec![
        Column::words("GATEWAY"),
        Column::words("REGION"),
        Column::words("STATE"),
        Column::numbers("SINCE"),
        Column::numbers("RTT"),
        Column::numbers("COST").if_wide(),
        Column::numbers("IN"),
        Column::numbers("OUT"),
        Column::numbers("QUEUED").if_wide(),
        Column::words("NOTES").at_most(NOTES_WIDTH),
        Column::numbers("UNACKED").if_wide(),
        Column::words("DIALLED BY").if_wide(),
        Column::numbers("FRAMES").if_wide(),
        Column::numbers("RESENT").if_wide(),
        Column::numbers("CREDIT").if_wide(),
        Column::words("ENDPOINT").if_wide(),
        Column::words("VERSION").if_wide(),
        Column::numbers("CERTIFICATE").if_wide(),
    ];
    let mut table = Table::new(columns).or_say("no links").cut_after(NOTES_LINES);
    let links = report.core.links.iter().map(|link| row(link, report));
    let dials = dials::without_link(report).map(|dial| dial_row(dial, report));
    table.rows = links.chain(dials).collect();
    table
}

fn dial_row(dial: &DialFacts, report: &Report) -> Vec<Cell> {
    let none = || Cell::from("-");
    vec![
        Cell::optional(dial.gateway.as_ref()),
        Cell::optional(dials::region(report, dial)),
        dials::state(dial),
        none(),
        none(),
        none(),
        none(),
        none(),
        none(),
        dials::note(dial, report.at).into(),
        none(),
        none(),
        none(),
        none(),
        none(),
        dial.endpoint.as_str().into(),
        none(),
        none(),
    ]
}

fn row(link: &LinkView, report: &Report) -> Vec<Cell> {
    let traffic = traffic(link, report);
    let rate = |rate: fn(&LinkTraffic) -> u64| {
        traffic.map_or("-".into(), |one| Cell::measure(human::rate(rate(one)), rate(one)))
    };
    vec![
        link.gateway.as_str().into(),
        link.region.as_str().into(),
        state(&link.state),
        Cell::measure(human::span(link.since), millis(link.since)),
        link.rtt.map_or("-".into(), |rtt| Cell::measure(human::round_trip(rtt), micros(rtt))),
        u64::from(link.cost).into(),
        rate(|one| one.rate_in),
        rate(|one| one.rate_out),
        Cell::measure(human::bytes(link.queued), link.queued),
        notes(link, report),
        Cell::measure(human::bytes(link.unacknowledged), link.unacknowledged),
        Cell::optional(some(&link.dialed)),
        format!("{}/{}", link.frames_in, link.frames_out).into(),
        link.retransmissions.into(),
        Cell::measure(human::bytes(link.credit), link.credit),
        link.endpoint.as_str().into(),
        link.version.as_str().into(),
        certificate_left(link, report)
            .map_or("-".into(), |left| Cell::measure(human::days(left), millis(left))),
    ]
}

/// What is left of the certificate that the peer has shown.
fn certificate_left(link: &LinkView, report: &Report) -> Option<Duration> {
    Some(traffic(link, report)?.certificate_end?.saturating_sub(report.at))
}

/// What went over its connections; nothing while it is down.
fn traffic<'a>(link: &LinkView, report: &'a Report) -> Option<&'a LinkTraffic> {
    let of_peer = |one: &&LinkTraffic| one.gateway == link.gateway;
    report.daemon.links.iter().find(of_peer).filter(|_| is_up(link))
}

fn state(state: &str) -> Cell {
    Cell::from(state).tone(match state {
        "up" => Tone::Good,
        "down" => Tone::Problem,
        _ => Tone::Warning,
    })
}

fn notes(link: &LinkView, report: &Report) -> Cell {
    let away = !is_up(link);
    let draining = link.draining.then(|| "draining".to_owned());
    let held = link.held_down.then(|| "held down by an operator".to_owned());
    let reason = some(&link.reason).filter(|_| away).map(human::reason);
    let dial = dials::of(report, &link.gateway).filter(|_| away);
    let dial = dial.map(dials::why);
    let tone = if link.held_down { Tone::Warning } else { Tone::Plain };
    Cell::from(human::list([draining, held, dial, reason].into_iter().flatten())).tone(tone)
}

/// Whether frames can go over the link.
pub(super) fn is_up(link: &LinkView) -> bool {
    link.state == "up"
}

/// The same for programs.
#[must_use]
pub fn json(report: &Report) -> Map<String, Value> {
    let dials = report.daemon.troubles.dials.iter().map(|dial| dials::value(report, dial));
    let mut fields = list_of("links", report.core.links.iter().map(|link| value(link, report)));
    fields.extend(list_of("dials", dials));
    fields
}

fn value(link: &LinkView, report: &Report) -> Value {
    let traffic = traffic(link, report);
    let bytes = |count: fn(&Connection) -> u64| {
        traffic.map(|one| count(&one.control).saturating_add(count(&one.data)))
    };
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
        "bytes_in": bytes(|one| one.bytes_in),
        "bytes_out": bytes(|one| one.bytes_out),
        "bytes_in_per_second": traffic.map(|one| one.rate_in),
        "bytes_out_per_second": traffic.map(|one| one.rate_out),
        "frames_in": link.frames_in,
        "frames_out": link.frames_out,
        "reason": some(&link.reason),
        "certificate_left_ms": certificate_left(link, report).map(millis),
        "draining": link.draining,
        "held_down": link.held_down,
    })
}
