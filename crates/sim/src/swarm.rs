//! Swarms: a random world for each seed, held to every invariant.
//!
//! A seed stands for one [`Scenario`]: topology, paths, what clients ask and what goes wrong. All
//! that goes wrong is over a while before the end, and then everybody must reach everybody.

mod draw;
mod minimise;

use std::ops::RangeInclusive;

use crate::{
    machine::Make,
    run::{Outcome, run},
    scenario::{Plan, Scenario},
};

pub use self::minimise::minimise;

/// What the worlds of a swarm are like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Gateways in all; the number of regions follows from it.
    pub gateways: RangeInclusive<usize>,
}

impl Default for Shape {
    fn default() -> Self {
        Self { gateways: 3..=8 }
    }
}

/// The scenario that a seed stands for.
#[must_use]
pub fn scenario(seed: u64, shape: &Shape) -> Scenario {
    draw::scenario(seed, shape)
}

/// Runs the world of one seed.
#[must_use]
pub fn try_seed(seed: u64, shape: &Shape, make: Make) -> Outcome {
    run(&plan_of(&scenario(seed, shape)), seed, make)
}

/// The plan of a scenario that was drawn, not written.
fn plan_of(scenario: &Scenario) -> Plan {
    scenario.plan("swarm", "").expect("only names that the scenario itself has are drawn")
}
