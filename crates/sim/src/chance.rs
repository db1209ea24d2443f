//! Chance, split per concern: a change of how links draw moves nothing in how brokers draw.

use std::{ops::RangeInclusive, time::Duration};

use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};

/// What chance is drawn for. Each has a stream of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concern {
    /// Latency, loss, duplicates.
    Links,
    /// Queue groups and reconnects.
    Brokers,
    /// When gossip tells whom.
    Gossip,
    /// When nodes answer.
    Nodes,
    /// When processes get their processor, and how fast they start.
    Processes,
    /// What a swarm's world looks like.
    Plan,
}

/// One stream of chance; the same for the same seed and concern on any machine.
#[derive(Clone, Debug)]
pub struct Chance(ChaCha8Rng);

impl Chance {
    /// The stream of one concern.
    #[must_use]
    pub fn new(seed: u64, concern: Concern) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(match concern {
            Concern::Links => 1,
            Concern::Brokers => 2,
            Concern::Gossip => 3,
            Concern::Nodes => 4,
            Concern::Plan => 5,
            Concern::Processes => 6,
        });
        Self(rng)
    }

    /// A number below `bound`; 0 where the bound is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        let drawn = self.0.next_u64().checked_rem(bound as u64).unwrap_or(0);
        usize::try_from(drawn).unwrap_or(0)
    }

    /// A number in the range.
    pub fn within(&mut self, range: RangeInclusive<usize>) -> usize {
        let (low, high) = range.into_inner();
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// A time in the range, to the microsecond.
    pub fn between(&mut self, min: Duration, max: Duration) -> Duration {
        let width = max.saturating_sub(min).as_micros();
        let Ok(width) = u64::try_from(width) else { return min };
        if width == 0 {
            return min;
        }
        min + Duration::from_micros(self.0.next_u64() % (width + 1))
    }

    /// True in this share of cases: 0 never, 1 always.
    pub fn happens(&mut self, share: f64) -> bool {
        share > 0.0 && f64::from(self.0.next_u32()) < share * f64::from(u32::MAX)
    }

    /// One of these; `None` if there are none.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        let at = self.below(of.len());
        of.get(at)
    }
}
