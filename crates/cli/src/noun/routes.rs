//! `antiphon routes [REGION]`: how messages leave the gateway.

use antiphon_core::{
    GatewayState, MemberView, RegionId, RegionView, RegionWays, Route, Snapshot, Way, WayUse,
};
use antiphon_gateway::shell::Report;
use serde_json::{Map, Value, json};

use super::{gateways, list_of, route_cells, route_json};
use crate::{
    human,
    table::{Cell, Column, Table, Tone},
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

/// One row for every way that was looked at, used or not.
#[must_use]
pub fn rows_all(report: &Report, only: Option<&RegionId>) -> Table {
    let columns = vec![
        Column::words("REGION"),
        Column::words("VIA"),
        Column::numbers("COST"),
        Column::numbers("LINK + REST"),
        Column::words("USE"),
        Column::words("WHY"),
    ];
    let mut table = Table::new(columns).or_say("no other region is known");
    let wanted = ways(report, only);
    let row = |(region, way): (&RegionId, &Way)| way_row(region, way);
    table.rows =
        wanted.flat_map(|one| one.ways.iter().map(|way| (&one.region, way))).map(row).collect();
    table
}

fn ways<'a>(report: &'a Report, only: Option<&RegionId>) -> impl Iterator<Item = &'a RegionWays> {
    report.ways.iter().filter(move |one| only.is_none_or(|only| *only == one.region))
}

fn way_row(region: &RegionId, way: &Way) -> Vec<Cell> {
    let (usage, tone, why) = match way.usage {
        WayUse::Best => ("* best", Tone::Good, "nothing is cheaper"),
        WayUse::Backup => ("backup", Tone::Plain, "takes over at once: it does not lead back here"),
        WayUse::Dearer => ("-", Tone::Plain, "costs more, or might lead back here"),
        WayUse::NoWay => ("-", Tone::Plain, "no way on but through us"),
    };
    let rest = way.rest.map_or("?".to_owned(), |rest| rest.to_string());
    vec![
        region.as_str().into(),
        way.via.as_str().into(),
        way.cost().map_or("-".into(), |cost| u64::from(cost).into()),
        format!("{} + {rest}", way.link).into(),
        Cell::from(usage).tone(tone),
        why.into(),
    ]
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
pub fn json(report: &Report, only: Option<&RegionId>) -> Map<String, Value> {
    let snapshot = &report.core;
    let wanted = |region: &RegionId| only.is_none_or(|only| only == region);
    let regions = others(snapshot).filter(|region| wanted(&region.region));
    let gateways = snapshot
        .gateways
        .iter()
        .filter(|member| member.gateway != snapshot.gateway && wanted(&member.region));
    let mut fields = list_of("regions", regions.map(|region| region_value(region, report)));
    fields.extend(list_of("gateways", gateways.map(member_value)));
    fields.insert("table_version".to_owned(), json!(snapshot.table_version));
    fields
}

fn region_value(region: &RegionView, report: &Report) -> Value {
    let of_region = ways(report, Some(&region.region)).flat_map(|one| &one.ways);
    let ways: Vec<Value> = of_region
        .map(|way| {
            json!({
                "via": way.via,
                "cost": way.cost(),
                "link_cost": way.link,
                "rest_cost": way.rest,
                "use": way.usage,
            })
        })
        .collect();
    json!({
        "region": region.region,
        "route": region.route.as_ref().map(route_json),
        "ways": ways,
        "queued_bytes": waiting(&report.core, &region.region),
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
