//! The reading commands: one gateway's report, or several, as one noun.

mod watch;

use serde_json::{Map, Value, json};

use super::runtime;
use crate::{
    Exit, Failure,
    noun::{Noun, document},
    pick::PickArgs,
    screen::{Screen, message, show_json, show_json_line},
    source::SourceArgs,
    table::{Column, Table},
    view::{Scope, View},
};

pub use watch::WatchArgs;

/// What every reading command takes.
#[derive(Clone, Debug, clap::Args)]
pub struct ReadArgs {
    /// For people or for programs
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
    #[command(flatten)]
    watch: WatchArgs,
    #[command(flatten)]
    pick: PickArgs,
    #[command(flatten)]
    source: SourceArgs,
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

/// What an answer of a reading command looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Table,
    /// For people, with every column, however wide
    Wide,
    /// For programs
    Json,
}

/// Asks the gateway and shows what it says.
///
/// # Errors
/// Nobody answers, or what was asked for does not exist.
pub fn run(noun: &Noun, args: &ReadArgs) -> Result<Exit, Failure> {
    runtime()?.block_on(async {
        match args.watch.period() {
            None => once(noun, args, Lines::Indented).await,
            Some(period) => {
                watch::forever(period, args.output, || once(noun, args, Lines::One)).await
            }
        }
    })
}

/// How a document is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lines {
    /// For a file.
    Indented,
    /// For a stream of them.
    One,
}

async fn once(noun: &Noun, args: &ReadArgs, lines: Lines) -> Result<Exit, Failure> {
    let view = args.source.view(noun.extra()).await?;
    let exit = noun.judge(&view)?;
    match args.output {
        Format::Table => Screen::detect().show_tables(&tables(noun, &view, &args.pick)?)?,
        Format::Wide => Screen::detect().wide().show_tables(&tables(noun, &view, &args.pick)?)?,
        Format::Json => {
            let document = whole_document(noun, &view, &args.pick)?;
            match lines {
                Lines::Indented => show_json(&document)?,
                Lines::One => show_json_line(&document)?,
            }
        }
    }
    Ok(if tell_silent(&view) { exit.max(Exit::Problem) } else { exit })
}

/// Names who did not answer; whether there is anybody.
pub(super) fn tell_silent(view: &View) -> bool {
    for silent in &view.silent {
        message(format_args!("{} of {}: {}", silent.gateway, silent.region, silent.reason));
    }
    !view.silent.is_empty()
}

/// The tables of one gateway; of several, the same tables with one more column.
///
/// # Errors
/// Rows are picked by a column that there is not.
pub fn tables(noun: &Noun, view: &View, pick: &PickArgs) -> Result<Vec<Table>, Failure> {
    let mut tables = match view.scope {
        Scope::One => {
            view.reports.iter().flat_map(|one| noun.tables(one, &view.held_of(one))).collect()
        }
        Scope::All => noun.summary(view).unwrap_or_else(|| side_by_side(noun, view)),
    };
    pick.tables(&mut tables)?;
    Ok(tables)
}

fn side_by_side(noun: &Noun, view: &View) -> Vec<Table> {
    let mut all: Vec<Table> = Vec::new();
    for report in &view.reports {
        let whose = report.core.gateway.as_str().into();
        let tables = noun.tables(report, &view.held_of(report)).into_iter();
        for (index, table) in tables.map(|one| one.led_by(Column::words("OF"), &whose)).enumerate()
        {
            match all.get_mut(index) {
                Some(same) => same.rows.extend(table.rows),
                None => all.push(table),
            }
        }
    }
    all
}

/// The document of one gateway; of several, a document of documents.
///
/// # Errors
/// Entries are picked by a key that there is not.
pub fn whole_document(noun: &Noun, view: &View, pick: &PickArgs) -> Result<Value, Failure> {
    let mut documents = Vec::new();
    for report in &view.reports {
        let mut fields: Map<String, Value> = noun.json(report, &view.held_of(report));
        pick.fields(&mut fields)?;
        documents.push(document(noun.name(), report, fields));
    }
    match (view.scope, documents.pop()) {
        (Scope::One, Some(only)) => Ok(only),
        (_, last) => {
            documents.extend(last);
            Ok(json!({
                "schema": "antiphon.all-gateways.v1",
                "noun": noun.name(),
                "gateways": documents,
                "silent": view.silent,
            }))
        }
    }
}
