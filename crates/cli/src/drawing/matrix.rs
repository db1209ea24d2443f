//! What it costs to cross from each region to each other one, as a table of coloured cells: lines
//! between many regions cannot be told apart.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{
    Bundle, Topology,
    svg::{class, escape},
};

/// Side of a cell.
const CELL: f64 = 30.0;
const LETTER: f64 = 7.3;

/// How large it is.
pub(super) fn size(topology: &Topology) -> (f64, f64) {
    let side = head(topology) + CELL * topology.regions.len() as f64;
    (side, side + 30.0)
}

fn head(topology: &Topology) -> f64 {
    let longest = topology.regions.iter().map(|one| one.name.as_str().len()).max();
    16.0 + LETTER * longest.unwrap_or(0) as f64
}

/// Draws it with its upper left corner here.
pub(super) fn draw(topology: &Topology, bundles: &[Bundle], x: f64, y: f64, out: &mut String) {
    let head = head(topology);
    let by_pair: BTreeMap<_, &Bundle> =
        bundles.iter().map(|one| (one.regions.each_ref(), one)).collect();
    let (left, top) = (x + head, y + head + 24.0);
    writeln!(out, "<text class=\"head\" x=\"{x:.0}\" y=\"{y:.0}\">direct cost</text>").ok();
    for (row, from) in topology.regions.iter().enumerate() {
        let middle = CELL * (row as f64 + 0.5);
        let name = escape(from.name.as_str());
        let (name_x, name_y) = (left - 8.0, top + middle + 4.0);
        writeln!(out, "<text class=\"end\" x=\"{name_x:.1}\" y=\"{name_y:.1}\">{name}</text>").ok();
        let (up_x, up_y) = (left + middle + 4.0, top - 8.0);
        writeln!(
            out,
            "<text x=\"{up_x:.1}\" y=\"{up_y:.1}\" transform=\"rotate(-90 {up_x:.1} {up_y:.1})\">\
             {name}</text>"
        )
        .ok();
        for (column, to) in topology.regions.iter().enumerate() {
            let mut pair = [&from.name, &to.name];
            pair.sort();
            let corner = (left + CELL * column as f64, top + CELL * row as f64);
            cell(by_pair.get(&pair).copied(), corner, out);
        }
    }
}

fn cell(bundle: Option<&Bundle>, (x, y): (f64, f64), out: &mut String) {
    let (class, text, title) = match bundle {
        None => ("none", "·".to_owned(), "no link".to_owned()),
        Some(bundle) => {
            let [one, other] = &bundle.regions;
            let none = if bundle.is_held() { "held" } else { "×" };
            let text = bundle.cost.map_or(none.to_owned(), |cost| cost.to_string());
            let title = format!("{one} – {other}: {} of {} up", bundle.up, bundle.known);
            (class(bundle.mark()), text, title)
        }
    };
    let (middle_x, middle_y) = (x + CELL / 2.0, y + CELL / 2.0 + 4.0);
    writeln!(
        out,
        "<g class=\"cell {class}\"><title>{}</title>\
         <rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{CELL}\" height=\"{CELL}\"/>\
         <text class=\"cost\" x=\"{middle_x:.1}\" y=\"{middle_y:.1}\">{text}</text></g>",
        escape(&title)
    )
    .ok();
}
