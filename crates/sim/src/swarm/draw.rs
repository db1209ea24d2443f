//! Draws a scenario out of a seed.

mod faults;
mod rules;
mod traffic;

use std::{collections::BTreeMap, time::Duration};

use toml::Spanned;

use super::Shape;
use crate::{
    chance::{Chance, Concern},
    scenario::{Between, ExpectSpec, GatewaySpec, LinkSpec, RegionSpec, Scenario, Span, StepSpec},
};

/// When things begin to go wrong, and when the last of them is over.
const FAULTS: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(70));
/// When clients go over from asking for as much as they like to what the narrowest windows carry.
const CALM: Duration = Duration::from_secs(110);
/// How long after the last fault everybody must reach everybody, with clients asking all the time:
/// gossip has to give up and hear anew, and damped links to come back.
const LIVE: Duration = Duration::from_secs(150);
/// When clients fall silent: whatever they ask from `LIVE` until then must be answered.
const QUIET: Duration = Duration::from_secs(157);
const END: Duration = Duration::from_secs(160);
/// Frames live shorter than usual, so that a world comes to rest sooner.
const LIFETIME: Duration = Duration::from_secs(10);
const SETTLE: Duration = Duration::from_secs(30);
/// Where windows are narrow: a little more than one request or answer.
const FRAME_BYTES: u64 = 4000;
const FAULTS_MAX: usize = 6;
/// The service that nodes of some regions run.
const SERVICE: &str = "registry";

pub(super) fn scenario(seed: u64, shape: &Shape) -> Scenario {
    let mut chance = Chance::new(seed, Concern::Plan);
    let gateways = chance.within(shape.gateways.clone());
    let count = (gateways / 2).clamp(2, 10);
    let names: Vec<String> = (1..=count).map(|number| format!("r{number}")).collect();
    let mut draw = Draw { chance, names, regions: BTreeMap::new() };
    draw.regions = draw.regions(gateways);
    let links = draw.links();
    let traffic = draw.traffic();
    let mut gateway = draw.gateway_spec();
    let faults = draw.chance.within(1..=FAULTS_MAX);
    let mut step: Vec<StepSpec> = (0..faults).map(|_| draw.fault()).collect();
    step.extend(draw.rules());
    step.extend(draw.moves());
    draw.slow_brokers(&mut gateway);
    Scenario {
        about: format!("Drawn from seed {seed}."),
        seeds: vec![seed],
        run_for: Span(END),
        settle: Some(Span(SETTLE)),
        links,
        gateway,
        traffic: Some(traffic),
        step: step.into_iter().map(unspanned).collect(),
        expect: expect(&draw.names),
        regions: draw.regions.into_iter().map(|(name, spec)| (name, unspanned(spec))).collect(),
        ..Scenario::default()
    }
}

/// After the last fault everybody reaches everybody, by name too, and all that is asked is answered.
fn expect(names: &[String]) -> Vec<Spanned<ExpectSpec>> {
    let reachable = ExpectSpec {
        by: Some(Span(LIVE)),
        reachable: Some(names.to_vec()),
        by_name: true,
        ..ExpectSpec::default()
    };
    let complete =
        ExpectSpec { complete: Some([Span(LIVE), Span(QUIET)]), ..ExpectSpec::default() };
    vec![unspanned(reachable), unspanned(complete)]
}

struct Draw {
    chance: Chance,
    names: Vec<String>,
    regions: BTreeMap<String, RegionSpec>,
}

impl Draw {
    fn regions(&mut self, gateways: usize) -> BTreeMap<String, RegionSpec> {
        let mut left = gateways;
        let mut regions = BTreeMap::new();
        for (index, name) in self.names.iter().enumerate() {
            let share = left.div_ceil(self.names.len() - index).max(1);
            left = left.saturating_sub(share);
            let spec = RegionSpec {
                nodes: Some(self.chance.within(1..=4)),
                gateways: Some(share),
                transit: self.chance.happens(0.2).then_some(false),
                monitored: self.chance.happens(0.4).then_some(false),
                services: self
                    .chance
                    .happens(0.4)
                    .then(|| SERVICE.to_owned())
                    .into_iter()
                    .collect(),
                ..RegionSpec::default()
            };
            regions.insert(name.clone(), spec);
        }
        regions
    }

    /// Narrow windows and small queues in every other world; hints in more than that.
    fn gateway_spec(&mut self) -> GatewaySpec {
        let narrow = self.chance.happens(0.5);
        let (soon, late) = (Duration::from_secs(8), Duration::from_secs(25));
        GatewaySpec {
            poll: self.chance.happens(0.6).then(|| Span(self.chance.between(soon, late))),
            lifetime: Some(Span(LIFETIME)),
            frame_bytes: narrow.then_some(FRAME_BYTES),
            window_bytes: narrow.then_some(FRAME_BYTES * 2),
            queue_bytes: narrow.then_some(FRAME_BYTES * 20),
            ..GatewaySpec::default()
        }
    }

    /// In half of the worlds with narrow windows brokers are far, and little may be on its way to them:
    /// credit is held, and gateways have to wait for it.
    fn slow_brokers(&mut self, gateway: &mut GatewaySpec) {
        if gateway.window_bytes.is_none() || self.chance.happens(0.5) {
            return;
        }
        gateway.publish_bytes = Some(FRAME_BYTES);
        for spec in self.regions.values_mut() {
            let min = self.chance.between(Duration::from_millis(1), Duration::from_millis(20));
            spec.broker = Some(Between { min, max: min * 2 });
        }
    }

    fn links(&mut self) -> Vec<Spanned<LinkSpec>> {
        let mut links = Vec::new();
        for (index, a) in self.names.clone().iter().enumerate() {
            for b in self.names.clone().iter().skip(index + 1) {
                let min = self.chance.between(Duration::from_millis(1), Duration::from_millis(150));
                let max = min + self.chance.between(Duration::ZERO, Duration::from_millis(50));
                let loss = self.chance.happens(0.3).then_some(0.01);
                let duplicate = self.chance.happens(0.2).then_some(0.05);
                let latency = Some(Between { min, max });
                let between = vec![a.clone(), b.clone()];
                let spec = LinkSpec { between, latency, loss, duplicate, bandwidth: None };
                links.push(unspanned(spec));
            }
        }
        links
    }

    fn name(&mut self) -> String {
        self.chance.pick(&self.names).cloned().unwrap_or_default()
    }

    fn gateway(&mut self) -> Vec<String> {
        let region = self.name();
        let count = self.regions.get(&region).and_then(|spec| spec.gateways).unwrap_or(1);
        vec![format!("{region}-{}", self.chance.within(1..=count))]
    }

    /// A region or a gateway.
    fn either(&mut self) -> String {
        let gateway = self.gateway().concat();
        if self.chance.happens(0.5) { gateway } else { self.name() }
    }

    /// Two regions or gateways that are not the same.
    fn pair(&mut self) -> Vec<String> {
        let first = self.either();
        loop {
            let second = self.either();
            if second != first {
                return vec![first, second];
            }
        }
    }
}

fn unspanned<T>(value: T) -> Spanned<T> {
    Spanned::new(0..0, value)
}
