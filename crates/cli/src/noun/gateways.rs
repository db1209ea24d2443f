//! `antiphon gateways`: every gateway of the fabric, as the one that is asked knows it.

use antiphon_core::{GatewayState, MemberView, Stamp};
use antiphon_gateway::shell::Report;
use serde_json::{Map, Value, json};

use super::{Held, list_of, millis, route_cells, route_json, some};
use crate::{
    human,
    table::{Cell, Column, Table, Tone},
};

/// One row a gateway.
#[must_use]
pub fn rows(report: &Report, held: &Held) -> Table {
    let columns = vec![
        Column::words("GATEWAY"),
        Column::words("REGION"),
        Column::words("STATE"),
        Column::words("BROKER"),
        Column::numbers("COST"),
        Column::words("NEXT HOPS"),
        Column::numbers("LINKS"),
        Column::numbers("SEEN"),
        Column::numbers("OURS").if_wide(),
        Column::numbers("THEIRS").if_wide(),
        Column::words("VERSION").if_wide(),
        Column::words("ENDPOINT").if_wide(),
        Column::words("GOSSIP").if_wide(),
    ];
    let mut table = Table::new(columns).or_say("no gateways are known");
    table.rows = report.core.gateways.iter().map(|member| row(member, report, held)).collect();
    table
}

fn row(member: &MemberView, report: &Report, held: &Held) -> Vec<Cell> {
    let [cost, next_hops] = match is_ours(member, report) {
        true => ["-".into(), "here".into()],
        false => route_cells(member.route.as_ref()),
    };
    let Place { version, endpoint } = place(member, report);
    vec![
        member.gateway.as_str().into(),
        member.region.as_str().into(),
        state(member.state),
        broker(member.broker),
        cost,
        next_hops,
        (member.adjacencies.len() as u64).into(),
        seen(member, report),
        ours(member, report, held),
        advert(member.advert),
        known(version),
        known(endpoint),
        gossip(member, report).into(),
    ]
}

/// How long ago it was heard.
fn seen(member: &MemberView, report: &Report) -> Cell {
    match member.heard {
        Some(heard) if !is_ours(member, report) => Cell::measure(human::span(heard), millis(heard)),
        Some(_) | None => "-".into(),
    }
}

/// Which of our adverts it holds; behind ours, the news has not come there (yet).
fn ours(member: &MemberView, report: &Report, held: &Held) -> Cell {
    if is_ours(member, report) {
        return "-".into();
    }
    let theirs = held.get(&member.gateway).copied();
    let newest = report.core.gateways.iter().find(|one| is_ours(one, report));
    let behind = theirs < newest.and_then(|one| one.advert);
    advert(theirs).tone(if theirs.is_some() && behind { Tone::Warning } else { Tone::Plain })
}

/// The version of an advert within the life of its gateway.
fn advert(stamp: Option<Stamp>) -> Cell {
    stamp.map_or_else(|| "-".into(), |stamp| stamp.version.into())
}

fn is_ours(member: &MemberView, report: &Report) -> bool {
    member.gateway == report.core.gateway
}

/// What gossip says of a gateway; of itself a gateway knows without.
struct Place<'a> {
    version: &'a str,
    endpoint: &'a str,
}

fn place<'a>(member: &'a MemberView, report: &'a Report) -> Place<'a> {
    match is_ours(member, report) {
        true => Place { version: &report.daemon.version, endpoint: &report.daemon.endpoint },
        false => Place { version: &member.version, endpoint: &member.endpoint },
    }
}

/// Where a gateway is in its life.
pub(super) fn state(state: Option<GatewayState>) -> Cell {
    let Some(state) = state else { return Cell::from("unheard").tone(Tone::Warning) };
    Cell::from(state.label()).tone(match state {
        GatewayState::Active => Tone::Good,
        GatewayState::Starting | GatewayState::Draining | GatewayState::Left => Tone::Warning,
    })
}

/// Whether its broker connection stands.
pub(super) fn broker(broker: Option<bool>) -> Cell {
    match broker {
        Some(true) => Cell::from("up").tone(Tone::Good),
        Some(false) => Cell::from("away").tone(Tone::Problem),
        None => "-".into(),
    }
}

/// Nobody gossips with itself.
fn gossip(member: &MemberView, report: &Report) -> &'static str {
    match (is_ours(member, report), member.gossip) {
        (true, _) => "-",
        (false, true) => "yes",
        (false, false) => "no",
    }
}

fn known(text: &str) -> Cell {
    Cell::optional(some(text))
}

/// The same for programs.
#[must_use]
pub fn json(report: &Report, held: &Held) -> Map<String, Value> {
    list_of("gateways", report.core.gateways.iter().map(|member| value(member, report, held)))
}

fn value(member: &MemberView, report: &Report, held: &Held) -> Value {
    let Place { version, endpoint } = place(member, report);
    json!({
        "gateway": member.gateway,
        "region": member.region,
        "ours": is_ours(member, report),
        "state": member.state.map(GatewayState::label),
        "broker": member.broker,
        "incarnation": member.advert.map(|stamp| stamp.incarnation),
        "advert_version": member.advert.map(|stamp| stamp.version),
        "holds_advert_version": held.get(&member.gateway).map(|stamp| stamp.version),
        "seen_ms": member.heard.map(millis),
        "links": member.adjacencies,
        "version": some(version),
        "endpoint": some(endpoint),
        "gossip": member.gossip,
        "route": member.route.as_ref().map(route_json),
    })
}
