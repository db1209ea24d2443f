//! `antiphon requests`: what became of requests, as one gateway remembers it.

mod merged;

use std::{collections::BTreeMap, time::Duration};

use antiphon_core::{DropReason, KeptFrom, RequestView, RequestsView, ReturnedView, WayView};
use serde_json::{Map, Value, json};

use super::{list_of, millis};
use crate::{
    human,
    table::{Cell, Column, Table, Tone},
};

pub use merged::{Merged, merge};

/// Characters of an id in a list: enough to tell requests apart, and to ask for one.
const ID_SHOWN: usize = 10;

/// One row a request, the latest first.
#[must_use]
pub fn rows(view: &RequestsView, now: Duration) -> Table {
    let columns = vec![
        Column::numbers("AGO"),
        Column::words("REQUEST"),
        Column::words("CALLER").at_most(24),
        Column::words("SUBJECT").at_most(40),
        Column::words("SENT"),
        Column::words("ANSWERS"),
        Column::words("AMISS"),
        Column::numbers("MESSAGES").if_wide(),
        Column::words("SERVED").if_wide(),
    ];
    let mut table = Table::new(columns).or_say("no request is remembered");
    table.rows = view.requests.iter().map(|one| row(one, now)).collect();
    table
}

fn row(one: &RequestView, now: Duration) -> Vec<Cell> {
    let asked = one.asked.as_ref();
    vec![
        human::span(now.saturating_sub(one.first)).into(),
        one.request.chars().take(ID_SHOWN).collect::<String>().into(),
        Cell::optional(asked.map(|asked| &asked.caller)),
        subject(one),
        human::list(one.sent.iter().map(sent)).into(),
        human::list(answers(one)).into(),
        amiss(one),
        one.messages.into(),
        human::list(one.published.iter().map(|way| format!("{} {}", way.region, way.count))).into(),
    ]
}

/// What was asked; of a request that entered elsewhere, where it came from.
fn subject(one: &RequestView) -> Cell {
    if let Some(asked) = &one.asked {
        return asked.target.as_str().into();
    }
    if one.published.is_empty() {
        return "of another gateway".into();
    }
    human::list(one.published.iter().map(|way| format!("{} from {}", way.count, way.region))).into()
}

/// How many answers came from a region, and how many went back to one.
fn answers(one: &RequestView) -> impl Iterator<Item = String> {
    let came = one.returned.iter().map(|way| format!("{} {}", way.region, way.published));
    came.chain(one.answered.iter().map(|way| format!("to {}", sent(way))))
}

/// How many messages were delivered in a region, of how many.
fn sent(way: &WayView) -> String {
    match way.tally.created {
        created if created == way.tally.delivered => format!("{} {created}", way.region),
        created => format!("{} {}/{created}", way.region, way.tally.delivered),
    }
}

/// What was lost or may be.
fn amiss(one: &RequestView) -> Cell {
    let mut losses: BTreeMap<DropReason, u64> = BTreeMap::new();
    let mut doubt = 0;
    for way in one.sent.iter().chain(&one.answered) {
        doubt += way.tally.in_doubt;
        for (reason, count) in &way.tally.dropped {
            *losses.entry(*reason).or_default() += count;
        }
    }
    for (reason, count) in one.returned.iter().flat_map(|way| &way.dropped) {
        *losses.entry(*reason).or_default() += count;
    }
    for refused in &one.refused {
        *losses.entry(refused.reason).or_default() += refused.count;
    }
    let mut texts: Vec<String> =
        losses.into_iter().map(|(reason, count)| format!("{reason} {count}")).collect();
    if doubt > 0 {
        texts.push(format!("in doubt {doubt}"));
    }
    let tone = if texts.is_empty() { Tone::Plain } else { Tone::Problem };
    Cell::from(human::list(texts)).tone(tone)
}

/// One request in full: what it is, then region by region.
#[must_use]
pub fn detail(one: &RequestView, now: Duration) -> Vec<Table> {
    vec![head(one, now), by_region(one)]
}

/// One request of which several gateways told, in full: what each of them did.
#[must_use]
pub fn detail_of_all(one: &Merged, now: Duration) -> Vec<Table> {
    let mut parts = one.parts.iter().map(|(gateway, part)| {
        by_region(part).led_by(Column::words("OF"), &gateway.as_str().into())
    });
    let mut tables = vec![head(&one.request, now)];
    if let Some(mut first) = parts.next() {
        parts.for_each(|part| first.rows.extend(part.rows));
        tables.push(first);
    }
    tables
}

