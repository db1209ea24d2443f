//! `antiphon explain`: where a message would go, why, and why not elsewhere.

use antiphon_core::{
    CandidateView, Check, CheckResult, Explanation, HintSaid, Holding, NextStep, RegionId, Route,
    WayThere,
};
use serde_json::{Map, Value, json};

use super::{drops, list_of, millis, route_json, some};
use crate::{
    human,
    table::{Cell, Column, Table, Tone},
};

/// The verdict, the checks in their order, and every region that was looked at.
#[must_use]
pub fn tables(explanation: &Explanation, supposed: &[String]) -> Vec<Table> {
    let mut tables = vec![head(explanation, supposed), checks(explanation)];
    if !explanation.candidates.is_empty() {
        tables.push(regions(explanation));
    }
    tables
}

fn head(explanation: &Explanation, supposed: &[String]) -> Table {
    let entry = match explanation.first_hand {
        true => format!("{}, taken by {}", explanation.from, explanation.entry),
        false => {
            let Explanation { from, entry, .. } = explanation;
            format!("{from}, taken by {entry} (by its adverts: what it alone knows is left out)")
        }
    };
    let mut pairs = vec![("message", explanation.subject.as_str().into())];
    let named = [("caller", &explanation.caller), ("request", &explanation.request)];
    let named =
        named.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?.into())));
    pairs.extend(named);
    pairs.extend([
        ("published in", entry.into()),
        ("table version", explanation.table_version.into()),
    ]);
    if !supposed.is_empty() {
        pairs.push(("supposed", Cell::from(human::list(supposed)).tone(Tone::Warning)));
    }
    pairs.push(("verdict", verdict(explanation)));
    Table::pairs(pairs)
}

/// What becomes of the message, in one line.
fn verdict(explanation: &Explanation) -> Cell {
    if let Some(reason) = explanation.refused {
        let why = failure(explanation).unwrap_or(drops::meaning(reason));
        let text = format!("goes nowhere, dropped as {reason}: {why}");
        return Cell::from(text).tone(Tone::Problem);
    }
    let (reached, lost): (Vec<_>, Vec<_>) =
        accepted(explanation).partition(|(_, way)| way.next.moves());
    let names = |list: &[(&RegionId, &WayThere)]| human::list(list.iter().map(|(one, _)| *one));
    if explanation.is_open() {
        let text = format!("goes back to the region that asked: {}", names(&reached));
        return match lost.is_empty() {
            true => Cell::from(text).tone(Tone::Good),
            false => Cell::from(format!("{text}; no way to {}", names(&lost))).tone(Tone::Problem),
        };
    }
    match (reached.is_empty(), lost.is_empty()) {
        (true, true) => Cell::from("goes nowhere").tone(Tone::Problem),
        (false, true) => Cell::from(format!("goes to {}", names(&reached))).tone(Tone::Good),
        (true, false) => Cell::from(format!("no way to {}", names(&lost))).tone(Tone::Problem),
        (false, false) => {
            let text = format!("goes to {}; no way to {}", names(&reached), names(&lost));
            Cell::from(text).tone(Tone::Problem)
        }
    }
}

/// What the check that failed says of it, without what follows from that.
fn failure(explanation: &Explanation) -> Option<&str> {
    let failed = explanation.checks.iter().find(|one| one.result == CheckResult::Failed)?;
    let why = failed.detail.split("it would be dropped").next()?;
    Some(why.trim_end_matches(": ")).filter(|why| !why.is_empty())
}

fn accepted(explanation: &Explanation) -> impl Iterator<Item = (&RegionId, &WayThere)> {
    explanation.candidates.iter().filter_map(|one| Some((&one.region, one.way.as_ref()?)))
}

fn checks(explanation: &Explanation) -> Table {
    let columns = vec![Column::words("CHECK"), Column::words("RESULT"), Column::words("DETAIL")];
    let mut table = Table::new(columns);
    let row = |check: &Check| {
        let result = match check.result {
            CheckResult::Passed => Cell::from("passed").tone(Tone::Good),
            CheckResult::Failed => Cell::from("failed").tone(Tone::Problem),
            CheckResult::Unknown => Cell::from("unknown").tone(Tone::Warning),
        };
        vec![check.name.as_str().into(), result, check.detail.as_str().into()]
    };
    table.rows = explanation.checks.iter().map(row).collect();
    table
}

fn regions(explanation: &Explanation) -> Table {
    let columns = vec![
        Column::words("REGION"),
        Column::words("ASKED"),
        Column::words("NEXT HOP"),
        Column::words("COST"),
        Column::words("BACKUP"),
        Column::words("PATH").if_wide(),
        Column::numbers("WAITING").if_wide(),
        Column::words("WHY"),
    ];
    let mut table = Table::new(columns);
    table.rows = explanation.candidates.iter().map(|one| row(one, explanation)).collect();
    table
}

