//! The reading commands: one gateway's report, as one noun.

use antiphon_core::RegionId;
use antiphon_gateway::shell::Report;
use anyhow::anyhow;
use serde_json::{Map, Value};

use super::runtime;
use crate::{
    Exit, Failure,
    admin::AdminArgs,
    human,
    noun::{collectives, document, drops, finding, gateways, links, regions, routes, status},
    screen::{Screen, message, show_json},
    table::Table,
};

/// What every reading command takes.
#[derive(Clone, Debug, clap::Args)]
pub struct ReadArgs {
    /// For people or for programs
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
    #[command(flatten)]
    admin: AdminArgs,
}

/// What an answer looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// For people
    #[default]
    Table,
    /// For programs
    Json,
}

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
    },
    /// Every collective.
    Collectives,
    /// What was dropped.
    Drops {
        /// How many examples are shown.
        examples: usize,
    },
}

/// Asks the gateway and shows what it says.
///
/// # Errors
/// Nobody answers, or what was asked for does not exist.
pub fn run(noun: &Noun, args: &ReadArgs) -> Result<Exit, Failure> {
    let report = runtime()?.block_on(args.admin.report())?;
    let exit = noun.judge(&report)?;
    match args.output {
        Output::Table => Screen::detect().show_tables(&noun.tables(&report))?,
        Output::Json => show_json(&document(noun.name(), &report, noun.json(&report)))?,
    }
    Ok(exit)
}

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
        }
    }

    /// For people.
    #[must_use]
    pub fn tables(&self, report: &Report) -> Vec<Table> {
        let core = &report.core;
        match self {
            Self::Status { .. } => vec![status::rows(report)],
            Self::Regions => vec![regions::rows(core)],
            Self::Gateways => vec![gateways::rows(report)],
            Self::Links => vec![links::rows(core)],
            Self::Routes { to: None } => vec![routes::rows(core)],
            Self::Routes { to: Some(region) } => vec![routes::rows_to(core, region)],
            Self::Collectives => vec![collectives::rows(core)],
            Self::Drops { examples: 0 } => vec![drops::rows(core)],
            Self::Drops { examples } => {
                vec![drops::rows(core), drops::example_rows(report, *examples)]
            }
        }
    }

    /// For programs, without the fields that every document has.
    #[must_use]
    pub fn json(&self, report: &Report) -> Map<String, Value> {
        let core = &report.core;
        match self {
            Self::Status { .. } => status::json(report),
            Self::Regions => regions::json(core),
            Self::Gateways => gateways::json(report),
            Self::Links => links::json(core),
            Self::Routes { to } => routes::json(core, to.as_ref()),
            Self::Collectives => collectives::json(core),
            Self::Drops { .. } => drops::json(report),
        }
    }

    /// Lists are good whatever they list; a verdict and a route that was asked for are judged.
    fn judge(&self, report: &Report) -> Result<Exit, Failure> {
        match self {
            Self::Status { strict } => Ok(finding::exit(&finding::findings(report), *strict)),
            Self::Routes { to: Some(region) } => match routes::is_reachable(&report.core, region) {
                Some(true) => Ok(Exit::Good),
                Some(false) => {
                    message(format_args!("no route to region {region}"));
                    Ok(Exit::Problem)
                }
                None => Err(Failure::problem(unknown(region, report))),
            },
            Self::Regions
            | Self::Gateways
            | Self::Links
            | Self::Routes { to: None }
            | Self::Collectives
            | Self::Drops { .. } => Ok(Exit::Good),
        }
    }
}

fn unknown(region: &RegionId, report: &Report) -> anyhow::Error {
    let known = human::list(report.core.regions.iter().map(|view| &view.region));
    anyhow!("no region {region} is known to {}; there are: {known}", report.core.gateway)
}
