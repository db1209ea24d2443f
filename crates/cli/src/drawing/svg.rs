//! The picture, without outside programs.

use std::{collections::BTreeMap, fmt::Write as _};

use antiphon_core::RegionId;

use super::{
    Bundle, Gateway, Mark, Topology,
    circle::{Circle, Place},
    matrix,
};

/// From here on lines have no numbers on them, and a matrix beside the circle has.
const CROWDED: usize = 9;
/// Room for the title.
const TITLE: f64 = 34.0;

const STYLE: &str = "\
text { font: 12px ui-monospace, Menlo, Consolas, monospace; fill: #222 }
.title { font-size: 15px; font-weight: bold }
.head { font-weight: bold; font-size: 13px }
.middle, .cost { text-anchor: middle }
.end { text-anchor: end }
.box { fill: #fff; stroke-width: 1.6 }
.box.good { stroke: #2e7d32 } .box.warning { stroke: #ef6c00 } .box.problem { stroke: #c62828 }
.dot.good { fill: #2e7d32 } .dot.warning { fill: #ef6c00 } .dot.problem { fill: #c62828 }
.link { fill: none; stroke-width: 1.8 }
.link.good { stroke: #2e7d32 } .crowded .link.good { stroke: #90a4ae; stroke-width: .8; opacity: .7 }
.link.warning { stroke: #ef6c00; stroke-width: 2.4; stroke-dasharray: 8 4 }
.link.problem { stroke: #c62828; stroke-width: 2.4; stroke-dasharray: 3 5 }
.label { fill: #fff; stroke: #cfd8dc }
.cell rect { stroke: #fff; stroke-width: 1.5 } .cell text { font-size: 10.5px }
.cell.good rect { fill: #c8e6c9 } .cell.warning rect { fill: #ffe0b2 }
.cell.problem rect { fill: #ffcdd2 } .cell.none rect { fill: #f5f5f5 }
";

/// The topology as an SVG document.
#[must_use]
pub fn svg(topology: &Topology) -> String {
    let circle = Circle::new(topology);
    let bundles = topology.bundles();
    let crowded = topology.regions.len() >= CROWDED;
    let beside = if crowded { matrix::size(topology) } else { (0.0, 0.0) };
    let (width, height) = (circle.width + beside.0 + 20.0, TITLE + circle.height.max(beside.1));
    let mut out = String::new();
    writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\">\n<style>{STYLE}</style>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text class=\"title\" x=\"16\" y=\"24\">fabric {}</text>\n{}",
        escape(&topology.fabric),
        legend(width),
    )
    .ok();
    let class = if crowded { " class=\"crowded\"" } else { "" };
    writeln!(out, "<g{class} transform=\"translate(0 {TITLE})\">").ok();
    draw_links(topology, &circle, &bundles, crowded, &mut out);
    for (region, place) in topology.regions.iter().zip(&circle.places) {
        draw_region(region, place, &mut out);
    }
    if crowded {
        matrix::draw(topology, &bundles, circle.width, 20.0, &mut out);
    }
    out.push_str("</g>\n</svg>\n");
    out
}

fn legend(width: f64) -> String {
    let mut text = String::new();
    let marks =
        [(Mark::Good, "good"), (Mark::Warning, "in part, or held down"), (Mark::Problem, "down")];
    let mut x = (width - 330.0).max(150.0);
    for (mark, word) in marks {
        let (class, word_x) = (class(mark), x + 10.0);
        write!(
            text,
            "<circle class=\"dot {class}\" cx=\"{x:.0}\" cy=\"20\" r=\"5\"/>\
             <text x=\"{word_x:.0}\" y=\"24\">{word}</text>"
        )
        .ok();
        x += 34.0 + word.len() as f64 * 7.3;
    }
    text
}

/// The good ones first, so that what is broken lies on top.
fn draw_links(
    topology: &Topology,
    circle: &Circle,
    bundles: &[Bundle],
    crowded: bool,
    out: &mut String,
) {
    let names = topology.regions.iter().map(|region| &region.name);
    let places: BTreeMap<&RegionId, &Place> = names.zip(&circle.places).collect();
    let middle = (circle.width / 2.0, circle.height / 2.0);
    let mut between: Vec<&Bundle> =
        bundles.iter().filter(|one| one.regions[0] != one.regions[1]).collect();
    between.sort_by_key(|bundle| bundle.mark());
    for bundle in &between {
        if let [Some(one), Some(other)] = bundle.regions.each_ref().map(|one| places.get(one)) {
            draw_line(bundle, [one, other], middle, out);
        }
    }
    for bundle in between {
        let wanted = !crowded || bundle.mark() != Mark::Good;
        if let [Some(one), Some(other)] = bundle.regions.each_ref().map(|one| places.get(one))
            && wanted
        {
            draw_label(bundle, [one, other], middle, out);
        }
    }
}

/// A line bends a little towards the middle, so that neighbours' lines leave the boxes between them.
fn control([one, other]: [&Place; 2], middle: (f64, f64)) -> (f64, f64) {
    let (x, y) = ((one.x + other.x) / 2.0, (one.y + other.y) / 2.0);
    (x + (middle.0 - x) * 0.35, y + (middle.1 - y) * 0.35)
}

fn draw_line(bundle: &Bundle, ends: [&Place; 2], middle: (f64, f64), out: &mut String) {
    let (x, y) = control(ends, middle);
    let [one, other] = ends;
    writeln!(
        out,
        "<path class=\"link {}\" d=\"M{:.1} {:.1} Q{x:.1} {y:.1} {:.1} {:.1}\"><title>{}</title></path>",
        class(bundle.mark()),
        one.x,
        one.y,
        other.x,
        other.y,
        escape(&title(bundle)),
    )
    .ok();
}

fn draw_label(bundle: &Bundle, ends: [&Place; 2], middle: (f64, f64), out: &mut String) {
    // Where the curve is nearest to its control point.
    let (cx, cy) = control(ends, middle);
    let [one, other] = ends;
    let x = (one.x + 2.0 * cx + other.x) / 4.0;
    let y = (one.y + 2.0 * cy + other.y) / 4.0;
    let text = match (bundle.mark(), bundle.cost) {
        (Mark::Good, Some(cost)) => cost.to_string(),
        (Mark::Warning, Some(cost)) => format!("{cost} · {}/{}", bundle.up, bundle.known),
        (Mark::Warning, None) => "held".to_owned(),
        (Mark::Good, None) | (Mark::Problem, _) => "down".to_owned(),
    };
    let width = text.chars().count() as f64 * 7.3 + 10.0;
    writeln!(
        out,
        "<rect class=\"label\" x=\"{:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"18\" rx=\"4\"/>\
         <text class=\"middle\" x=\"{x:.1}\" y=\"{:.1}\">{text}</text>",
        x - width / 2.0,
        y - 9.0,
        y + 4.0,
    )
    .ok();
}

fn draw_region(region: &super::Region, place: &Place, out: &mut String) {
    let (x, y) = (place.x - place.width / 2.0, place.y - place.height / 2.0);
    writeln!(
        out,
        "<g><rect class=\"box {}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"7\"/>\
         <text class=\"head middle\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
        class(region.mark),
        place.width,
        place.height,
        place.x,
        y + 18.0,
        escape(region.name.as_str()),
    )
    .ok();
    for (index, gateway) in region.gateways.iter().enumerate() {
        let (x, y) = place.line(index);
        let (text_x, text_y) = (x + 9.0, y + 4.0);
        writeln!(
            out,
            "<circle class=\"dot {}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/>\
             <text x=\"{text_x:.1}\" y=\"{text_y:.1}\">{}</text>",
            class(gateway.mark),
            escape(&line(gateway)),
        )
        .ok();
    }
    out.push_str("</g>\n");
}

/// A gateway in its region's box.
pub(super) fn line(gateway: &Gateway) -> String {
    match gateway.mark {
        Mark::Good => gateway.name.to_string(),
        Mark::Warning | Mark::Problem => format!("{} {}", gateway.name, gateway.state),
    }
}

fn title(bundle: &Bundle) -> String {
    let [one, other] = &bundle.regions;
    let cost = bundle.cost.map(|cost| format!(", cost {cost}")).unwrap_or_default();
    let held = if bundle.held > 0 { format!(", {} held down", bundle.held) } else { String::new() };
    format!("{one} – {other}: {} of {} links up{held}{cost}", bundle.up, bundle.known)
}

pub(super) const fn class(mark: Mark) -> &'static str {
    match mark {
        Mark::Good => "good",
        Mark::Warning => "warning",
        Mark::Problem => "problem",
    }
}

/// Names are validated tokens; the rest is ours. What marks up is replaced all the same.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
