//! `antiphon regions`: every region that the gateway knows of.

use antiphon_core::{GatewayState, MemberView, RegionId, RegionView, Snapshot};
use serde_json::{Map, Value, json};

use super::{list_of, route_cells, route_json};
use crate::{
    human,
    table::{Cell, Column, Table, Tone},
};

/// One row a region.
#[must_use]
pub fn rows(snapshot: &Snapshot) -> Table {
    let columns = vec![
        Column::words("REGION"),
        Column::numbers("GATEWAYS"),
        Column::numbers("COST"),
        Column::words("NEXT HOPS"),
        Column::words("COLLECTIVES"),
        Column::words("NOTES"),
    ];
    let mut table = Table::new(columns).or_say("no regions are known");
    table.rows = snapshot.regions.iter().map(|region| row(region, snapshot)).collect();
    table
}

fn row(region: &RegionView, snapshot: &Snapshot) -> Vec<Cell> {
    let [cost, next_hops] = reach(region);
    vec![
        region.region.as_str().into(),
        gateways(region, snapshot),
        cost,
        next_hops,
        human::list(&region.collectives).into(),
        notes(region),
    ]
}

fn reach(region: &RegionView) -> [Cell; 2] {
    if region.ours { ["-".into(), "here".into()] } else { route_cells(region.route.as_ref()) }
}

fn gateways(region: &RegionView, snapshot: &Snapshot) -> Cell {
    let usable = usable(snapshot, &region.region);
    let tone = match usable {
        0 => Tone::Problem,
        usable if usable < region.gateways => Tone::Warning,
        _ => Tone::Plain,
    };
    Cell::from(format!("{usable}/{}", region.gateways)).tone(tone)
}

/// How many gateways of a region can publish and are within reach: the advert of one that has died
/// outlives it, its links do not.
pub(crate) fn usable(snapshot: &Snapshot, region: &RegionId) -> u64 {
    let reached = |member: &&MemberView| {
        let here = member.gateway == snapshot.gateway || member.route.is_some();
        let takes = member.state.is_some_and(GatewayState::takes_frames);
        member.region == *region && here && takes && member.broker == Some(true)
    };
    snapshot.gateways.iter().filter(reached).count() as u64
}

fn notes(region: &RegionView) -> Cell {
    let native = region.native.then_some("natively joined");
    let notes = human::list(native.into_iter().chain(region.transit.then_some("transit")));
    Cell::from(notes).tone(if region.native { Tone::Problem } else { Tone::Plain })
}

/// The same for programs.
#[must_use]
pub fn json(snapshot: &Snapshot) -> Map<String, Value> {
    list_of("regions", snapshot.regions.iter().map(|region| value(region, snapshot)))
}

fn value(region: &RegionView, snapshot: &Snapshot) -> Value {
    json!({
        "region": region.region,
        "ours": region.ours,
        "gateways": region.gateways,
        "usable": usable(snapshot, &region.region),
        "collectives": region.collectives,
        "route": region.route.as_ref().map(route_json),
        "native": region.native,
        "transit": region.transit,
    })
}
