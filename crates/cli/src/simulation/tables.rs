//! Tables for people.

use std::{collections::BTreeMap, time::Duration};

use antiphon_sim::{Outcome, Percentiles};

use super::Run;
use crate::{
    human,
    table::{Cell, Column, Table, Tone},
};

/// Violations of one run that are shown; more are counted.
const SHOWN_MAX: usize = 10;

/// One line a run; for a single run its details too; then what must not have happened.
#[must_use]
pub fn tables(runs: &[Run]) -> Vec<Table> {
    let mut tables = Vec::new();
    match runs {
        [one] => tables.extend([details(one), regions(&one.outcome)]),
        many => tables.push(summary(many)),
    }
    if runs.iter().any(|run| !run.outcome.is_good()) {
        tables.push(violations(runs));
    }
    tables
}

fn summary(runs: &[Run]) -> Table {
    let mut table = Table::new(vec![
        Column::words("SCENARIO"),
        Column::numbers("SEED"),
        Column::words("VERDICT"),
        Column::numbers("SIMULATED"),
        Column::numbers("TOOK").if_wide(),
        Column::numbers("REQUESTS"),
        Column::numbers("COMPLETE"),
        Column::numbers("P50"),
        Column::numbers("P99"),
        Column::numbers("MAX").if_wide(),
        Column::numbers("IN DOUBT").if_wide(),
        Column::words("DROPS").if_wide().at_most(60),
        Column::words("ALARMS").if_wide().at_most(30),
    ]);
    table.rows = runs.iter().map(row).collect();
    table
}

fn row(run: &Run) -> Vec<Cell> {
    let outcome = &run.outcome;
    vec![
        run.name().into(),
        outcome.seed.into(),
        verdict(outcome),
        human::span(outcome.simulated).into(),
        human::round_trip(run.wall).into(),
        outcome.requests.into(),
        share(outcome.complete, outcome.requests).into(),
        time(outcome, outcome.took.p50).into(),
        time(outcome, outcome.took.p99).into(),
        time(outcome, outcome.took.max).into(),
        outcome.in_doubt.into(),
        counts(&outcome.drops).into(),
        counts(&outcome.alarms).into(),
    ]
}

fn details(run: &Run) -> Table {
    let outcome = &run.outcome;
    let Percentiles { p50, p90, p99, max } = outcome.took;
    let took = [("p50", p50), ("p90", p90), ("p99", p99), ("max", max)];
    let took = took.map(|(name, took)| format!("{name} {}", time(outcome, took)));
    let requests = format!(
        "{}, {} complete ({})",
        outcome.requests,
        outcome.complete,
        share(outcome.complete, outcome.requests)
    );
    let mut pairs: Vec<(&'static str, Cell)> = vec![
        ("Scenario", run.subject.file.as_str().into()),
        ("About", run.subject.scenario.about.as_str().into()),
        ("Seed", outcome.seed.into()),
        ("Verdict", verdict(outcome)),
        (
            "Simulated",
            format!("{} in {}", human::span(outcome.simulated), human::round_trip(run.wall)).into(),
        ),
        ("Requests", requests.into()),
        ("Answers", format!("{} of {}", outcome.answers, outcome.expected).into()),
        ("Last answer", took.join(", ").into()),
        ("Drops", counts(&outcome.drops).into()),
        ("In doubt", outcome.in_doubt.into()),
        ("Alarms", counts(&outcome.alarms).into()),
        ("Events", outcome.events.into()),
        ("Trace", trace(outcome).into()),
    ];
    for what_if in &run.subject.what_if {
        pairs.push(("What if", what_if.as_str().into()));
    }
    Table::pairs(pairs)
}

fn regions(outcome: &Outcome) -> Table {
    let mut table = Table::new(vec![
        Column::words("CLIENTS IN"),
        Column::numbers("REQUESTS"),
        Column::numbers("COMPLETE"),
        Column::numbers("P50"),
        Column::numbers("P90"),
        Column::numbers("P99"),
        Column::numbers("MAX"),
        Column::numbers("PUBLISHED REQUESTS").if_wide(),
        Column::numbers("REPLIES").if_wide(),
    ]);
    for (region, asking) in &outcome.regions {
        let (requests, replies) = outcome.published.get(region).copied().unwrap_or_default();
        let mut row = vec![
            region.as_str().into(),
            asking.requests.into(),
            share(asking.complete, asking.requests).into(),
        ];
        let Percentiles { p50, p90, p99, max } = asking.took;
        row.extend([p50, p90, p99, max].map(|took| Cell::from(span_or_none(took))));
        row.extend([requests.into(), replies.into()]);
        table.rows.push(row);
    }
    table
}

fn violations(runs: &[Run]) -> Table {
    let mut table = Table::new(vec![
        Column::words("SCENARIO"),
        Column::numbers("SEED"),
        Column::numbers("AT"),
        Column::words("BREAKS"),
        Column::words("WHAT HAPPENED"),
    ]);
    for run in runs {
        let seed = || Cell::from(run.outcome.seed);
        for seen in run.outcome.violations.iter().take(SHOWN_MAX) {
            let at = format!("{:.3}s", seen.at.as_secs_f64());
            let broken = Cell::from(seen.invariant).tone(Tone::Problem);
            table.rows.push(vec![
                run.name().into(),
                seed(),
                at.into(),
                broken,
                seen.what.as_str().into(),
            ]);
        }
        let more = run.outcome.violations.len().saturating_sub(SHOWN_MAX);
        if more > 0 {
            let text = format!("and {more} more");
            table.rows.push(vec![run.name().into(), seed(), "".into(), "".into(), text.into()]);
        }
    }
    table
}

fn verdict(outcome: &Outcome) -> Cell {
    match outcome.violations.first() {
        None => Cell::from("good").tone(Tone::Good),
        Some(first) => Cell::from(format!("breaks {}", first.invariant)).tone(Tone::Problem),
    }
}

/// The trace as it is shown: two runs are the same if it is.
pub(super) fn trace(outcome: &Outcome) -> String {
    format!("{:016x}", outcome.trace)
}

fn time(outcome: &Outcome, took: Duration) -> String {
    if outcome.answers == 0 { "-".to_owned() } else { human::round_trip(took) }
}

fn span_or_none(took: Duration) -> String {
    if took.is_zero() { "-".to_owned() } else { human::round_trip(took) }
}

/// Percent with one digit; never 100 where something is missing.
pub(super) fn share(part: u64, whole: u64) -> String {
    let permille = (part.saturating_mul(1000)).checked_div(whole);
    permille.map_or_else(|| "-".to_owned(), |one| format!("{}.{}%", one / 10, one % 10))
}

pub(super) fn counts(counts: &BTreeMap<&'static str, u64>) -> String {
    human::list(counts.iter().map(|(name, count)| format!("{name} {count}")))
}
