//! Who is where: the places of a scenario, and what its names stand for.

use std::{collections::BTreeMap, ops::Range};

use antiphon_core::{Config, HintsConfig, Incarnation, Limits, Periods, RegionId};

use super::{GatewaySpec, Scenario, error::Fault};
use crate::world::Slot;

/// One place for a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) name: String,
    pub(crate) config: Config,
    pub(crate) running: bool,
}

/// The places, in the order of their slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Topology {
    pub(crate) places: Vec<Place>,
    pub(crate) regions: BTreeMap<String, RegionId>,
}

impl Topology {
    pub(crate) fn new(scenario: &Scenario) -> Result<Self, Fault> {
        let mut regions = BTreeMap::new();
        for (name, spec) in &scenario.regions {
            let region = RegionId::try_from(name.as_str())
                .map_err(|error| fault(&spec.span(), format!("regions: {error}")))?;
            regions.insert(name.clone(), region);
        }
        let mut topology = Self { places: Vec::new(), regions };
        topology.add_regular(scenario)?;
        topology.add_places(scenario)?;
        Ok(topology)
    }

    fn add_regular(&mut self, scenario: &Scenario) -> Result<(), Fault> {
        for (name, spec) in &scenario.regions {
            for number in 1..=spec.get_ref().gateways.unwrap_or(2) {
                let gateway = format!("{name}-{number}");
                let config = self.config(scenario, name, &gateway, &spec.span())?;
                self.places.push(Place { name: gateway, config, running: true });
            }
        }
        Ok(())
    }

    fn add_places(&mut self, scenario: &Scenario) -> Result<(), Fault> {
        for (name, spec) in &scenario.places {
            let place = spec.get_ref();
            let gateway = place.gateway.as_deref().unwrap_or(name);
            let mut config = self.config(scenario, &place.region, gateway, &spec.span())?;
            if !place.seeds.is_empty() {
                let wrong = |error| fault(&spec.span(), format!("places.{name}.seeds: {error}"));
                let seeds = place.seeds.iter().map(|seed| seed.parse().map_err(wrong));
                config.seeds = seeds.collect::<Result<_, _>>()?;
            }
            let running = place.running.unwrap_or(true);
            self.places.push(Place { name: name.clone(), config, running });
        }
        Ok(())
    }

    fn config(
        &self,
        scenario: &Scenario,
        region: &str,
        gateway: &str,
        span: &Range<usize>,
    ) -> Result<Config, Fault> {
        let id = self.region(region, "region", span)?;
        let spec = scenario.regions.get(region).map(toml::Spanned::get_ref);
        let spec = spec.cloned().unwrap_or_default();
        let peers = spec.peers.map(|names| {
            names.iter().map(|one| self.region(one, "peers", span)).collect::<Result<_, _>>()
        });
        let seeds = self.seeds(scenario);
        let (limits, periods) = bounds(&scenario.gateway);
        let name = |error| fault(span, format!("{gateway:?}: {error}"));
        let fabric = "acme".parse().expect("a plain token");
        let gateway = gateway.parse().map_err(name)?;
        Ok(Config {
            export: ["mcollective".parse().expect("a plain token")].into(),
            federation: self.regions.clone(),
            transit: spec.transit.unwrap_or(true),
            seeds,
            peers: peers.transpose()?,
            hints: hints(&scenario.gateway, spec.monitored),
            limits,
            periods,
            ..Config::new(fabric, id, gateway, Incarnation(0))
        })
    }

    /// Everybody first dials the first gateway of each region.
    fn seeds(&self, scenario: &Scenario) -> Vec<antiphon_core::Endpoint> {
        let regions = scenario.regions.keys();
        regions.filter_map(|region| format!("{region}-1:7440").parse().ok()).collect()
    }

    pub(crate) fn region(
        &self,
        name: &str,
        key: &str,
        span: &Range<usize>,
    ) -> Result<RegionId, Fault> {
        let known = self.regions.get(name).cloned();
        known.ok_or_else(|| fault(span, format!("{key}: there is no region {name:?}")))
    }

    /// The places that a region's or a place's name stands for.
    pub(crate) fn slots(
        &self,
        name: &str,
        key: &str,
        span: &Range<usize>,
    ) -> Result<Vec<Slot>, Fault> {
        let named = |place: &Place| place.name == name || place.config.region.as_str() == name;
        let found = self.places.iter().enumerate().filter(|(_, place)| named(place));
        let slots: Vec<Slot> = found.map(|(index, _)| Slot(index)).collect();
        if slots.is_empty() {
            return Err(fault(span, format!("{key}: there is no region or gateway {name:?}")));
        }
        Ok(slots)
    }
}

/// Gateways read their brokers where a scenario says how often.
fn hints(spec: &GatewaySpec, monitored: Option<bool>) -> HintsConfig {
    let default = HintsConfig::default();
    let poll = spec.poll.map_or(default.poll, |span| span.0);
    let monitors = spec.poll.is_some() && monitored.unwrap_or(true);
    HintsConfig { monitors, poll, ..default }
}

fn bounds(spec: &GatewaySpec) -> (Limits, Periods) {
    let (mut limits, mut periods) = (Limits::default(), Periods::default());
    limits.queue_bytes_max = spec.queue_bytes.unwrap_or(limits.queue_bytes_max);
    limits.window_bytes = spec.window_bytes.unwrap_or(limits.window_bytes);
    limits.publish_bytes_max = spec.publish_bytes.unwrap_or(limits.publish_bytes_max);
    limits.frame_bytes_max = spec.frame_bytes.unwrap_or(limits.frame_bytes_max);
    periods.lifetime_max = spec.lifetime.map_or(periods.lifetime_max, |span| span.0);
    periods.resume = spec.resume.map_or(periods.resume, |span| span.0);
    periods.advert_expiry = spec.advert_expiry.map_or(periods.advert_expiry, |span| span.0);
    (limits, periods)
}

pub(crate) fn fault(span: &Range<usize>, what: String) -> Fault {
    Fault { span: span.clone(), what }
}
