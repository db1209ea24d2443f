//! `antiphon gateways`: every gateway of the fabric, as the one that is asked knows it.

use antiphon_core::{GatewayState, MemberView, Snapshot};
use serde_json::{Map, Value, json};

use super::{list_of, route_cells, route_json};
use crate::table::{Cell, Column, Table, Tone};

/// One row a gateway.
#[must_use]
pub fn rows(snapshot: &Snapshot) -> Table {
    let columns = vec![
        Column::words("GATEWAY"),
        Column::words("REGION"),
        Column::words("STATE"),
        Column::words("BROKER"),
        Column::numbers("COST"),
        Column::words("NEXT HOPS"),
        Column::numbers("LINKS"),
        Column::words("VERSION").if_wide(),
        Column::words("ENDPOINT").if_wide(),
        Column::words("GOSSIP").if_wide(),
    ];
    let mut table = Table::new(columns, "no gateways are known");
    table.rows = snapshot.gateways.iter().map(|member| row(member, snapshot)).collect();
    table
}

fn row(member: &MemberView, snapshot: &Snapshot) -> Vec<Cell> {
    let [cost, next_hops] = if member.gateway == snapshot.gateway {
        ["-".into(), "here".into()]
    } else {
        route_cells(member.route.as_ref())
    };
    vec![
        member.gateway.as_str().into(),
        member.region.as_str().into(),
        state(member.state),
        broker(member.broker),
        cost,
        next_hops,
        (member.adjacencies.len() as u64).into(),
        known(&member.version),
        known(&member.endpoint),
        if member.gossip { "yes" } else { "no" }.into(),
    ]
}

fn state(state: Option<GatewayState>) -> Cell {
    let Some(state) = state else { return Cell::from("unheard").tone(Tone::Warning) };
    Cell::from(state.label()).tone(match state {
        GatewayState::Active => Tone::Good,
        GatewayState::Starting | GatewayState::Draining | GatewayState::Left => Tone::Warning,
    })
}

fn broker(broker: Option<bool>) -> Cell {
    match broker {
        Some(true) => Cell::from("up").tone(Tone::Good),
        Some(false) => Cell::from("away").tone(Tone::Problem),
        None => "-".into(),
    }
}

fn known(text: &str) -> Cell {
    Cell::optional(Some(text).filter(|text| !text.is_empty()))
}

/// The same for programs.
#[must_use]
pub fn json(snapshot: &Snapshot) -> Map<String, Value> {
    list_of("gateways", snapshot.gateways.iter().map(|member| value(member, snapshot)))
}

fn value(member: &MemberView, snapshot: &Snapshot) -> Value {
    json!({
        "gateway": member.gateway,
        "region": member.region,
        "ours": member.gateway == snapshot.gateway,
        "state": member.state.map(GatewayState::label),
        "broker": member.broker,
        "incarnation": member.advert.map(|stamp| stamp.incarnation),
        "advert_version": member.advert.map(|stamp| stamp.version),
        "links": member.adjacencies,
        "version": member.version,
        "endpoint": member.endpoint,
        "gossip": member.gossip,
        "route": member.route.as_ref().map(route_json),
    })
}
