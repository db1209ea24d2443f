//! `antiphon drops`: what went no further, why, and the latest examples.

mod meaning;

pub use meaning::meaning;

use std::{collections::BTreeMap, time::Duration};

use antiphon_core::{DropExample, DropReason, RegionId, Snapshot};
use antiphon_gateway::shell::Report;
use serde_json::{Map, Value, json};

use super::list_of;
use crate::{
    human,
    table::{Cell, Column, Table},
};

/// What one reason and destination have cost.
#[derive(Debug, Default)]
struct Count {
    /// Dropped by this gateway, whoever created them.
    here: u64,
    /// The same in the last minute.
    recent: u64,
    /// Created by this gateway, dropped anywhere.
    ours: u64,
}

/// One row a reason and destination.
#[must_use]
pub fn rows(snapshot: &Snapshot) -> Table {
    let columns = vec![
        Column::words("REASON"),
        Column::words("TO"),
        Column::numbers("HERE"),
        Column::numbers("1 MIN"),
        Column::numbers("OURS"),
        Column::words("MEANING"),
    ];
    let mut table = Table::new(columns).or_say("nothing was dropped");
    let rows = counts(snapshot).into_iter().map(|((reason, to), count)| {
        let to = Cell::optional(to);
        vec![
            reason.label().into(),
            to,
            count.here.into(),
            count.recent.into(),
            count.ours.into(),
            meaning(reason).into(),
        ]
    });
    table.rows = rows.collect();
    table
}

/// The latest drops, newest first, at most `limit`.
#[must_use]
pub fn example_rows(report: &Report, limit: usize) -> Table {
    let columns = vec![
        Column::numbers("AGO"),
        Column::words("REASON"),
        Column::words("TO"),
        Column::numbers("COUNT"),
        Column::words("SUBJECT"),
        Column::words("REQUEST").if_wide(),
        Column::numbers("SIZE").if_wide(),
    ];
    let mut table = Table::new(columns);
    let latest = report.core.examples.iter().rev().take(limit);
    table.rows = latest.map(|example| example_row(example, report.at)).collect();
    table
}

fn example_row(example: &DropExample, now: Duration) -> Vec<Cell> {
    let dropped = &example.dropped;
    vec![
        human::span(now.saturating_sub(example.at)).into(),
        dropped.reason.label().into(),
        Cell::optional(dropped.to.as_ref()),
        dropped.count.into(),
        dropped.subject.as_str().into(),
        Cell::optional(dropped.request.as_ref()),
        human::bytes(dropped.size).into(),
    ]
}

fn counts(snapshot: &Snapshot) -> BTreeMap<(DropReason, Option<&RegionId>), Count> {
    let mut counts: BTreeMap<_, Count> = BTreeMap::new();
    for view in &snapshot.drops {
        let count = counts.entry((view.reason, view.to.as_ref())).or_default();
        count.here += view.count;
        count.recent += view.recent;
    }
    for view in &snapshot.tallies {
        for (reason, count) in &view.tally.dropped {
            counts.entry((*reason, Some(&view.key.to))).or_default().ours += count;
        }
    }
    counts
}

/// How many messages were dropped here in the last minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recent {
    /// All of them.
    pub count: u64,
    /// Those that were under way between regions, rather than refused at the door.
    pub units: u64,
}

/// Counts the drops of the last minute.
#[must_use]
pub fn recent(report: &Report) -> Recent {
    let drops = &report.core.drops;
    Recent {
        count: drops.iter().map(|view| view.recent).sum(),
        units: drops.iter().filter(|view| view.to.is_some()).map(|view| view.recent).sum(),
    }
}

/// The same for programs, with every example, newest first.
#[must_use]
pub fn json(report: &Report) -> Map<String, Value> {
    let drops = counts(&report.core).into_iter().map(|((reason, to), count)| {
        json!({
            "reason": reason,
            "to": to,
            "here": count.here,
            "last_minute": count.recent,
            "ours": count.ours,
        })
    });
    let mut fields = list_of("drops", drops);
    let examples = report.core.examples.iter().rev().map(example_value);
    fields.extend(list_of("examples", examples));
    fields
}

fn example_value(example: &DropExample) -> Value {
    let dropped = &example.dropped;
    json!({
        "at": human::moment(example.at),
        "reason": dropped.reason,
        "to": dropped.to,
        "subject": dropped.subject,
        "request": dropped.request,
        "size_bytes": dropped.size,
        "count": dropped.count,
    })
}
