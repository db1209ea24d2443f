//! `antiphon routes [REGION]`: how messages leave the gateway.

use antiphon_core::{GatewayState, MemberView, RegionId, RegionView, Route, Snapshot};
use serde_json::{Map, Value, json};

use super::{gateways, list_of, route_cells, route_json};
use crate::{
    human,
    table::{Cell, Column, Table},
};

/// One row for every other region.
#[must_use]
pub fn rows(snapshot: &Snapshot) -> Table {
    let columns = vec![
        Column::words("REGION"),
        Column::numbers("COST"),
        Column::words("NEXT HOPS"),
        Column::words("BACKUP"),
        Column::words("LAST GATEWAYS"),
        Column::numbers("WAITING"),
    ];
    let mut table = Table::new(columns).or_say("no other region is known");
    table.rows = others(snapshot).map(|region| region_row(region, snapshot)).collect();
    table
}

/// One row for every gateway of a region.
#[must_use]
pub fn rows_to(snapshot: &Snapshot, region: &RegionId) -> Table {
    let columns = vec![
        Column::words("GATEWAY"),
        Column::words("REGION"),
        Column::words("STATE"),
        Column::words("BROKER"),
        Column::numbers("COST"),
        Column::words("NEXT HOPS"),
        Column::words("BACKUP"),
    ];
    let mut table = Table::new(columns).or_say("no other gateway of the region is known");
    table.rows = members(snapshot, region).map(member_row).collect();
    table
}

/// Whether a message for this region has a way; `None` for a region that nobody has advertised.
#[must_use]
pub fn is_reachable(snapshot: &Snapshot, region: &RegionId) -> Option<bool> {
    let view = snapshot.regions.iter().find(|view| view.region == *region)?;
    Some(view.ours || view.route.is_some())
}

fn others(snapshot: &Snapshot) -> impl Iterator<Item = &RegionView> {
    snapshot.regions.iter().filter(|region| !region.ours)
}

fn members<'a>(snapshot: &'a Snapshot, region: &RegionId) -> impl Iterator<Item = &'a MemberView> {
    let of_region = snapshot.gateways.iter().filter(move |member| member.region == *region);
    of_region.filter(|member| member.gateway != snapshot.gateway)
}

fn region_row(region: &RegionView, snapshot: &Snapshot) -> Vec<Cell> {
    let [cost, next_hops] = route_cells(region.route.as_ref());
    vec![
        region.region.as_str().into(),
        cost,
        next_hops,
        backup(region.route.as_ref()),
        human::list(region.route.iter().flat_map(|route| &route.ends)).into(),
        human::bytes(waiting(snapshot, &region.region)).into(),
    ]
}

fn member_row(member: &MemberView) -> Vec<Cell> {
    let [cost, next_hops] = route_cells(member.route.as_ref());
    vec![
        member.gateway.as_str().into(),
        member.region.as_str().into(),
        gateways::state(member.state),
        gateways::broker(member.broker),
        cost,
        next_hops,
        backup(member.route.as_ref()),
    ]
}

/// Who takes over while none of the next hops can be used.
fn backup(route: Option<&Route>) -> Cell {
    Cell::optional(route.and_then(|route| route.backup.as_ref()).map(|backup| &backup.next_hop))
}

fn waiting(snapshot: &Snapshot, region: &RegionId) -> u64 {
    snapshot.queues.iter().filter(|queue| queue.region == *region).map(|queue| queue.bytes).sum()
}

/// The same for programs: every route, or those to one region and its gateways.
#[must_use]
pub fn json(snapshot: &Snapshot, only: Option<&RegionId>) -> Map<String, Value> {
    let wanted = |region: &RegionId| only.is_none_or(|only| only == region);
    let regions = others(snapshot).filter(|region| wanted(&region.region));
    let gateways = snapshot
        .gateways
        .iter()
        .filter(|member| member.gateway != snapshot.gateway && wanted(&member.region));
    let mut fields = list_of("regions", regions.map(|region| region_value(region, snapshot)));
    fields.extend(list_of("gateways", gateways.map(member_value)));
    fields.insert("table_version".to_owned(), json!(snapshot.table_version));
    fields
}

fn region_value(region: &RegionView, snapshot: &Snapshot) -> Value {
    json!({
        "region": region.region,
        "route": region.route.as_ref().map(route_json),
        "queued_bytes": waiting(snapshot, &region.region),
    })
}

fn member_value(member: &MemberView) -> Value {
    json!({
        "gateway": member.gateway,
        "region": member.region,
        "state": member.state.map(GatewayState::label),
        "broker": member.broker,
        "route": member.route.as_ref().map(route_json),
    })
}
