//! `antiphon collectives`: which region holds which collective, who is known to be there, and how our
//! messages fared.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use antiphon_core::{HintView, RegionId, Snapshot, Tally, TallyView, UnitKind};
use antiphon_gateway::shell::Report;
use serde_json::{Map, Value, json};

use super::{list_of, millis};
use crate::{
    human,
    table::{Cell, Column, Table, Tone},
};

/// What is known of one collective in one region.
#[derive(Debug, Default)]
struct Holding<'a> {
    offered: bool,
    ours: bool,
    reachable: bool,
    hints: Option<&'a HintView>,
    requests: Option<&'a TallyView>,
    replies: Option<&'a TallyView>,
}

/// What a row is about.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    Collective(String),
    /// Replies on subjects of no collective that we export.
    Other,
}

/// Agents are many.
const AGENTS_WIDTH: u16 = 40;

/// By collective, then region.
type Holdings<'a> = BTreeMap<(Name, &'a RegionId), Holding<'a>>;

impl Name {
    fn collective(&self) -> Option<&str> {
        match self {
            Self::Collective(name) => Some(name),
            Self::Other => None,
        }
    }
}

/// One row for each collective in each region.
///
/// `NODES` is `17+` where there may be more than are known, `AGE` how long ago the region's brokers were
/// read for it.
#[must_use]
pub fn rows(report: &Report) -> Table {
    let columns = vec![
        Column::words("COLLECTIVE"),
        Column::words("REGION"),
        Column::words("REACH"),
        Column::numbers("NODES"),
        Column::numbers("AGE"),
        Column::numbers("REQUESTS"),
        Column::numbers("DROPPED"),
        Column::numbers("IN DOUBT"),
        Column::numbers("PENDING").if_wide(),
        Column::numbers("REPLIES").if_wide(),
        Column::words("AGENTS").if_wide().at_most(AGENTS_WIDTH),
    ];
    let mut table = Table::new(columns).or_say("no collectives are known");
    let holdings = holdings(&report.core);
    let row = |((name, region), one): (&(Name, &RegionId), &Holding<'_>)| {
        row((name, region), one, report.at)
    };
    table.rows = holdings.iter().map(row).collect();
    table
}

fn holdings(snapshot: &Snapshot) -> Holdings<'_> {
    let mut all = Holdings::new();
    for region in &snapshot.regions {
        for collective in &region.collectives {
            let one =
                all.entry((Name::Collective(collective.clone()), &region.region)).or_default();
            one.offered = true;
            one.ours = region.ours;
            one.reachable = region.ours || region.route.is_some();
        }
    }
    for view in &snapshot.hints {
        let name = Name::Collective(view.collective.clone());
        all.entry((name, &view.region)).or_default().hints = Some(view);
    }
    for view in &snapshot.tallies {
        let collective = view.key.collective.as_ref();
        let name = collective.map_or(Name::Other, |name| Name::Collective(name.to_string()));
        let one = all.entry((name, &view.key.to)).or_default();
        match view.key.kind {
            UnitKind::Request => one.requests = Some(view),
            UnitKind::Reply => one.replies = Some(view),
        }
    }
    all
}

fn row((name, region): (&Name, &RegionId), one: &Holding<'_>, at: Duration) -> Vec<Cell> {
    let sum = |of: fn(&TallyView) -> u64| -> u64 {
        [one.requests, one.replies].into_iter().flatten().map(of).sum()
    };
    let created = |view: Option<&TallyView>| Cell::from(view.map_or(0, |view| view.tally.created));
    vec![
        name.collective().unwrap_or("(other replies)").into(),
        region.as_str().into(),
        reach(name, one),
        one.hints.map_or("-".into(), nodes),
        one.hints
            .and_then(|hints| age(hints, at))
            .map_or("-".into(), |age| Cell::measure(human::span(age), millis(age))),
        created(one.requests),
        alarming(sum(|view| dropped(&view.tally))),
        alarming(sum(|view| view.tally.in_doubt)),
        sum(|view| view.pending).into(),
        created(one.replies),
        human::list(one.hints.map(|hints| &hints.agents).into_iter().flatten()).into(),
    ]
}

fn nodes(hints: &HintView) -> Cell {
    let more = if hints.complete { "" } else { "+" };
    Cell::measure(format!("{}{more}", hints.identities), hints.identities)
}

/// How long ago brokers were read; `None` if they never were.
fn age(hints: &HintView, at: Duration) -> Option<Duration> {
    hints.read.map(|read| at.saturating_sub(read))
}

fn reach(name: &Name, one: &Holding<'_>) -> Cell {
    if *name == Name::Other {
        return "-".into();
    }
    match (one.offered, one.ours, one.reachable) {
        (false, ..) => "not offered".into(),
        (true, true, _) => "here".into(),
        (true, false, true) => Cell::from("yes").tone(Tone::Good),
        (true, false, false) => Cell::from("no route").tone(Tone::Problem),
    }
}

fn alarming(count: u64) -> Cell {
    Cell::from(count).tone(if count > 0 { Tone::Warning } else { Tone::Plain })
}

fn dropped(tally: &Tally) -> u64 {
    tally.dropped.values().sum()
}

/// The same for programs.
#[must_use]
pub fn json(report: &Report) -> Map<String, Value> {
    let holdings = holdings(&report.core);
    let names: BTreeSet<&Name> = holdings.keys().map(|(name, _)| name).collect();
    let collectives = names.into_iter().map(|name| {
        let of_name = holdings.iter().filter(|((other, _), _)| other == name);
        let regions: Vec<Value> =
            of_name.map(|((_, region), one)| value(region, one, report.at)).collect();
        json!({ "collective": name.collective(), "regions": regions })
    });
    list_of("collectives", collectives)
}

fn value(region: &RegionId, one: &Holding<'_>, at: Duration) -> Value {
    json!({
        "region": region,
        "offered": one.offered,
        "ours": one.ours,
        "reachable": one.reachable,
        "hints": one.hints.map(|hints| hints_value(hints, at)),
        "requests": one.requests.map(tally_value),
        "replies": one.replies.map(tally_value),
    })
}

/// What is known of who listens there.
fn hints_value(hints: &HintView, at: Duration) -> Value {
    json!({
        "complete": hints.complete,
        "identities": hints.identities,
        "agents": hints.agents,
        "services": hints.services,
        "read": hints.read.map(|read| read.as_secs()),
        "age_ms": age(hints, at).map(millis),
        "gateways": hints.gateways,
    })
}

/// An account: created = delivered + dropped + in doubt + pending.
fn tally_value(view: &TallyView) -> Value {
    json!({
        "created": view.tally.created,
        "delivered": view.tally.delivered,
        "dropped": view.tally.dropped,
        "in_doubt": view.tally.in_doubt,
        "pending": view.pending,
    })
}
