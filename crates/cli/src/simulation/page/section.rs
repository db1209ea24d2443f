//! One run on the page.

use std::{fmt::Write as _, time::Duration};

use antiphon_core::DropReason;
use antiphon_sim::{Asking, Outcome, Percentiles};

use super::{picture::Escaped, seen::timeline, topology::ring};
use crate::{
    human,
    noun::drops::meaning,
    simulation::{Run, tables::share},
};

/// Violations that are listed; more are counted.
const SHOWN_MAX: usize = 12;
/// More regions than this need the width of the page.
const BESIDE_MAX: usize = 12;

/// A run; what failed is open from the beginning, and so is one alone.
pub(super) fn section(number: usize, run: &Run, alone: bool) -> String {
    let outcome = &run.outcome;
    let open = if alone || !outcome.is_good() { " open" } else { "" };
    let mut section = format!(
        "<details class=\"run\" id=\"run-{number}\"{open}>\n<summary><h2>{}, seed {}</h2> {}</summary>\n\
         <p class=\"about\">{}</p>\n",
        Escaped(run.name()),
        outcome.seed,
        verdict(outcome),
        Escaped(&run.subject.scenario.about),
    );
    section.push_str(&facts(run));
    if !outcome.is_good() {
        section.push_str(&violations(outcome));
    }
    let beside = if outcome.regions.len() > BESIDE_MAX { "below" } else { "beside" };
    let _written = write!(
        section,
        "<h3>What happened when</h3>\n{}\n<div class=\"{beside}\"><div><h3>Topology</h3>\n{}</div>\n\
         <div><h3>How long the last answer took, by the clients' region</h3>\n{}\n{}</div></div>\n\
         <pre>{}</pre>\n</details>\n",
        timeline(run).svg(),
        ring(&run.subject.scenario).svg(),
        percentiles(outcome),
        drops(outcome),
        Escaped(&run.again()),
    );
    section
}

/// A word and its colour.
pub(super) fn verdict(outcome: &Outcome) -> String {
    match outcome.violations.first() {
        None => "<span class=\"verdict good\">good</span>".to_owned(),
        Some(first) => format!("<span class=\"verdict problem\">breaks {}</span>", first.invariant),
    }
}

/// A time; a dash where there is none.
pub(super) fn took(took: Duration) -> String {
    if took.is_zero() { "-".to_owned() } else { human::round_trip(took) }
}

fn facts(run: &Run) -> String {
    let outcome = &run.outcome;
    let mut facts = String::from("<dl class=\"facts\">\n");
    let mut fact = |name: &str, value: &str, note: &str| {
        let (value, note) = (Escaped(value), Escaped(note));
        let _written =
            writeln!(facts, "<div><dt>{name}</dt><dd>{value}<small>{note}</small></dd></div>");
    };
    let complete = share(outcome.complete, outcome.requests);
    let answers = format!("{} of {}", outcome.answers, outcome.expected);
    let slow = format!("p99 {}, max {}", took(outcome.took.p99), took(outcome.took.max));
    let dropped: u64 = outcome.drops.values().sum();
    let alarms: u64 = outcome.alarms.values().sum();
    let names = human::list(outcome.alarms.keys());
    fact(
        "Simulated",
        &human::span(outcome.simulated),
        &format!("in {}", human::round_trip(run.wall)),
    );
    fact("Requests", &outcome.requests.to_string(), &format!("{complete} complete"));
    fact("Answers", &share(outcome.answers, outcome.expected), &answers);
    fact("Last answer", &took(outcome.took.p50), &slow);
    fact("Dropped", &dropped.to_string(), "each with a reason");
    fact("In doubt", &outcome.in_doubt.to_string(), "units in the end");
    fact("Alarms", &alarms.to_string(), &names);
    facts.push_str("</dl>\n");
    facts
}

fn violations(outcome: &Outcome) -> String {
    let mut table = String::from(
        "<h3>What must not have happened</h3>\n<table class=\"wide\">\
         <tr><th class=\"n\">at<th>breaks<th>what happened</tr>\n",
    );
    for seen in outcome.violations.iter().take(SHOWN_MAX) {
        let _written = writeln!(
            table,
            "<tr><td class=\"n\">{:.3}s<td class=\"problem\">{}<td>{}</tr>",
            seen.at.as_secs_f64(),
            seen.invariant,
            Escaped(&seen.what),
        );
    }
    let more = outcome.violations.len().saturating_sub(SHOWN_MAX);
    if more > 0 {
        let _written = writeln!(table, "<tr><td><td><td>and {more} more</tr>");
    }
    table.push_str("</table>\n");
    table
}

fn percentiles(outcome: &Outcome) -> String {
    let mut table = String::from(
        "<table class=\"wide\"><tr><th>region<th class=\"n\">requests<th class=\"n\">complete\
         <th class=\"n\">p50<th class=\"n\">p90<th class=\"n\">p99<th class=\"n\">max</tr>\n",
    );
    let all = Asking { requests: outcome.requests, complete: outcome.complete, took: outcome.took };
    let asking = outcome.regions.iter().filter(|(_, asking)| asking.requests > 0);
    let rows = asking.map(|(name, asking)| (name.as_str(), asking));
    for (name, asking) in rows.chain([("all", &all)]) {
        let Percentiles { p50, p90, p99, max } = asking.took;
        let times = [p50, p90, p99, max].map(|one| format!("<td class=\"n\">{}", took(one)));
        let _written = writeln!(
            table,
            "<tr><td>{}<td class=\"n\">{}<td class=\"n\">{}{}</tr>",
            Escaped(name),
            asking.requests,
            share(asking.complete, asking.requests),
            times.concat(),
        );
    }
    table.push_str("</table>\n");
    table
}

fn drops(outcome: &Outcome) -> String {
    if outcome.drops.is_empty() {
        return String::new();
    }
    let mut table = String::from(
        "<h3>What was dropped</h3>\n<table class=\"wide\">\
         <tr><th>reason<th class=\"n\">messages<th>that is</tr>\n",
    );
    for (label, count) in &outcome.drops {
        let meaning = DropReason::from_label(label).map_or("", meaning);
        let _written = writeln!(table, "<tr><td>{label}<td class=\"n\">{count}<td>{meaning}</tr>");
    }
    table.push_str("</table>\n");
    table
}
