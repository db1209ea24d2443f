//! What goes wrong, and is right again.

use std::time::Duration;

use super::{Draw, FAULTS};
use crate::{
    process::Skew,
    scenario::{DenySpec, Offset, SkewSpec, Span, SplitSpec, StepSpec},
};

impl Draw {
    pub(super) fn fault(&mut self) -> StepSpec {
        let latest = FAULTS.1 - Duration::from_secs(20);
        let at = self.chance.between(FAULTS.0, latest);
        let lasts = self.chance.between(Duration::from_millis(100), Duration::from_secs(20));
        let mut step = StepSpec { at: Span(at), lasts: Some(Span(lasts)), ..StepSpec::default() };
        let gateway = self.gateway();
        match self.chance.below(18) {
            0 => step.partition = Some(self.pair()),
            1 => step.black_hole = Some(self.pair()),
            2 => step.one_way = Some(self.pair()),
            3 => step.isolate = Some(vec![self.either()]),
            4 => {
                step.flap = Some(self.pair());
                let every = self.chance.between(Duration::from_millis(200), Duration::from_secs(9));
                step.every = Some(Span(every));
            }
            5 => {
                step.reset = Some(self.pair());
                step.lasts = None;
            }
            6 => step.kill = Some(vec![self.either()]),
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
            13 => {
                step.slow_consumer = Some(gateway);
                step.lasts = None;
            }
            14 => self.wrong_clock(&mut step, gateway),
            15 => step.monitor_down = Some(vec![self.name()]),
            16 => step.split = Some(self.split()),
            _ => self.other(&mut step),
        }
        step
    }

    /// Some of a region's gateways and nodes, apart from the rest.
    fn split(&mut self) -> SplitSpec {
        let gateways = self.gateway();
        let region = gateways.concat();
        let region = region.split('-').next().unwrap_or_default().to_owned();
        SplitSpec { region, gateways, nodes: self.chance.within(0..=2) }
    }

    fn wrong_clock(&mut self, step: &mut StepSpec, of: Vec<String>) {
        let off = self.chance.between(Duration::from_secs(1), Duration::from_secs(7200));
        let skew = if self.chance.happens(0.5) { Skew::Ahead(off) } else { Skew::Behind(off) };
        step.skew = Some(SkewSpec { of, by: Offset(skew) });
    }

    fn other(&mut self, step: &mut StepSpec) {
        if self.chance.happens(0.5) {
            step.garbage = Some(vec![self.name()]);
            step.lasts = None;
        } else {
            let subject = "mcollective.>".to_owned();
            step.deny = Some(DenySpec { region: self.name(), subject });
        }
    }
}
