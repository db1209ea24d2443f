//! For a terminal: one row a region.

use super::{Bundle, Mark, Region, Topology};
use crate::{
    human,
    table::{Cell, Column, Table, Tone},
};

/// The topology as a table: each region with its gateways, and what it has links to.
#[must_use]
pub fn tables(topology: &Topology) -> Vec<Table> {
    let columns =
        vec![Column::words("REGION"), Column::words("GATEWAYS"), Column::words("LINKS TO (COST)")];
    let mut table = Table::new(columns).or_say("no regions are known");
    let bundles = topology.bundles();
    table.rows = topology.regions.iter().map(|region| row(region, &bundles)).collect();
    vec![table]
}

fn row(region: &Region, bundles: &[Bundle]) -> Vec<Cell> {
    let gateways = region.gateways.iter().map(|one| match one.mark {
        Mark::Good => one.name.to_string(),
        Mark::Warning | Mark::Problem => format!("{} ({})", one.name, one.state),
    });
    let worst = region.gateways.iter().map(|one| one.mark).max().unwrap_or(Mark::Good);
    let touching: Vec<&Bundle> =
        bundles.iter().filter(|one| one.regions.contains(&region.name)).collect();
    let broken = touching.iter().map(|one| one.mark()).max().unwrap_or(Mark::Good);
    vec![
        Cell::from(region.name.as_str()).tone(tone(region.mark)),
        Cell::from(human::list(gateways)).tone(tone(worst)),
        Cell::from(human::list(touching.into_iter().map(|one| far(one, region))))
            .tone(tone(broken)),
    ]
}

/// `us 85`, `us 85 (3 of 4 up)`, `us (held down)`, `itself 1`.
fn far(bundle: &Bundle, region: &Region) -> String {
    let other = bundle.regions.iter().find(|one| **one != region.name);
    let name = other.map_or("itself", |other| other.as_str());
    let cost = bundle.cost.map(|cost| format!(" {cost}")).unwrap_or_default();
    match bundle.mark() {
        Mark::Good => format!("{name}{cost}"),
        Mark::Warning if bundle.is_held() => format!("{name} (held down)"),
        Mark::Warning => format!("{name}{cost} ({} of {} up)", bundle.up, bundle.known),
        Mark::Problem => format!("{name} (down)"),
    }
}

const fn tone(mark: Mark) -> Tone {
    match mark {
        Mark::Good => Tone::Plain,
        Mark::Warning => Tone::Warning,
        Mark::Problem => Tone::Problem,
    }
}
