//! The topology of a scenario as a picture.

use std::collections::{BTreeMap, BTreeSet};

use antiphon_sim::{LinkSpec, RegionSpec, Scenario, StepSpec};

use super::picture::ring::{Link, Region, Ring};
use crate::{human, table::Tone};

/// Regions, the paths between those that dial each other, and what trouble they have.
pub(super) fn ring(scenario: &Scenario) -> Ring {
    let names = Names::of(scenario);
    let trouble = Trouble::of(scenario, &names);
    let regions: Vec<(&String, &RegionSpec)> =
        scenario.regions.iter().map(|(name, spec)| (name, spec.get_ref())).collect();
    let mut links = Vec::new();
    for (a, (one, spec)) in regions.iter().enumerate() {
        for (b, (other, other_spec)) in regions.iter().enumerate().skip(a + 1) {
            if dials(spec, other) || dials(other_spec, one) {
                links.push(link(scenario, &names, &trouble, ((a, one), (b, other))));
            }
        }
    }
    Ring {
        title: "topology".to_owned(),
        regions: regions.iter().map(|(name, spec)| region(name, spec, &names, &trouble)).collect(),
        links,
    }
}

fn dials(spec: &RegionSpec, other: &String) -> bool {
    spec.peers.as_ref().is_none_or(|peers| peers.contains(other))
}

fn region(name: &str, spec: &RegionSpec, names: &Names, trouble: &Trouble) -> Region {
    let tone = |name: &str| if trouble.places.contains(name) { Tone::Problem } else { Tone::Good };
    let gateways: Vec<(String, Tone)> = names
        .gateways
        .iter()
        .filter(|(_, region)| region.as_str() == name)
        .map(|(gateway, _)| (gateway.clone(), tone(gateway)))
        .collect();
    let nodes = human::count(spec.nodes.unwrap_or(3) as u64, "node");
    let transit = if spec.transit == Some(false) { ", no transit" } else { "" };
    let tone = if trouble.regions.contains(name) { Tone::Problem } else { Tone::Plain };
    Region { name: name.to_owned(), note: format!("{nodes}{transit}"), tone, gateways }
}

fn link(
    scenario: &Scenario,
    names: &Names,
    trouble: &Trouble,
    ((a, one), (b, other)): ((usize, &String), (usize, &String)),
) -> Link {
    let pair = |x: &str, y: &str| (x == one && y == other) || (x == other && y == one);
    let paths = scenario.links.iter().map(|link| link.get_ref());
    let mut paths = paths.filter(|link| match link.between.as_slice() {
        [x, y] => pair(names.region(x), names.region(y)),
        _ => false,
    });
    let path = paths.next_back().cloned().unwrap_or_default();
    let label = path.latency.map_or_else(|| "20ms".to_owned(), |latency| latency.to_string());
    let troubled = trouble.pairs.iter().any(|(x, y)| pair(x, y));
    Link {
        between: (a, b),
        note: format!("{one} - {other}: {}", words(&path, &label)),
        label,
        tone: if troubled { Tone::Problem } else { Tone::Plain },
    }
}

fn words(path: &LinkSpec, latency: &str) -> String {
    let mut words = vec![format!("{latency} one way")];
    words.extend(path.loss.map(|loss| format!("{:.1}% loss", loss * 100.0)));
    words.extend(path.duplicate.map(|share| format!("{:.1}% doubled", share * 100.0)));
    words.extend(path.bandwidth.map(|rate| format!("{}/s", human::bytes(rate))));
    words.join(", ")
}

/// Which region each gateway is of.
struct Names {
    gateways: BTreeMap<String, String>,
}

impl Names {
    fn of(scenario: &Scenario) -> Self {
        let mut gateways = BTreeMap::new();
        for (region, spec) in &scenario.regions {
            for number in 1..=spec.get_ref().gateways.unwrap_or(2) {
                gateways.insert(format!("{region}-{number}"), region.clone());
            }
        }
        for (name, spec) in &scenario.places {
            gateways.insert(name.clone(), spec.get_ref().region.clone());
        }
        Self { gateways }
    }

    /// A region's own name, or the region of a gateway.
    fn region<'a>(&'a self, name: &'a str) -> &'a str {
        self.gateways.get(name).map_or(name, String::as_str)
    }
}

/// Who is befallen by something.
#[derive(Default)]
struct Trouble {
    places: BTreeSet<String>,
    regions: BTreeSet<String>,
    pairs: Vec<(String, String)>,
}

impl Trouble {
    fn of(scenario: &Scenario, names: &Names) -> Self {
        let mut trouble = Self::default();
        for step in &scenario.step {
            trouble.add(step.get_ref(), names);
        }
        trouble
    }

    fn add(&mut self, step: &StepSpec, names: &Names) {
        let shape = step.shape.as_ref().map(|shape| &shape.between);
        let between =
            [&step.partition, &step.black_hole, &step.one_way, &step.flap, &step.reset, &step.join];
        for pair in between.into_iter().flatten().chain(shape) {
            if let [one, other] = pair.as_slice() {
                self.pairs.push((names.region(one).to_owned(), names.region(other).to_owned()));
            }
        }
        let skewed = step.skew.as_ref().map(|skew| &skew.of);
        let on_gateways = [
            &step.kill,
            &step.power_off,
            &step.crash_loop,
            &step.rolling_restart,
            &step.pause,
            &step.drain,
            &step.half_open,
            &step.slow_consumer,
            &step.isolate,
        ];
        for name in on_gateways.into_iter().flatten().chain(skewed).flatten() {
            let here = names.gateways.iter();
            let here = here.filter(|(gateway, region)| *gateway == name || *region == name);
            self.places.extend(here.map(|(gateway, _)| gateway.clone()));
        }
        for name in [&step.broker_down, &step.garbage].into_iter().flatten().flatten() {
            self.regions.insert(name.clone());
        }
        self.regions.extend(step.deny.as_ref().map(|deny| deny.region.clone()));
        if let Some((order, with)) =
            step.link_down.as_ref().and_then(|one| one.with.as_ref().map(|with| (one, with)))
        {
            let (one, other) = (names.region(&order.by), names.region(with));
            self.pairs.push((one.to_owned(), other.to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_drawn_where_somebody_dials_and_trouble_shows() {
        let text = r#"
            about = ""
            seeds = [1]
            run_for = "60s"
            regions = { hub = { gateways = 1 }, a = { peers = ["hub"] }, b = { peers = ["hub"], nodes = 1 } }
            links = [{ between = ["hub", "a"], latency = "5ms..9ms", loss = 0.01 }]
            step = [{ at = "1s", partition = ["a-1", "hub"] }, { at = "2s", kill = ["b"] }]
        "#;
        let ring = ring(&Scenario::parse("t", text).unwrap());
        let links: Vec<_> = ring.links.iter().map(|link| (link.between, link.tone)).collect();
        assert_eq!(links, [((0, 2), Tone::Problem), ((1, 2), Tone::Plain)]);
        assert_eq!(ring.links[0].note, "a - hub: 5ms..9ms one way, 1.0% loss");
        assert_eq!(ring.regions[1].note, "1 node");
        let b = &ring.regions[1].gateways;
        assert_eq!(b.as_slice(), [("b-1".into(), Tone::Problem), ("b-2".into(), Tone::Problem)]);
        assert_eq!(ring.regions[2].gateways, [("hub-1".to_owned(), Tone::Good)]);
    }
}
