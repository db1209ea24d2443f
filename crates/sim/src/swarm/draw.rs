//! Draws a scenario out of a seed.

use std::{collections::BTreeMap, time::Duration};

use toml::Spanned;

use super::Shape;
use crate::{
    chance::{Chance, Concern},
    process::Skew,
    scenario::{
        Between, DenySpec, ExpectSpec, GatewaySpec, LinkSpec, Offset, RegionSpec, Scenario,
        SkewSpec, Span, StepSpec, TrafficSpec,
    },
};

/// When things begin to go wrong, and when the last of them is over.
const FAULTS: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(70));
/// How long after the last fault everybody must reach everybody: gossip has to give up and hear anew,
/// and damped links to come back.
const LIVE: Duration = Duration::from_secs(150);
const END: Duration = Duration::from_secs(160);
/// When clients fall silent: what they asked for beyond what narrow windows carry has gone, one
/// lifetime later, before everybody must reach everybody. A queue that is full is no fault to heal.
const CALM: Duration = Duration::from_secs(135);
/// Frames live shorter than usual, so that a world comes to rest sooner.
const LIFETIME: Duration = Duration::from_secs(10);
const SETTLE: Duration = Duration::from_secs(30);
/// Where windows are narrow: a little more than one request or answer.
const FRAME_BYTES: u64 = 4000;
const FAULTS_MAX: usize = 6;

pub(super) fn scenario(seed: u64, shape: &Shape) -> Scenario {
    let mut chance = Chance::new(seed, Concern::Plan);
    let gateways = chance.within(shape.gateways.clone());
    let count = (gateways / 2).clamp(2, 10);
    let names: Vec<String> = (1..=count).map(|number| format!("r{number}")).collect();
    let mut draw = Draw { chance, names };
    let regions = draw.regions(gateways);
    let links = draw.links();
    let traffic = draw.traffic();
    let faults = draw.chance.within(1..=FAULTS_MAX);
    let step = (0..faults).map(|_| unspanned(draw.step(&regions))).collect();
    let all = draw.names.clone();
    let reachable =
        ExpectSpec { by: Some(Span(LIVE)), reachable: Some(all), ..ExpectSpec::default() };
    Scenario {
        about: format!("Drawn from seed {seed}."),
        seeds: vec![seed],
        run_for: Span(END),
        settle: Some(Span(SETTLE)),
        regions: regions.into_iter().map(|(name, spec)| (name, unspanned(spec))).collect(),
        links,
        gateway: draw.gateway_spec(),
        traffic: Some(traffic),
        step,
        expect: vec![unspanned(reachable)],
        ..Scenario::default()
    }
}

struct Draw {
    chance: Chance,
    names: Vec<String>,
}

impl Draw {
    fn regions(&mut self, gateways: usize) -> BTreeMap<String, RegionSpec> {
        let mut left = gateways;
        let mut regions = BTreeMap::new();
        for (index, name) in self.names.iter().enumerate() {
            let share = left.div_ceil(self.names.len() - index).max(1);
            left = left.saturating_sub(share);
            let nodes = Some(self.chance.within(1..=4));
            let spec = RegionSpec { nodes, gateways: Some(share), ..RegionSpec::default() };
            regions.insert(name.clone(), spec);
        }
        regions
    }

