//! What operators read. Each noun is a pure function of one gateway's report: a table for people,
//! a document for programs.

mod certificates;
pub mod collectives;
pub mod drops;
pub mod explain;
pub mod finding;
pub mod gateways;
pub mod halts;
pub mod links;
pub mod policy;
pub mod regions;
pub mod requests;
pub mod routes;
pub mod status;
pub mod trace;

use std::{collections::BTreeMap, time::Duration};

use antiphon_core::{GatewayId, RegionId, Route, Stamp};
use antiphon_gateway::shell::{Report, Said};
use anyhow::anyhow;
use serde_json::{Map, Value, json};

use crate::{
    Exit, Failure, human,
    meant::did_you_mean,
    screen::message,
    source::Extra,
    table::{Cell, Table, Tone},
    view::View,
};

/// What to read.
#[derive(Clone, Debug)]
pub enum Noun {
    /// The gateway itself; warnings count where the caller is strict.
    Status {
        /// Whether they do.
        strict: bool,
    },
    /// Every region.
    Regions,
    /// Every gateway.
    Gateways,
    /// Our links.
    Links,
    /// Every route, or those to one region.
    Routes {
        /// Which.
        to: Option<RegionId>,
        /// Whether every way is shown, used or not.
        all: bool,
    },
    /// Every collective.
    Collectives,
    /// What was dropped.
    Drops {
        /// How many examples are shown.
        examples: usize,
    },
    /// The policy in force.
    Policy,
    /// What operators have stopped.
    Halts,
}

/// Which of a gateway's topology adverts others hold.
pub type Held = BTreeMap<GatewayId, Stamp>;

impl Noun {
    /// The word in the schema.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Status { .. } => "status",
            Self::Regions => "regions",
            Self::Gateways => "gateways",
            Self::Links => "links",
            Self::Routes { .. } => "routes",
            Self::Collectives => "collectives",
            Self::Drops { .. } => "drops",
            Self::Policy => "policy",
            Self::Halts => "halts",
        }
    }

    /// What it needs beside the report.
    #[must_use]
    pub const fn extra(&self) -> Extra {
        match self {
            Self::Gateways => Extra::Held,
            Self::Status { .. }
            | Self::Regions
            | Self::Links
            | Self::Routes { .. }
            | Self::Collectives
            | Self::Policy
            | Self::Halts
            | Self::Drops { .. } => Extra::None,
        }
    }

    /// For people.
    #[must_use]
    pub fn tables(&self, report: &Report, held: &Held) -> Vec<Table> {
        let core = &report.core;
        match self {
            Self::Status { .. } => vec![status::rows(report)],
            Self::Regions => vec![regions::rows(core)],
            Self::Gateways => vec![gateways::rows(report, held)],
            Self::Links => vec![links::rows(report)],
            Self::Routes { to, all: true } => vec![routes::rows_all(report, to.as_ref())],
            Self::Routes { to: None, all: false } => vec![routes::rows(core)],
            Self::Routes { to: Some(region), all: false } => vec![routes::rows_to(core, region)],
            Self::Collectives => vec![collectives::rows(report)],
            Self::Policy => policy::tables(report),
            Self::Halts => vec![halts::rows(report)],
            Self::Drops { examples: 0 } => vec![drops::rows(core)],
            Self::Drops { examples } => {
                vec![drops::rows(core), drops::example_rows(report, *examples)]
            }
        }
    }

    /// For people who asked for every gateway, where there is more to say than the same tables side
    /// by side.
    #[must_use]
    pub fn summary(&self, view: &View) -> Option<Vec<Table>> {
        match self {
            Self::Status { .. } => Some(vec![status::summary(view)]),
            Self::Regions
            | Self::Gateways
            | Self::Links
            | Self::Routes { .. }
            | Self::Collectives
            | Self::Policy
            | Self::Halts
            | Self::Drops { .. } => None,
        }
    }

    /// For programs, without the fields that every document has.
    #[must_use]
    pub fn json(&self, report: &Report, held: &Held) -> Map<String, Value> {
        let core = &report.core;
        match self {
            Self::Status { .. } => status::json(report),
            Self::Regions => regions::json(core),
            Self::Gateways => gateways::json(report, held),
            Self::Links => links::json(report),
            Self::Routes { to, .. } => routes::json(report, to.as_ref()),
            Self::Collectives => collectives::json(report),
            Self::Drops { .. } => drops::json(report),
            Self::Policy => policy::json(report),
            Self::Halts => halts::json(core),
        }
    }

    /// Lists are good whatever they list; verdicts and a route that was asked for are judged.
    ///
    /// # Errors
    /// The region that was asked for is not known.
    pub fn judge(&self, view: &View) -> Result<Exit, Failure> {
        let mut worst = Exit::Good;
        for report in &view.reports {
            worst = worst.max(self.judge_one(report)?);
        }
        Ok(worst)
    }

    fn judge_one(&self, report: &Report) -> Result<Exit, Failure> {
        match self {
            Self::Status { strict } => Ok(finding::exit(&finding::findings(report), *strict)),
            Self::Routes { to: Some(region), .. } => {
                match routes::is_reachable(&report.core, region) {
                    Some(true) => Ok(Exit::Good),
                    Some(false) => {
                        let gateway = &report.core.gateway;
                        message(format_args!("no route from {gateway} to region {region}"));
                        Ok(Exit::Problem)
                    }
                    None => Err(Failure::problem(unknown(region, report))),
                }
            }
            Self::Regions
            | Self::Gateways
            | Self::Links
            | Self::Routes { to: None, .. }
            | Self::Collectives
            | Self::Policy
            | Self::Halts
            | Self::Drops { .. } => Ok(Exit::Good),
        }
    }
}

fn unknown(region: &RegionId, report: &Report) -> anyhow::Error {
    let known = human::list(report.core.regions.iter().map(|view| &view.region));
    let hint =
        did_you_mean(region.as_str(), report.core.regions.iter().map(|view| view.region.as_str()));
    anyhow!("no region {region} is known to {}, only {known}{hint}", report.core.gateway)
}

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

/// A document of an answer that is no report.
#[must_use]
pub fn document_of<T>(noun: &str, said: &Said<T>, fields: Map<String, Value>) -> Value {
    let mut document = Map::new();
    document.insert("schema".to_owned(), json!(format!("antiphon.{noun}.v1")));
    document.insert("at".to_owned(), json!(human::moment(said.at)));
    document.insert("fabric".to_owned(), json!(said.fabric));
    document.insert("region".to_owned(), json!(said.region));
    document.insert("gateway".to_owned(), json!(said.gateway));
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
