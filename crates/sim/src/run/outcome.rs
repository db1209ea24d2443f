//! What came of a run: plain values for reports.

use std::{collections::BTreeMap, time::Duration};

use antiphon_core::{RegionId, UnitKind};
use serde::Serialize;

use super::{alarms, drops, expect::in_doubt};
use crate::{
    scenario::Plan,
    watch::{Asked, Invariant, Violation},
    world::World,
};

/// What came of one run.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// The trace as one number: the same for the same seed on any machine.
    pub trace: u64,
    /// What must not have happened.
    pub violations: Vec<Seen>,
    /// Simulated time.
    pub simulated: Duration,
    /// Events that machines handled.
    pub events: u64,
    /// Requests that clients made.
    pub requests: u64,
    /// Those that everybody who was asked has answered.
    pub complete: u64,
    /// Answers that there should be.
    pub expected: u64,
    /// Answers that clients got.
    pub answers: u64,
    /// Publications by gateways: requests and replies, by region.
    pub published: BTreeMap<String, (u64, u64)>,
    /// Messages dropped, by reason.
    pub drops: BTreeMap<&'static str, u64>,
    /// Units in doubt in the end.
    pub in_doubt: u64,
    /// Alarms raised, by kind.
    pub alarms: BTreeMap<&'static str, u64>,
    /// How long the last answer to a request took, where there was one.
    pub took: Percentiles,
    /// What the clients of each region saw.
    pub regions: BTreeMap<String, Asking>,
    /// How long answers took, by the region of the nodes that gave them.
    pub delays: BTreeMap<String, Percentiles>,
    /// For each second: requests, answers to them, deliveries, drops.
    pub seconds: Vec<Second>,
}

/// A violation as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// When.
    pub at: Duration,
    /// What it breaks.
    pub invariant: &'static str,
    /// What happened.
    pub what: String,
}

/// What the clients of one region saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Asking {
    /// Requests that they made.
    pub requests: u64,
    /// Those that everybody who was asked has answered.
    pub complete: u64,
    /// How long the last answer took, where there was one.
    pub took: Percentiles,
}

/// One second of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Second {
    /// Requests made.
    pub requests: u64,
    /// Answers that these requests got, at any time.
    pub answers: u64,
    /// Answers that reached clients in this second, to whatever request.
    pub delivered: u64,
    /// Messages dropped, by reason.
    pub drops: BTreeMap<&'static str, u64>,
}

/// A distribution of times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Percentiles {
    /// Half are faster.
    pub p50: Duration,
    /// 90 of 100 are faster.
    pub p90: Duration,
    /// 99 of 100 are faster.
    pub p99: Duration,
    /// The slowest.
    pub max: Duration,
}

impl Outcome {
    pub(super) fn new(plan: &Plan, seed: u64, world: &World) -> Self {
        let watch = world.watch();
        let published = plan.regions().map(|(region, _)| {
            let count = |kind| watch.published_in(region, kind);
            (region.to_string(), (count(UnitKind::Request), count(UnitKind::Reply)))
        });
        let requests = watch.requests();
        Self {
            seed,
            trace: world.trace_hash(),
            violations: watch.violations().iter().map(Seen::from).collect(),
            simulated: world.now().mono,
            events: world.handled(),
            requests: requests.len() as u64,
            complete: requests.iter().filter(|one| watch.is_complete(one)).count() as u64,
            expected: requests.iter().map(|one| watch.expected(one)).sum(),
            answers: requests.iter().map(answers).sum(),
            published: published.collect(),
            drops: drops(world),
            in_doubt: in_doubt(world),
            alarms: alarms(world),
            took: Percentiles::of(requests.iter()),
            regions: plan.regions().map(|(one, _)| (one.to_string(), asking(one, world))).collect(),
            delays: delays(world),
            seconds: seconds(plan, world),
        }
    }

    /// What is said of a run that a panic ended: a defect of the machine or of the world.
    #[must_use]
    pub fn panicked(seed: u64, why: &str) -> Self {
        let (at, invariant) = (Duration::ZERO, Invariant::Progress.label());
        let violations = vec![Seen { at, invariant, what: format!("it panics: {why}") }];
        Self { seed, violations, ..Self::default() }
    }

    /// Whether nothing happened that must not.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.violations.is_empty()
    }
}

impl Percentiles {
    fn of<'a>(requests: impl Iterator<Item = &'a Asked>) -> Self {
        let answered = requests.filter(|one| !one.answers.is_empty());
        let times: Vec<Duration> = answered.map(|one| one.took).collect();
        Self::of_times(times)
    }

    fn of_times(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |share: usize| {
            let index = (times.len() * share / 100).min(times.len().saturating_sub(1));
            times.get(index).copied().unwrap_or_default()
        };
        Self { p50: at(50), p90: at(90), p99: at(99), max: at(100) }
    }
}

impl From<&Violation> for Seen {
    fn from(violation: &Violation) -> Self {
        let Violation { at, invariant, what } = violation;
        Self { at: *at, invariant: invariant.label(), what: what.clone() }
    }
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "at {:.3} s: {}: {}", self.at.as_secs_f64(), self.invariant, self.what)
    }
}

fn answers(asked: &Asked) -> u64 {
    asked.answers.values().map(|count| u64::from(*count)).sum()
}

fn asking(region: &RegionId, world: &World) -> Asking {
    let watch = world.watch();
    let of_them = || watch.requests().iter().filter(|one| one.region == *region);
    Asking {
        requests: of_them().count() as u64,
        complete: of_them().filter(|one| watch.is_complete(one)).count() as u64,
        took: Percentiles::of(of_them()),
    }
}

fn delays(world: &World) -> BTreeMap<String, Percentiles> {
    let watch = world.watch();
    let mut times: BTreeMap<String, Vec<Duration>> = BTreeMap::new();
    for (node, delay) in watch.requests().iter().flat_map(|asked| &asked.delays) {
        if let Some(region) = watch.region_of(node) {
            times.entry(region.to_string()).or_default().push(*delay);
        }
    }
    times.into_iter().map(|(region, times)| (region, Percentiles::of_times(times))).collect()
}

fn seconds(plan: &Plan, world: &World) -> Vec<Second> {
    let length = usize::try_from((plan.run_for + plan.settle).as_secs()).unwrap_or(0) + 1;
    let mut seconds = vec![Second::default(); length];
    let mut edit = |at: u64, edit: &dyn Fn(&mut Second)| {
        if let Some(second) = usize::try_from(at).ok().and_then(|at| seconds.get_mut(at)) {
            edit(second);
        }
    };
    for asked in world.watch().requests() {
        edit(asked.at.as_secs(), &|second| {
            second.requests += 1;
            second.answers += answers(asked);
        });
    }
    for (at, count) in world.watch().delivered_per_second() {
        edit(*at, &|second| second.delivered += count);
    }
    for ((at, reason), count) in world.watch().drops_per_second() {
        edit(*at, &|second| {
            second.drops.insert(reason.label(), *count);
        });
    }
    seconds
}
