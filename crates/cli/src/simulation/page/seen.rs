//! What was seen in a run, second by second.

use std::collections::BTreeMap;

use antiphon_sim::Second;

use super::picture::timeline::{Panel, Series, Span, Timeline};
use crate::simulation::Run;

/// Reasons with a colour of their own; what is left over shares the last.
const REASONS_MAX: usize = 7;

/// Faults above requests, deliveries, and drops by reason.
pub(super) fn timeline(run: &Run) -> Timeline {
    let outcome = &run.outcome;
    let faults = run.subject.scenario.faults();
    let seconds = shown(run);
    let spans = faults.into_iter().map(|(at, until, label)| Span {
        from: at.as_secs_f64(),
        to: until.map(|until| until.as_secs_f64()),
        label,
    });
    let series = |name: &str, colour, value: &dyn Fn(&Second) -> u64| Series {
        name: name.to_owned(),
        colour,
        values: seconds.iter().map(value).collect(),
    };
    let asked = Panel {
        title: "Requests".to_owned(),
        series: vec![series("made by clients", 0, &|second| second.requests)],
    };
    let delivered = Panel {
        title: "Answers".to_owned(),
        series: vec![series("that reached clients", 4, &|second| second.delivered)],
    };
    let mut panels = vec![asked, delivered];
    if !outcome.drops.is_empty() {
        panels.push(Panel { title: "Drops".to_owned(), series: drops(run, seconds) });
    }
    Timeline { seconds: seconds.len(), spans: spans.collect(), marks: marks(run), panels }
}

/// Violations, one mark a second at most.
fn marks(run: &Run) -> Vec<f64> {
    let mut marks: Vec<f64> = Vec::new();
    for seen in &run.outcome.violations {
        let at = seen.at.as_secs_f64();
        if marks.last().is_none_or(|last| at - last >= 1.0) {
            marks.push(at);
        }
    }
    marks
}

/// The seconds of the run, and those after it in which something still happened.
fn shown(run: &Run) -> &[Second] {
    let seconds = run.outcome.seconds.as_slice();
    let busy = |second: &Second| second.delivered > 0 || !second.drops.is_empty();
    let last = seconds.iter().rposition(busy).map_or(0, |last| last + 1);
    let whole = usize::try_from(run.subject.scenario.run_for.0.as_secs()).unwrap_or(usize::MAX);
    seconds.get(..last.max(whole).min(seconds.len())).unwrap_or_default()
}

/// The commonest reasons, each with its colour.
fn drops(run: &Run, seconds: &[Second]) -> Vec<Series> {
    let mut reasons: Vec<(&'static str, u64)> =
        run.outcome.drops.iter().map(|(reason, count)| (*reason, *count)).collect();
    reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let colours: BTreeMap<&str, usize> = reasons
        .iter()
        .enumerate()
        // The first colours are those of what went well.
        .map(|(index, (reason, _))| (*reason, (index + 1).min(REASONS_MAX)))
        .collect();
    let of = |reason: &'static str| Series {
        name: reason.to_owned(),
        colour: colours.get(reason).copied().unwrap_or(REASONS_MAX),
        values: seconds.iter().map(|one| one.drops.get(reason).copied().unwrap_or(0)).collect(),
    };
    reasons.into_iter().map(|(reason, _)| of(reason)).collect()
}