    /// Narrow windows and small queues in every other world.
    fn gateway_spec(&mut self) -> GatewaySpec {
        let narrow = self.chance.happens(0.5);
        GatewaySpec {
            lifetime: Some(Span(LIFETIME)),
            frame_bytes: narrow.then_some(FRAME_BYTES),
            window_bytes: narrow.then_some(FRAME_BYTES * 2),
            queue_bytes: narrow.then_some(FRAME_BYTES * 20),
            ..GatewaySpec::default()
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

    fn traffic(&mut self) -> Vec<Spanned<TrafficSpec>> {
        let count = self.chance.within(1..=3);
        let streams = (0..count).map(|_| {
            let to = self.chance.happens(0.5).then(|| self.name());
            let federated = to.is_some() && self.chance.happens(0.4);
            let pause = Duration::from_millis(100);
            unspanned(TrafficSpec {
                from: self.name(),
                to,
                federated,
                every: Span(self.chance.between(pause, pause * 20)),
                count: Some(if self.chance.happens(0.3) { 10 } else { 1 }),
                until: Some(Span(CALM)),
                ..TrafficSpec::default()
            })
        });
        streams.collect()
    }

    fn step(&mut self, regions: &BTreeMap<String, RegionSpec>) -> StepSpec {
        let latest = FAULTS.1 - Duration::from_secs(20);
        let at = self.chance.between(FAULTS.0, latest);
        let lasts = self.chance.between(Duration::from_millis(100), Duration::from_secs(20));
        let mut step = StepSpec { at: Span(at), lasts: Some(Span(lasts)), ..StepSpec::default() };
        let gateway = self.gateway(regions);
        match self.chance.below(16) {
            0 => step.partition = Some(self.pair(regions)),
            1 => step.black_hole = Some(self.pair(regions)),
            2 => step.one_way = Some(self.pair(regions)),
            3 => step.isolate = Some(vec![self.either(regions)]),
            4 => {
                step.flap = Some(self.pair(regions));
                let every = self.chance.between(Duration::from_millis(200), Duration::from_secs(9));
                step.every = Some(Span(every));
            }
            5 => step.reset = Some(self.pair(regions)),
            6 => step.kill = Some(vec![self.either(regions)]),
            7 => step.power_off = Some(gateway),
            8 => {
                step.crash_loop = Some(gateway);
                step.every = Some(Span(Duration::from_secs(3)));
            }
            9 => step.pause = Some(gateway),
            10 => {
                step.drain = Some(gateway);
                step.lasts = Some(Span(Duration::from_secs(20)));
            }
            11 => step.half_open = Some(gateway),
            12 => step.broker_down = Some(vec![self.name()]),
            13 => step.slow_consumer = Some(gateway),
            14 => self.wrong_clock(&mut step, gateway),
            _ => self.other(&mut step),
        }
        step
    }

    fn wrong_clock(&mut self, step: &mut StepSpec, of: Vec<String>) {
        let off = self.chance.between(Duration::from_secs(1), Duration::from_secs(7200));
        let skew = if self.chance.happens(0.5) { Skew::Ahead(off) } else { Skew::Behind(off) };
        step.skew = Some(SkewSpec { of, by: Offset(skew) });
    }

    fn other(&mut self, step: &mut StepSpec) {
        if self.chance.happens(0.5) {
            step.garbage = Some(vec![self.name()]);
        } else {
            let subject = "mcollective.>".to_owned();
            step.deny = Some(DenySpec { region: self.name(), subject });
        }
    }

    fn name(&mut self) -> String {
        self.chance.pick(&self.names).cloned().unwrap_or_default()
    }

    fn gateway(&mut self, regions: &BTreeMap<String, RegionSpec>) -> Vec<String> {
        let region = self.name();
        let count = regions.get(&region).and_then(|spec| spec.gateways).unwrap_or(1);
        vec![format!("{region}-{}", self.chance.within(1..=count))]
    }

    /// A region or a gateway.
    fn either(&mut self, regions: &BTreeMap<String, RegionSpec>) -> String {
        let gateway = self.gateway(regions).concat();
        if self.chance.happens(0.5) { gateway } else { self.name() }
    }

    /// Two regions or gateways that are not the same.
    fn pair(&mut self, regions: &BTreeMap<String, RegionSpec>) -> Vec<String> {
        let first = self.either(regions);
        loop {
            let second = self.either(regions);
            if second != first {
                return vec![first, second];
            }
        }
    }
}

fn unspanned<T>(value: T) -> Spanned<T> {
    Spanned::new(0..0, value)
}
