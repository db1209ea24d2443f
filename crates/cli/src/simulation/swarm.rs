//! What came of a swarm: a table, and `antiphon.swarm.v1`.

use std::time::Duration;

use antiphon_sim::{Outcome, Seen};
use serde_json::{Value, json};

use super::document::{micros, millis, violation};
use crate::{
    human,
    table::{Cell, Column, Table, Tone},
};

/// What came of one seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seed {
    /// Which.
    pub seed: u64,
    /// How long it took.
    pub wall: Duration,
    /// How much time passed in it.
    pub simulated: Duration,
    /// Events that its machines handled.
    pub events: u64,
    /// Requests that its clients made.
    pub requests: u64,
    /// Its trace.
    pub trace: u64,
    /// What must not have happened.
    pub violations: Vec<Seen>,
}

/// What came of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swarm {
    /// Gateways of each world, as asked for.
    pub shape: Option<String>,
    /// How long all of it took.
    pub wall: Duration,
    /// Every seed, in order; at least one.
    pub seeds: Vec<Seed>,
}

impl Seed {
    /// What is kept of an outcome.
    #[must_use]
    pub fn new(outcome: &Outcome, wall: Duration) -> Self {
        Self {
            seed: outcome.seed,
            wall,
            simulated: outcome.simulated,
            events: outcome.events,
            requests: outcome.requests,
            trace: outcome.trace,
            violations: outcome.violations.clone(),
        }
    }

    /// Whether nothing happened that must not.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.violations.is_empty()
    }
}

impl Swarm {
    /// Seeds that broke something.
    pub fn failed(&self) -> impl Iterator<Item = &Seed> {
        self.seeds.iter().filter(|seed| !seed.is_good())
    }

    /// For people: at most so many failures one by one.
    #[must_use]
    pub fn tables(&self, told_max: usize) -> Vec<Table> {
        let mut tables = vec![self.summary()];
        if self.failed().next().is_some() {
            tables.push(self.failures(told_max));
        }
        tables
    }

    fn summary(&self) -> Table {
        let (failed, count) = (self.failed().count() as u64, self.seeds.len() as u64);
        let verdict = match failed {
            0 => Cell::from("all good").tone(Tone::Good),
            _ => Cell::from(format!("{failed} failed")).tone(Tone::Problem),
        };
        let simulated: Duration = self.seeds.iter().map(|seed| seed.simulated).sum();
        let seconds = self.wall.as_secs_f64().max(1e-9);
        #[allow(clippy::cast_precision_loss, reason = "for people")]
        let rate = format!(
            "{} ({:.1} seeds a second, {:.0} simulated seconds a second)",
            human::span(self.wall),
            count as f64 / seconds,
            simulated.as_secs_f64() / seconds
        );
        let slowest =
            self.slowest().map(|seed| format!("{} ({})", seed.seed, human::round_trip(seed.wall)));
        Table::pairs(vec![
            ("Seeds", count.into()),
            ("Gateways", Cell::from(self.shape.as_deref().unwrap_or("3..8"))),
            ("Verdict", verdict),
            ("Simulated", human::span(simulated).into()),
            ("Requests", self.sum(|seed| seed.requests).into()),
            ("Events", self.sum(|seed| seed.events).into()),
            ("Took", rate.into()),
            ("Slowest seed", Cell::optional(slowest)),
            ("Trace", format!("{:016x}", self.trace()).into()),
        ])
    }

    fn failures(&self, told_max: usize) -> Table {
        let mut table = Table::new(vec![
            Column::numbers("SEED"),
            Column::numbers("AT"),
            Column::words("BREAKS"),
            Column::words("WHAT HAPPENED"),
        ]);
        for seed in self.failed().take(told_max) {
            let Some(first) = seed.violations.first() else { continue };
            let at = format!("{:.3}s", first.at.as_secs_f64());
            let broken = Cell::from(first.invariant).tone(Tone::Problem);
            table.rows.push(vec![seed.seed.into(), at.into(), broken, first.what.as_str().into()]);
        }
        table
    }

    /// For programs; `again` gives the line that repeats a seed.
    #[must_use]
    pub fn document(&self, again: impl Fn(u64) -> String) -> Value {
        let failure = |seed: &Seed| {
            json!({
                "seed": seed.seed,
                "again": again(seed.seed),
                "violations": seed.violations.iter().map(violation).collect::<Vec<_>>(),
            })
        };
        let slowest = self.slowest();
        json!({
            "schema": "antiphon.swarm.v1",
            "version": env!("CARGO_PKG_VERSION"),
            "good": self.failed().next().is_none(),
            "seeds": self.seeds.len(),
            "first_seed": self.seeds.first().map(|seed| seed.seed),
            "last_seed": self.seeds.last().map(|seed| seed.seed),
            "gateways": self.shape,
            "failed": self.failed().map(failure).collect::<Vec<_>>(),
            "simulated_ms": millis(self.seeds.iter().map(|seed| seed.simulated).sum()),
            "wall_ms": millis(self.wall),
            "slowest_seed": slowest.map(|seed| seed.seed),
            "slowest_us": slowest.map(|seed| micros(seed.wall)),
            "requests": self.sum(|seed| seed.requests),
            "events": self.sum(|seed| seed.events),
            "trace": format!("{:016x}", self.trace()),
        })
    }

    fn slowest(&self) -> Option<&Seed> {
        self.seeds.iter().max_by_key(|seed| seed.wall)
    }

    fn sum(&self, of: impl Fn(&Seed) -> u64) -> u64 {
        self.seeds.iter().map(of).sum()
    }

    /// All traces as one number, in the order of seeds: the same on any machine with any number of
    /// threads.
    fn trace(&self) -> u64 {
        const PRIME: u64 = 0x0000_0100_0000_01b3;
        let mix = |sum: u64, seed: &Seed| (sum ^ seed.trace).wrapping_mul(PRIME).rotate_left(17);
        self.seeds.iter().fold(0xcbf2_9ce4_8422_2325, mix)
    }
}
