//! Regions on a ring, links as chords: readable from two regions to some thirty, the same picture
//! for the same values.

use std::{f64::consts::TAU, fmt::Write as _};

use super::{Escaped, class};
use crate::{drawing::directions, table::Tone};

/// More links than this go without labels beside them; a browser shows those on pointing.
const LABELS_MAX: usize = 16;
/// More links than this are drawn thin.
const THICK_MAX: usize = 40;
/// Gateways of a region that are drawn as dots; more are only named.
const DOTS_MAX: usize = 8;
/// A region's circle.
const RADIUS: f64 = 24.0;
/// Room for names beside the ring.
const MARGIN: (f64, f64) = (170.0, 74.0);

/// What is drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::simulation::page) struct Ring {
    /// What it is, for whoever cannot see it.
    pub title: String,
    /// In the order in which they stand, clockwise from the top.
    pub regions: Vec<Region>,
    /// Between two of them.
    pub links: Vec<Link>,
}

/// A region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::simulation::page) struct Region {
    /// Its name.
    pub name: String,
    /// A line below the name.
    pub note: String,
    /// How it is.
    pub tone: Tone,
    /// Its gateways: name and how each is.
    pub gateways: Vec<(String, Tone)>,
}

/// A link between two regions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::simulation::page) struct Link {
    /// Indices of regions.
    pub between: (usize, usize),
    /// Beside the line where there is room, else shown on pointing.
    pub label: String,
    /// What is shown on pointing.
    pub note: String,
    /// How it is.
    pub tone: Tone,
}

impl Ring {
    /// The picture as one SVG element.
    #[must_use]
    pub(in crate::simulation::page) fn svg(&self) -> String {
        let (width, height) = self.size();
        let mut svg = format!(
            "<svg class=\"picture\" xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" \
             viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\">\n\
             <title>{}</title>\n",
            Escaped(&self.title)
        );
        // Troubled links are drawn last, over the others.
        let mut links: Vec<&Link> = self.links.iter().collect();
        links.sort_by_key(|link| link.tone as u8);
        links.iter().for_each(|link| self.link(link, &mut svg));
        if self.links.len() <= LABELS_MAX {
            links.iter().for_each(|link| self.label(link, &mut svg));
        }
        for (index, region) in self.regions.iter().enumerate() {
            self.region(index, region, &mut svg);
        }
        svg.push_str("</svg>\n");
        svg
    }

    fn radius(&self) -> f64 {
        let count = self.count();
        if count < 2.0 { 0.0 } else { (count * 3.2 * RADIUS / TAU).max(130.0) }
    }

    #[allow(clippy::cast_precision_loss, reason = "regions are few")]
    fn count(&self) -> f64 {
        self.regions.len() as f64
    }

    fn size(&self) -> (f64, f64) {
        let across = 2.0 * (self.radius() + RADIUS);
        (across + 2.0 * MARGIN.0, across + 2.0 * MARGIN.1)
    }

    /// The middle of a region's circle, and the direction in which it lies.
    fn place(&self, index: usize) -> (f64, f64, f64) {
        // A quarter turn back: the first stands at the top. Two stand side by side.
        let turn = if self.regions.len() == 2 { 0.5 } else { 0.25 };
        let angle = directions(self.regions.len(), turn).nth(index).unwrap_or_default();
        let (width, height) = self.size();
        let (x, y) = (width / 2.0, height / 2.0);
        (x + self.radius() * angle.cos(), y + self.radius() * angle.sin(), angle)
    }

    fn link(&self, link: &Link, svg: &mut String) {
        let (x1, y1, _) = self.place(link.between.0);
        let (x2, y2, _) = self.place(link.between.1);
        let dense = if self.links.len() > THICK_MAX { " dense" } else { "" };
        let class = class(link.tone);
        let _written = writeln!(
            svg,
            "<line class=\"link {class}{dense}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" \
             y2=\"{y2:.1}\"><title>{}</title></line>",
            Escaped(&link.note)
        );
    }

