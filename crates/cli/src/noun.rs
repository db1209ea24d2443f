//! What operators read. Each noun is a pure function of one gateway's report: a table for people,
//! a document for programs.

pub mod collectives;
pub mod drops;
pub mod finding;
pub mod gateways;
pub mod links;
pub mod regions;
pub mod routes;
pub mod status;

use std::time::Duration;

use antiphon_core::Route;
use antiphon_gateway::shell::Report;
use serde_json::{Map, Value, json};

use crate::{
    human,
    table::{Cell, Tone},
};

/// A document: its schema, who said it and when, and the noun's own fields.
///
/// Durations are whole numbers with their unit in the key (`since_ms`), moments are RFC 3339.
#[must_use]
pub fn document(noun: &str, report: &Report, fields: Map<String, Value>) -> Value {
    let mut document = Map::new();
    document.insert("schema".to_owned(), json!(format!("antiphon.{noun}.v1")));
    document.insert("at".to_owned(), json!(human::moment(report.at)));
    document.insert("fabric".to_owned(), json!(report.core.fabric));
    document.insert("region".to_owned(), json!(report.core.region));
    document.insert("gateway".to_owned(), json!(report.core.gateway));
    document.extend(fields);
    Value::Object(document)
}

/// The fields of a document whose only own one is a list, under the noun's name.
fn list_of(noun: &str, values: impl IntoIterator<Item = Value>) -> Map<String, Value> {
    let list = Value::Array(values.into_iter().collect());
    Map::from_iter([(noun.to_owned(), list)])
}

/// Whole milliseconds.
pub(crate) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// Whole microseconds.
fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

/// A text that may be unknown.
fn some(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

fn route_json(route: &Route) -> Value {
    let backup = route.backup.as_ref().map(|backup| {
        json!({
            "next_hop": backup.next_hop,
            "cost": backup.cost,
            "node_protecting": backup.node_protecting,
        })
    });
    json!({
        "cost": route.cost,
        "next_hops": route.next_hops,
        "ends": route.ends,
        "backup": backup,
    })
}

/// The cells for a route's cost and next hops.
fn route_cells(route: Option<&Route>) -> [Cell; 2] {
    match route {
        Some(route) => [u64::from(route.cost).into(), human::list(&route.next_hops).into()],
        None => ["-".into(), Cell::from("no route").tone(Tone::Problem)],
    }
}
