//! Where things are: the regions on a circle, so that no line between two of them crosses a third.

use std::f64::consts::TAU;

use super::Topology;

/// Room around all.
const GAP: f64 = 26.0;
/// Least room between neighbours, and what a circle grows by that is too small.
const ROOM: f64 = 10.0;
const GROWTH: f64 = 1.04;
/// Height of a box's head, and of each gateway below it.
const HEAD: f64 = 26.0;
const LINE: f64 = 17.0;
/// Width of a letter; the drawing's font is a monospaced one of 12 px.
const LETTER: f64 = 7.3;
/// The smallest radius: two regions are not on top of each other.
const RADIUS_MIN: f64 = 150.0;

/// One region's box.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    /// Its middle.
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// All boxes, in the order of the regions, and the size of the whole.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Circle {
    pub(super) places: Vec<Place>,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Circle {
    pub(super) fn new(topology: &Topology) -> Self {
        let sizes: Vec<(f64, f64)> = topology.regions.iter().map(size).collect();
        let widest = sizes.iter().map(|size| size.0).fold(0.0, f64::max);
        let highest = sizes.iter().map(|size| size.1).fold(0.0, f64::max);
        let mut radius = if sizes.len() < 2 { 0.0 } else { RADIUS_MIN };
        let mut places = around(&sizes, radius);
        // Ends at the latest when a step along the circle is as long as a box is from corner to corner.
        while overlap(&places) {
            radius *= GROWTH;
            places = around(&sizes, radius);
        }
        let (half_width, half_height) = (radius + GAP + widest / 2.0, radius + GAP + highest / 2.0);
        for place in &mut places {
            place.x += half_width;
            place.y += half_height;
        }
        Self { places, width: 2.0 * half_width, height: 2.0 * half_height }
    }
}

/// So many directions, the first a part of a turn before the right; 0.25: at the top.
pub(crate) fn directions(count: usize, turn: f64) -> impl Iterator<Item = f64> {
    let steps = count.max(1) as f64;
    (0..count).map(move |index| TAU * (index as f64 / steps - turn))
}

/// Boxes around the origin, the first at the top.
fn around(sizes: &[(f64, f64)], radius: f64) -> Vec<Place> {
    let place = |(angle, (width, height)): (f64, &(f64, f64))| {
        let (x, y) = (radius * angle.cos(), radius * angle.sin());
        Place { x, y, width: *width, height: *height }
    };
    directions(sizes.len(), 0.25).zip(sizes).map(place).collect()
}

/// Whether two neighbours are closer than they may be.
fn overlap(places: &[Place]) -> bool {
    let after = places.iter().skip(1).chain(places.first());
    places.len() > 1
        && places.iter().zip(after).any(|(one, other)| {
            let (x, y) = ((one.x - other.x).abs(), (one.y - other.y).abs());
            x < (one.width + other.width) / 2.0 + ROOM
                && y < (one.height + other.height) / 2.0 + ROOM
        })
}

impl Place {
    /// Where its line for a gateway begins.
    pub(super) fn line(&self, index: usize) -> (f64, f64) {
        let top = self.y - self.height / 2.0 + HEAD + LINE * (index as f64 + 0.5);
        (self.x - self.width / 2.0 + 14.0, top)
    }
}

fn size(region: &super::Region) -> (f64, f64) {
    let letters = |text: &str| text.chars().count() as f64 * LETTER;
    let lines = region.gateways.iter().map(|one| 26.0 + letters(&super::svg::line(one)));
    let width = lines.fold(24.0 + letters(region.name.as_str()) * 1.15, f64::max);
    (width, HEAD + LINE * region.gateways.len() as f64 + 8.0)
}
