//! Documents for programs: `antiphon.simulation.v1`.

use std::time::Duration;

use antiphon_sim::{Asking, Outcome, Percentiles, Second, Seen};
use serde_json::{Value, json};

use super::{Run, tables::trace};

/// Every run, with everything that was seen.
#[must_use]
pub fn document(runs: &[Run]) -> Value {
    json!({
        "schema": "antiphon.simulation.v1",
        "version": env!("CARGO_PKG_VERSION"),
        "good": runs.iter().all(|run| run.outcome.is_good()),
        "runs": runs.iter().map(run).collect::<Vec<_>>(),
    })
}

fn run(run: &Run) -> Value {
    let (subject, outcome) = (&run.subject, &run.outcome);
    json!({
        "file": subject.file,
        "about": subject.scenario.about,
        "seed": outcome.seed,
        "what_if": subject.what_if,
        "good": outcome.is_good(),
        "again": run.again(),
        "simulated_ms": millis(outcome.simulated),
        "wall_us": micros(run.wall),
        "events": outcome.events,
        "trace": trace(outcome),
        "requests": outcome.requests,
        "complete": outcome.complete,
        "answers": outcome.answers,
        "answers_expected": outcome.expected,
        "in_doubt": outcome.in_doubt,
        "took_us": percentiles(outcome.took),
        "regions": regions(outcome),
        "drops": outcome.drops,
        "alarms": outcome.alarms,
        "violations": outcome.violations.iter().map(violation).collect::<Vec<_>>(),
        "faults": faults(run),
        "seconds": outcome.seconds.iter().map(second).collect::<Vec<_>>(),
    })
}

fn regions(outcome: &Outcome) -> Vec<Value> {
    let region = |(name, asking): (&String, &Asking)| {
        let (requests, replies) = outcome.published.get(name).copied().unwrap_or_default();
        json!({
            "region": name,
            "requests": asking.requests,
            "complete": asking.complete,
            "took_us": percentiles(asking.took),
            "requests_published": requests,
            "replies_published": replies,
        })
    };
    outcome.regions.iter().map(region).collect()
}

fn faults(run: &Run) -> Vec<Value> {
    let faults = run.subject.scenario.faults().into_iter();
    let fault = |(at, until, what): (Duration, Option<Duration>, String)| {
        json!({
            "at_ms": millis(at),
            "until_ms": until.map(millis),
            "what": what,
        })
    };
    faults.map(fault).collect()
}

fn second(second: &Second) -> Value {
    json!({
        "requests": second.requests,
        "answers": second.answers,
        "delivered": second.delivered,
        "drops": second.drops,
    })
}

/// One thing that must not have happened.
pub(super) fn violation(seen: &Seen) -> Value {
    json!({ "at_ms": millis(seen.at), "invariant": seen.invariant, "what": seen.what })
}

fn percentiles(took: Percentiles) -> Value {
    json!({
        "p50": micros(took.p50),
        "p90": micros(took.p90),
        "p99": micros(took.p99),
        "max": micros(took.max),
    })
}

pub(super) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

pub(super) fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
