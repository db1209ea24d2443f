//! `antiphon regions`: every region that the gateway knows of.

use antiphon_core::{GatewayState, MemberView, RegionId, RegionView, Snapshot, Stop};
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
        notes(region, snapshot),
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

fn notes(region: &RegionView, snapshot: &Snapshot) -> Cell {
    let native = region.native.then_some("natively joined");
    let (halted, held) = ordered(region, snapshot);
    let halted = halted.then_some("halted");
    let held = held.then_some("links held down");
    let transit = region.transit.then_some("transit");
    let stopped = halted.is_some() || held.is_some();
    let notes = human::list([native, halted, held, transit].into_iter().flatten());
    Cell::from(notes).tone(match () {
        () if region.native => Tone::Problem,
        () if stopped => Tone::Warning,
        () => Tone::Plain,
    })
}

/// Whether operators have halted requests between our region and this one, and whether they hold
/// down the links between them.
fn ordered(region: &RegionView, snapshot: &Snapshot) -> (bool, bool) {
    let here = Stop::pair(snapshot.region.clone(), region.region.clone());
    let mut holding = snapshot.orders.iter().filter(|view| view.holds);
    let halted = !region.ours && holding.any(|view| view.order.stop == here);
    let held = snapshot.links.iter().any(|link| link.held_down && link.region == region.region);
    (halted, held)
}

/// The same for programs.
#[must_use]
pub fn json(snapshot: &Snapshot) -> Map<String, Value> {
    list_of("regions", snapshot.regions.iter().map(|region| value(region, snapshot)))
}

fn value(region: &RegionView, snapshot: &Snapshot) -> Value {
    let (halted, held) = ordered(region, snapshot);
    json!({
        "region": region.region,
        "ours": region.ours,
        "gateways": region.gateways,
        "usable": usable(snapshot, &region.region),
        "collectives": region.collectives,
        "route": region.route.as_ref().map(route_json),
        "native": region.native,
        "transit": region.transit,
        "halted": halted,
        "links_held_down": held,
    })
}
