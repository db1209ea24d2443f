//! A running fabric's topology as a scenario.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    time::Duration,
};

use antiphon_core::{RegionId, RegionView, Snapshot};
use antiphon_gateway::shell::Report;
use antiphon_sim::{Between, ExpectSpec, LinkSpec, PlaceSpec, RegionSpec, Scenario, Span};
use toml::Spanned;

use crate::{
    drawing::{Bundle, Topology},
    human,
};

/// How long the exported world goes on.
const RUN_FOR: Duration = Duration::from_secs(120);
/// When everybody is to reach everybody in it.
const REACHABLE_BY: Duration = Duration::from_secs(110);

/// The scenario as TOML: regions, gateways, transit, and links with half the measured round trip as
/// latency. What nobody knows is left to the defaults: nodes, loss, bandwidth. What regions export is
/// told in comments.
#[must_use]
pub fn export(reports: &[Report]) -> String {
    let snapshots: Vec<&Snapshot> = reports.iter().map(|report| &report.core).collect();
    let Some(first) = snapshots.first() else { return String::new() };
    let mut text = String::new();
    for region in &first.regions {
        let collectives = human::list(&region.collectives);
        let _written = writeln!(text, "# region {} exports: {collectives}", region.region);
    }
    let at = reports.first().map(|report| human::moment(report.at)).unwrap_or_default();
    let about = format!("Fabric {}, as {} saw it at {at}.", first.fabric, first.gateway);
    text + &scenario(&snapshots, about).to_toml()
}

fn scenario(snapshots: &[&Snapshot], about: String) -> Scenario {
    let topology = Topology::new(snapshots.iter().copied());
    let bundles: Vec<Bundle> =
        topology.bundles().into_iter().filter(|one| one.regions[0] != one.regions[1]).collect();
    let round_trips = round_trips(snapshots);
    let views: BTreeMap<&RegionId, &RegionView> = snapshots
        .first()
        .map(|first| first.regions.iter().map(|view| (&view.region, view)).collect())
        .unwrap_or_default();
    let mut scenario =
        Scenario { about, seeds: vec![1, 2, 3], run_for: Span(RUN_FOR), ..Scenario::default() };
    for region in &topology.regions {
        let names = region.gateways.iter().map(|gateway| gateway.name.to_string());
        let gateways = gateways(&mut scenario, &region.name, names.collect());
        let linked = linked(&bundles, &region.name);
        let meshed = linked.len() + 1 >= topology.regions.len();
        let spec = RegionSpec {
            gateways: Some(gateways),
            transit: Some(views.get(&region.name).is_some_and(|view| view.transit)),
            peers: (!meshed).then(|| linked.into_iter().collect()),
            ..RegionSpec::default()
        };
        scenario.regions.insert(region.name.to_string(), unspanned(spec));
    }
    scenario.links = bundles.iter().map(|bundle| link(bundle, &round_trips)).collect();
    scenario.expect.extend(reachable(&scenario));
    scenario
}

/// How many gateways have the names that a scenario gives; the others become places.
fn gateways(scenario: &mut Scenario, region: &RegionId, names: BTreeSet<String>) -> usize {
    let usual = (1..).take_while(|number| names.contains(&format!("{region}-{number}"))).count();
    let is_usual = |name: &String| (1..=usual).any(|number| *name == format!("{region}-{number}"));
    for name in names.iter().filter(|name| !is_usual(name)) {
        let place = PlaceSpec {
            region: region.to_string(),
            gateway: None,
            seeds: Vec::new(),
            running: None,
        };
        scenario.places.insert(name.clone(), unspanned(place));
    }
    usual
}

/// The regions that this one has links with.
fn linked(bundles: &[Bundle], region: &RegionId) -> BTreeSet<String> {
    let ends = bundles.iter().filter(|one| one.regions.contains(region));
    let ends = ends.flat_map(|one| &one.regions).filter(|one| *one != region);
    ends.map(ToString::to_string).collect()
}

/// The shortest round trip that was measured between two regions.
fn round_trips(snapshots: &[&Snapshot]) -> BTreeMap<[RegionId; 2], Duration> {
    let mut found: BTreeMap<[RegionId; 2], Duration> = BTreeMap::new();
    for snapshot in snapshots {
        for link in &snapshot.links {
            let Some(rtt) = link.rtt else { continue };
            let mut ends = [snapshot.region.clone(), link.region.clone()];
            ends.sort();
            let least = found.entry(ends).or_insert(rtt);
            *least = rtt.min(*least);
        }
    }
    found
}

/// Between two regions whose link nobody measured, the advertised cost stands for it: milliseconds,
/// unless it is configured.
fn link(bundle: &Bundle, round_trips: &BTreeMap<[RegionId; 2], Duration>) -> Spanned<LinkSpec> {
    let cost = || bundle.cost.map(|cost| Duration::from_millis(u64::from(cost)));
    let round_trip = round_trips.get(&bundle.regions).copied().or_else(cost);
    let latency = round_trip.map(|round_trip| {
        let micros = u64::try_from(round_trip.as_micros() / 2).unwrap_or(u64::MAX);
        let one_way = Duration::from_micros(micros);
        Between { min: one_way, max: one_way }
    });
    let between = bundle.regions.iter().map(ToString::to_string).collect();
    unspanned(LinkSpec { between, latency, ..LinkSpec::default() })
}

/// Everybody is to reach everybody, where every two regions are linked or a third carries for both.
fn reachable(scenario: &Scenario) -> Option<Spanned<ExpectSpec>> {
    let names: Vec<&String> = scenario.regions.keys().collect();
    let dials = |one: &str, other: &str| {
        let peers = scenario.regions.get(one).and_then(|spec| spec.get_ref().peers.as_ref());
        peers.is_none_or(|peers| peers.iter().any(|peer| peer == other))
    };
    let linked = |one: &str, other: &str| dials(one, other) || dials(other, one);
    let carries = |name: &str| {
        let spec = scenario.regions.get(name).map(Spanned::get_ref);
        spec.and_then(|spec| spec.transit) == Some(true)
    };
    let reached = |one: &str, other: &str| {
        let by_third =
            |third: &&&String| carries(third) && linked(one, third) && linked(third, other);
        one == other || linked(one, other) || names.iter().any(|third| by_third(&third))
    };
    let all = names.iter().all(|one| names.iter().all(|other| reached(one, other)));
    all.then(|| {
        let reachable = Some(names.iter().map(|name| (*name).clone()).collect());
        unspanned(ExpectSpec { by: Some(Span(REACHABLE_BY)), reachable, ..ExpectSpec::default() })
    })
}

fn unspanned<T>(value: T) -> Spanned<T> {
    Spanned::new(0..0, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let text = include_str!("../../tests/golden/report.json");
        serde_json::from_str(text).expect("a report")
    }

    #[test]
    fn an_exported_fabric_is_a_scenario_that_says_what_is_known() {
        let text = export(&[report()]);
        let scenario = Scenario::parse("exported", &text).unwrap();
        scenario.plan("exported", &text).unwrap();
        // Regions that have advertised, and those that only gossip knows a gateway of.
        let core = report().core;
        let members = core.gateways.into_iter().map(|view| view.region.to_string());
        let regions = core.regions.into_iter().map(|view| view.region.to_string());
        let known: BTreeSet<String> = regions.chain(members).collect();
        assert_eq!(scenario.regions.keys().cloned().collect::<BTreeSet<_>>(), known);
        assert!(!scenario.links.is_empty(), "{text}");
        assert!(text.starts_with("# region "), "{text}");
    }
}
