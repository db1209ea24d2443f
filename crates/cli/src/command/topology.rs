//! `antiphon topology`: regions, gateways and links, as text or as a drawing.

use crate::{
    Exit, Failure,
    drawing::{self, Topology},
    noun::document,
    screen::{Screen, print, show_json},
    source::{Extra, SourceArgs},
    view::View,
};

use super::runtime;

/// Its arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// For a terminal, Graphviz, Mermaid, a browser, or programs
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
    #[command(flatten)]
    source: SourceArgs,
}

/// How it is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// A table
    #[default]
    #[value(alias = "table")]
    Text,
    /// Graphviz
    Dot,
    /// Mermaid, as Markdown pages draw it
    Mermaid,
    /// A picture
    Svg,
    /// For programs
    Json,
}

/// Draws what the gateway knows of its fabric; with every gateway asked, also the links that others
/// know to be down.
///
/// # Errors
/// Nobody answers.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    let view = runtime()?.block_on(args.source.view(Extra::None))?;
    show(&view, args.output)?;
    Ok(if super::read::tell_silent(&view) { Exit::Problem } else { Exit::Good })
}

fn show(view: &View, output: Output) -> Result<(), Failure> {
    let topology = Topology::new(view.reports.iter().map(|report| &report.core));
    match output {
        Output::Text => Screen::detect().show_tables(&drawing::tables(&topology))?,
        Output::Dot => print(&drawing::dot(&topology))?,
        Output::Mermaid => print(&drawing::mermaid(&topology))?,
        Output::Svg => print(&drawing::svg(&topology))?,
        Output::Json => {
            if let Some(report) = view.reports.first() {
                show_json(&document("topology", report, topology.json()))?;
            }
        }
    }
    Ok(())
}