    /// Not in the middle of a chord, where others cross it.
    fn label(&self, link: &Link, svg: &mut String) {
        let (x1, y1, _) = self.place(link.between.0);
        let (x2, y2, _) = self.place(link.between.1);
        let along = if self.regions.len() < 4 { 0.5 } else { 0.36 };
        let (x, y) = (x1 + (x2 - x1) * along, y1 + (y2 - y1) * along + 4.0);
        let label = Escaped(&link.label);
        let _written = writeln!(
            svg,
            "<text class=\"halo faint\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{label}</text>"
        );
    }

    fn region(&self, index: usize, region: &Region, svg: &mut String) {
        let (x, y, angle) = self.place(index);
        let tone = class(region.tone);
        let names: Vec<&str> = region.gateways.iter().map(|(name, _)| name.as_str()).collect();
        let hint = format!("{}: {}", region.name, names.join(", "));
        let _written = writeln!(
            svg,
            "<circle class=\"region {tone}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{RADIUS}\">\
             <title>{}</title></circle>",
            Escaped(&hint)
        );
        dots(region, (x, y), svg);
        let (dx, dy) = (angle.cos() * (RADIUS + 10.0), angle.sin() * (RADIUS + 18.0));
        let anchor = match dx {
            dx if dx > 12.0 => "start",
            dx if dx < -12.0 => "end",
            _ => "middle",
        };
        // Two lines of text: their middle lies where the ray points.
        let (x, y) = (x + dx, y + dy + 4.0 - 7.0);
        let (name, note) = (Escaped(&region.name), Escaped(&region.note));
        let below = y + 14.0;
        let _written = writeln!(
            svg,
            "<text class=\"name halo\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{name}</text>\n\
             <text class=\"faint halo\" x=\"{x:.1}\" y=\"{below:.1}\" text-anchor=\"{anchor}\">{note}</text>"
        );
    }
}

/// Gateways inside their region's circle.
fn dots(region: &Region, (x, y): (f64, f64), svg: &mut String) {
    let shown = region.gateways.len().min(DOTS_MAX);
    let around = if shown == 1 { 0.0 } else { 12.0 };
    for ((name, tone), angle) in region.gateways.iter().zip(directions(shown, 0.5)) {
        let (x, y) = (x + around * angle.cos(), y + around * angle.sin());
        let (class, name) = (class(*tone), Escaped(name));
        let _written = writeln!(
            svg,
            "<circle class=\"gateway {class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5.5\"><title>{name}</title></circle>"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(count: usize) -> Ring {
        let region = |index| Region {
            name: format!("r{index}<"),
            note: "2 gateways".to_owned(),
            tone: Tone::Good,
            gateways: vec![
                (format!("r{index}-1"), Tone::Good),
                (format!("r{index}-2"), Tone::Problem),
            ],
        };
        let pairs = (0..count).flat_map(|a| (a + 1..count).map(move |b| (a, b)));
        let link =
            |between| Link { between, label: "20ms".into(), note: "n".into(), tone: Tone::Plain };
        Ring {
            title: "t".into(),
            regions: (0..count).map(region).collect(),
            links: pairs.map(link).collect(),
        }
    }

    /// The middles of the regions' circles.
    fn places(ring: &Ring) -> Vec<(f64, f64)> {
        (0..ring.regions.len()).map(|index| ring.place(index)).map(|(x, y, _)| (x, y)).collect()
    }

    #[test]
    fn regions_never_overlap_and_stay_inside() {
        for count in 1..=60 {
            let ring = ring(count);
            let (places, (width, height)) = (places(&ring), ring.size());
            for (index, (x, y)) in places.iter().enumerate() {
                assert!(
                    (RADIUS..width - RADIUS).contains(x) && (RADIUS..height - RADIUS).contains(y)
                );
                let apart = |(a, b): &(f64, f64)| (a - x).hypot(b - y) >= 2.0 * RADIUS;
                assert!(places[..index].iter().all(apart), "{count} regions, region {index}");
            }
        }
    }

    #[test]
    fn everything_is_in_the_picture_and_nothing_escapes() {
        let svg = ring(3).svg();
        assert_eq!(svg.matches("<line").count(), 3);
        assert_eq!(svg.matches("class=\"region").count(), 3);
        assert_eq!(svg.matches("class=\"gateway").count(), 6);
        assert!(svg.contains("r2&lt;") && !svg.contains("r2<"));
        assert!(svg.contains("20ms"));
        assert!(!ring(30).svg().contains(">20ms<"), "435 labels help nobody");
    }
}