fn head(one: &RequestView, now: Duration) -> Table {
    let ago = |at: Duration| {
        format!("{} ({} ago)", human::moment(at), human::span(now.saturating_sub(at)))
    };
    let mut pairs = vec![("request", one.request.as_str().into())];
    if let Some(asked) = &one.asked {
        pairs.extend([
            ("caller", asked.caller.as_str().into()),
            ("subject", asked.target.as_str().into()),
            ("agent", asked.agent.as_str().into()),
            ("made", ago(asked.made).into()),
            ("ttl", human::span(asked.ttl).into()),
            ("messages", one.messages.into()),
        ]);
    } else {
        pairs.push(("caller", "not known here: it did not enter at this gateway".into()));
    }
    pairs.extend([("first seen", ago(one.first).into()), ("last seen", ago(one.last).into())]);
    pairs.push(("amiss", amiss(one)));
    Table::pairs(pairs)
}

fn by_region(one: &RequestView) -> Table {
    let columns = vec![
        Column::words("REGION"),
        Column::words("WHAT"),
        Column::numbers("UNITS"),
        Column::numbers("DELIVERED"),
        Column::words("DROPPED"),
        Column::numbers("IN DOUBT"),
        Column::numbers("PENDING"),
    ];
    let mut table = Table::new(columns).or_say("it went nowhere");
    let ways = one.sent.iter().map(|way| way_row(way, "request sent"));
    let answers = one.returned.iter().map(returned_row);
    let kept = one.kept_from.iter().map(kept_row);
    let served = one.published.iter().map(|way| {
        let none = || Cell::from("-");
        let count = || Cell::from(way.count);
        let region = way.region.as_str().into();
        vec![region, "request published here".into(), count(), none(), none(), none(), none()]
    });
    let given = one.answered.iter().map(|way| way_row(way, "answers sent back"));
    table.rows = ways.chain(answers).chain(kept).chain(served).chain(given).collect();
    table
}

fn way_row(way: &WayView, what: &'static str) -> Vec<Cell> {
    vec![
        way.region.as_str().into(),
        what.into(),
        way.tally.created.into(),
        way.tally.delivered.into(),
        dropped(&way.tally.dropped),
        way.tally.in_doubt.into(),
        way.pending.into(),
    ]
}

fn returned_row(way: &ReturnedView) -> Vec<Cell> {
    let lost: u64 = way.dropped.values().sum();
    vec![
        way.region.as_str().into(),
        "answers came".into(),
        (way.published + lost).into(),
        way.published.into(),
        dropped(&way.dropped),
        "-".into(),
        "-".into(),
    ]
}

fn kept_row(kept: &KeptFrom) -> Vec<Cell> {
    let none = || Cell::from("-");
    let what = format!("not sent: {}", kept.why);
    let region = kept.region.as_str().into();
    vec![region, what.into(), kept.count.into(), none(), none(), none(), none()]
}

fn dropped(reasons: &BTreeMap<DropReason, u64>) -> Cell {
    let texts = reasons.iter().map(|(reason, count)| format!("{reason} {count}"));
    let tone = if reasons.is_empty() { Tone::Plain } else { Tone::Problem };
    Cell::from(human::list(texts)).tone(tone)
}

/// The same for programs.
#[must_use]
pub fn json(view: &RequestsView) -> Map<String, Value> {
    let mut fields = list_of("requests", view.requests.iter().map(request));
    fields.insert("version".to_owned(), json!(view.version));
    fields.insert("kept".to_owned(), json!(view.kept));
    fields.insert("memory_ms".to_owned(), json!(millis(view.memory)));
    fields
}

fn request(one: &RequestView) -> Value {
    let asked = one.asked.as_ref().map(|asked| {
        json!({
            "caller": asked.caller,
            "collective": asked.collective,
            "agent": asked.agent,
            "subject": asked.target,
            "ttl_ms": millis(asked.ttl),
            "made": human::moment(asked.made),
        })
    });
    let refused = one.refused.iter().map(|one| json!({ "reason": one.reason, "count": one.count }));
    let kept_from = one
        .kept_from
        .iter()
        .map(|one| json!({ "region": one.region, "why": one.why, "count": one.count }));
    let returned = one.returned.iter().map(
        |one| json!({ "region": one.region, "published": one.published, "dropped": one.dropped }),
    );
    let published =
        one.published.iter().map(|one| json!({ "region": one.region, "count": one.count }));
    json!({
        "request": one.request,
        "first": human::moment(one.first),
        "last": human::moment(one.last),
        "asked": asked,
        "messages": one.messages,
        "refused": refused.collect::<Vec<_>>(),
        "kept_from": kept_from.collect::<Vec<_>>(),
        "sent": one.sent.iter().map(way).collect::<Vec<_>>(),
        "returned": returned.collect::<Vec<_>>(),
        "published": published.collect::<Vec<_>>(),
        "answered": one.answered.iter().map(way).collect::<Vec<_>>(),
    })
}

fn way(way: &WayView) -> Value {
    json!({
        "region": way.region,
        "created": way.tally.created,
        "delivered": way.tally.delivered,
        "dropped": way.tally.dropped,
        "in_doubt": way.tally.in_doubt,
        "pending": way.pending,
    })
}
