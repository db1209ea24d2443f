//! Policies that come and go, and nodes that move.

use std::time::Duration;

use antiphon_core::policy::{Effect, Rate};

use super::{Draw, FAULTS, LIVE};
use crate::scenario::{LimitsSpec, MoveSpec, PolicySpec, RuleSpec, Span, StepSpec};

impl Draw {
    /// Policies in every other world: some for a while, some to the end.
    pub(super) fn rules(&mut self) -> Vec<StepSpec> {
        if self.chance.happens(0.5) {
            return Vec::new();
        }
        let count = self.chance.within(1..=2);
        (0..count).map(|_| self.policy_step()).collect()
    }

    fn policy_step(&mut self) -> StepSpec {
        let at = Span(self.chance.between(FAULTS.0, FAULTS.1));
        let lasts = self.chance.between(Duration::from_millis(500), Duration::from_secs(20));
        let stays = self.chance.happens(0.5);
        // One gateway of a region alone has it only while it comes into force.
        let of = vec![if stays { self.name() } else { self.either() }];
        let mut spec = PolicySpec { of, ..PolicySpec::default() };
        let rule = self.rule();
        match self.chance.below(8) {
            0..=3 => spec.accept.push(RuleSpec { to: Vec::new(), ..rule }),
            4 | 5 => spec.export.push(RuleSpec { from: Vec::new(), ..rule }),
            6 => spec.transit.push(rule),
            _ if stays => spec.default.accept = Effect::Deny,
            _ => {
                let rate = Rate { per_second: 5, burst: 10 };
                spec.limits = LimitsSpec { caller: Some(rate), region: Some(rate) };
            }
        }
        let lasts = (!stays).then_some(Span(lasts));
        StepSpec { at, lasts, policy: Some(spec), ..StepSpec::default() }
    }

    /// Denies something: a region's requests, or one agent's.
    fn rule(&mut self) -> RuleSpec {
        let name = self.name();
        let agents = if self.chance.happens(0.5) { ["rpc*"].as_slice() } else { &[] };
        RuleSpec {
            from: vec![name.clone()],
            to: vec![name],
            agents: agents.iter().filter_map(|one| one.parse().ok()).collect(),
            effect: Effect::Deny,
            ..RuleSpec::default()
        }
    }

    /// Nodes move in every other world; in most of these one does shortly before all are asked by
    /// name.
    pub(super) fn moves(&mut self) -> Vec<StepSpec> {
        if self.chance.happens(0.5) {
            return Vec::new();
        }
        let mut moves = Vec::new();
        if self.chance.happens(0.5) {
            let at = self.chance.between(FAULTS.0, FAULTS.1);
            moves.push(self.move_step(at, 1));
        }
        if self.chance.happens(0.7) {
            let before = self.chance.between(Duration::from_secs(4), Duration::from_secs(9));
            moves.push(self.move_step(LIVE - before, 2));
        }
        moves
    }

    fn move_step(&mut self, at: Duration, number: usize) -> StepSpec {
        let (from, to) = (self.name(), self.name());
        let nodes = vec![format!("n{number}.{from}.example.net")];
        let moves = Some(MoveSpec { nodes, to, silent: self.chance.happens(0.5) });
        StepSpec { at: Span(at), moves, ..StepSpec::default() }
    }
}
