//! `antiphon regions`: every region that the gateway knows of.

use antiphon_core::{RegionView, Snapshot};
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
    table.rows = snapshot.regions.iter().map(row).collect();
    table
}

fn row(region: &RegionView) -> Vec<Cell> {
    let [cost, next_hops] = reach(region);
    vec![
        region.region.as_str().into(),
        usable(region),
        cost,
        next_hops,
        human::list(&region.collectives).into(),
        notes(region),
    ]
}

fn reach(region: &RegionView) -> [Cell; 2] {
    if region.ours { ["-".into(), "here".into()] } else { route_cells(region.route.as_ref()) }
}

/// Gateways that take frames and have a broker, of those known.
fn usable(region: &RegionView) -> Cell {
    let tone = match region.usable {
        0 => Tone::Problem,
        usable if usable < region.gateways => Tone::Warning,
        _ => Tone::Plain,
    };
    Cell::from(format!("{}/{}", region.usable, region.gateways)).tone(tone)
}

fn notes(region: &RegionView) -> Cell {
    let native = region.native.then_some("natively joined");
    let notes = human::list(native.into_iter().chain(region.transit.then_some("transit")));
    Cell::from(notes).tone(if region.native { Tone::Problem } else { Tone::Plain })
}

/// The same for programs.
#[must_use]
pub fn json(snapshot: &Snapshot) -> Map<String, Value> {
    list_of("regions", snapshot.regions.iter().map(value))
}

fn value(region: &RegionView) -> Value {
    json!({
        "region": region.region,
        "ours": region.ours,
        "gateways": region.gateways,
        "usable": region.usable,
        "collectives": region.collectives,
        "route": region.route.as_ref().map(route_json),
        "native": region.native,
        "transit": region.transit,
    })
}
