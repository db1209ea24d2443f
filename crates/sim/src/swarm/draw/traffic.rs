//! What clients ask.

use std::time::Duration;

use toml::Spanned;

use super::{CALM, Draw, QUIET, SERVICE, unspanned};
use crate::scenario::{Span, TrafficSpec};

/// Between two requests of one stream when clients are calm: with four answers to each that is less
/// than the narrowest window carries over the longest way.
const CALM_EVERY: Duration = Duration::from_secs(2);

impl Draw {
    /// Streams that first ask for as much as they like, and later for what windows carry.
    pub(super) fn traffic(&mut self) -> Vec<Spanned<TrafficSpec>> {
        let count = self.chance.within(1..=4);
        (0..count).flat_map(|_| self.stream()).map(unspanned).collect()
    }

    fn stream(&mut self) -> [TrafficSpec; 2] {
        let pause = Duration::from_millis(100);
        let mut eager = TrafficSpec {
            from: self.name(),
            every: Span(self.chance.between(pause, pause * 20)),
            count: Some(if self.chance.happens(0.3) { 10 } else { 1 }),
            until: Some(Span(CALM)),
            ..TrafficSpec::default()
        };
        match self.chance.below(8) {
            0..=2 => {}
            3 => eager.service = Some(SERVICE.to_owned()),
            4 => eager.to = Some(self.name()),
            5 => (eager.to, eager.federated) = (Some(self.name()), true),
            _ => (eager.to, eager.list) = (Some(self.name()), true),
        }
        let calm = TrafficSpec {
            every: Span(eager.every.0.max(CALM_EVERY)),
            count: None,
            start: Some(Span(CALM)),
            until: Some(Span(QUIET)),
            ..eager.clone()
        };
        [eager, calm]
    }
}