fn row(candidate: &CandidateView, explanation: &Explanation) -> Vec<Cell> {
    let region = candidate.region.as_str().into();
    let Some(way) = &candidate.way else {
        let none = || Cell::from("-");
        let why = candidate.detail.as_str().into();
        return vec![region, "no".into(), none(), none(), none(), none(), none(), why];
    };
    vec![
        region,
        Cell::from("yes").tone(Tone::Good),
        next_hop(&way.next),
        cost(way).into(),
        backup(way.route.as_ref()),
        human::list(way.path.iter().map(|leg| &leg.to)).into(),
        Cell::optional(way.queued.map(human::bytes)),
        why(&way.next, candidate, explanation).into(),
    ]
}

fn next_hop(next: &NextStep) -> Cell {
    match next {
        NextStep::Publish => "here".into(),
        NextStep::Hop { peer, .. } => peer.as_str().into(),
        NextStep::Wait => Cell::from("none").tone(Tone::Problem),
        NextStep::Drop { reason } => Cell::from(reason.label()).tone(Tone::Problem),
    }
}

/// The arithmetic: the cost of each link, and their sum.
fn cost(way: &WayThere) -> String {
    match way.path.as_slice() {
        [] => "-".to_owned(),
        [one] => one.cost.to_string(),
        legs => {
            let sum: u64 = legs.iter().map(|leg| leg.cost).sum();
            let terms: Vec<String> = legs.iter().map(|leg| leg.cost.to_string()).collect();
            format!("{} = {sum}", terms.join(" + "))
        }
    }
}

fn backup(route: Option<&Route>) -> Cell {
    let backup = route.and_then(|route| route.backup.as_ref());
    Cell::optional(backup.map(|backup| format!("{} ({})", backup.next_hop, backup.cost)))
}

fn why(next: &NextStep, candidate: &CandidateView, explanation: &Explanation) -> String {
    match next {
        NextStep::Publish | NextStep::Hop { backup: false, .. } => {
            let hint = candidate.hint.map(hint).unwrap_or_default();
            format!("{}{hint}", candidate.detail)
        }
        NextStep::Hop { backup: true, .. } => "over the backup: no next hop can be used".to_owned(),
        NextStep::Wait => {
            let hold = human::span(explanation.hold);
            format!("no way now: waits for {hold}, then dropped as no-route")
        }
        NextStep::Drop { reason } => drops::meaning(*reason).to_owned(),
    }
}

/// What hints say of a region that is asked for one node.
fn hint(hint: HintSaid) -> String {
    let says = match hint.holding {
        Holding::Yes => "may hold the node",
        Holding::No => "do not hold the node, nor do those of any other",
        Holding::Unknown => "say nothing of the node",
    };
    match hint.age {
        Some(age) => format!("; its hints, read {} ago, {says}", human::span(age)),
        None => format!("; its hints {says}"),
    }
}

/// The same for programs.
#[must_use]
pub fn json(explanation: &Explanation, supposed: &[String]) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut put = |key: &str, value: Value| drop(fields.insert(key.to_owned(), value));
    put("subject", json!(explanation.subject));
    put("kind", json!(explanation.kind));
    put("caller", json!(explanation.caller));
    put("request", json!(explanation.request));
    put("from", json!(explanation.from));
    put("entry", json!(explanation.entry));
    put("first_hand", json!(explanation.first_hand));
    put("table_version", json!(explanation.table_version));
    put("supposed", json!(supposed));
    put("deliverable", json!(explanation.is_deliverable()));
    put("refused", json!(explanation.refused));
    put("verdict", json!(verdict(explanation).text));
    put("hold_ms", json!(millis(explanation.hold)));
    let check =
        |one: &Check| json!({ "check": one.name, "result": one.result, "detail": one.detail });
    fields.extend(list_of("checks", explanation.checks.iter().map(check)));
    fields.extend(list_of("candidates", explanation.candidates.iter().map(candidate)));
    fields
}

fn candidate(one: &CandidateView) -> Value {
    json!({
        "region": one.region,
        "asked": one.rejection.is_none(),
        "why": some(&one.why),
        "detail": some(&one.detail),
        "hint": one.hint.map(|hint| {
            json!({ "holding": hint.holding, "age_ms": hint.age.map(millis) })
        }),
        "way": one.way.as_ref().map(way),
    })
}

fn way(way: &WayThere) -> Value {
    let (next, peer, backup, reason) = match &way.next {
        NextStep::Publish => ("publish", None, false, None),
        NextStep::Hop { peer, backup } => ("hop", Some(peer), *backup, None),
        NextStep::Wait => ("wait", None, false, None),
        NextStep::Drop { reason } => ("drop", None, false, Some(reason)),
    };
    let leg = |leg: &antiphon_core::Leg| json!({ "from": leg.from, "to": leg.to, "region": leg.region, "cost": leg.cost });
    json!({
        "next": next,
        "peer": peer,
        "over_backup": backup,
        "reason": reason,
        "route": way.route.as_ref().map(route_json),
        "path": way.path.iter().map(leg).collect::<Vec<_>>(),
        "queued_bytes": way.queued,
    })
}
