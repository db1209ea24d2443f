//! `antiphon halt list`: what operators of all regions have stopped, and what of it holds here.

use antiphon_core::{OrderView, Snapshot, Stop};
use antiphon_gateway::shell::Report;
use serde_json::{Map, Value, json};

use super::list_of;
use crate::{
    human,
    table::{Cell, Column, Table, Tone},
};

/// Who ordered something and why are free texts.
const TEXT_WIDTH: u16 = 28;

/// One row an order.
#[must_use]
pub fn rows(report: &Report) -> Table {
    let columns = vec![
        Column::words("WHAT"),
        Column::words("STATE"),
        Column::words("REGION"),
        Column::words("BY").at_most(TEXT_WIDTH),
        Column::numbers("SINCE"),
        Column::numbers("LEFT"),
        Column::words("REASON").at_most(TEXT_WIDTH),
    ];
    let mut table = Table::new(columns).or_say("nothing is halted, and no link is held down");
    table.rows = standing(&report.core).map(|view| row(view, report)).collect();
    table
}

/// What a region that we follow has lifted since is of no interest any more.
fn standing(core: &Snapshot) -> impl Iterator<Item = &OrderView> {
    core.orders.iter().filter(|view| view.order.stands && (view.holds || !view.followed))
}

fn row(view: &OrderView, report: &Report) -> Vec<Cell> {
    let order = &view.order;
    let (since, left) =
        (report.at.saturating_sub(order.made), order.until.saturating_sub(report.at));
    vec![
        what(view).into(),
        Cell::from(state(view)).tone(if view.holds { Tone::Warning } else { Tone::Plain }),
        view.region.as_str().into(),
        order.by.as_str().into(),
        Cell::measure(human::span(since), since.as_secs()),
        Cell::measure(human::span(left), left.as_secs()),
        Cell::optional(Some(&order.reason).filter(|text| !text.is_empty())),
    ]
}

/// Links are named by both ends.
fn what(view: &OrderView) -> String {
    match &view.order.stop {
        Stop::Link { with } => format!("links between {} and {with}", view.region),
        Stop::Collective { .. } | Stop::Caller { .. } | Stop::Pair { .. } => {
            view.order.stop.to_string()
        }
    }
}

/// What it comes to at the gateway that was asked.
fn state(view: &OrderView) -> &'static str {
    match (view.holds, view.order.stop.is_halt()) {
        (true, _) => "in force",
        (false, true) => "not followed",
        (false, false) => "elsewhere",
    }
}

/// The same for programs.
#[must_use]
pub fn json(core: &Snapshot) -> Map<String, Value> {
    list_of("halts", standing(core).map(value))
}

fn value(view: &OrderView) -> Value {
    let order = &view.order;
    let mut value = json!({
        "what": what(view),
        "kind": "",
        "collective": null,
        "caller": null,
        "between": [],
        "state": state(view),
        "region": view.region,
        "by": order.by,
        "reason": order.reason,
        "since": human::moment(order.made),
        "until": human::moment(order.until),
    });
    let (kind, key, of) = match &order.stop {
        Stop::Collective { collective } => ("collective", "collective", json!(collective)),
        Stop::Caller { caller } => ("caller", "caller", json!(caller)),
        Stop::Pair { one, other } => ("pair", "between", json!([one, other])),
        Stop::Link { with } => ("link", "between", json!([view.region, with])),
    };
    if let Some(fields) = value.as_object_mut() {
        fields.insert("kind".to_owned(), json!(kind));
        fields.insert(key.to_owned(), of);
    }
    value
}
