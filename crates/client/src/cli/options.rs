//! Options that several commands share.

use std::path::PathBuf;
use std::time::Duration;

use antiphon_wire::{Collective, Filter, Identity};
use clap::{Args, ValueEnum};

use super::CommandError;
use crate::client::Client;
use crate::config::{Config, Protocol, Source};
use crate::console::Console;
use crate::discovery::{Discovered, ListFormat, Method, discover};
use crate::environment::Environment;
use crate::filter::FilterWords;

/// Which configuration to use.
#[derive(Clone, Debug, Default, Args)]
pub struct ConnectArgs {
    /// Configuration: Choria's client.conf, or TOML if the name ends in .toml [default: Choria's usual places]
    #[arg(long, value_name = "FILE", conflicts_with = "lab")]
    pub config: Option<PathBuf>,
    /// Use the client and the brokers of a lab
    #[arg(long, value_name = "DIR")]
    pub lab: Option<PathBuf>,
    /// The region of the lab whose broker to use [default: the first]
    #[arg(long, value_name = "NAME", requires = "lab")]
    pub region: Option<String>,
    /// Choria's protocol to speak in the lab
    #[arg(long, value_enum, default_value = "v1", requires = "lab")]
    pub protocol: Protocol,
    /// Federation clusters to send to
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub federations: Vec<String>,
}

impl ConnectArgs {
    pub(super) fn config(&self, environment: &Environment) -> Result<Config, CommandError> {
        let source = match (&self.lab, &self.config) {
            (Some(folder), _) => Source::Lab {
                folder: folder.clone(),
                region: self.region.clone(),
                protocol: self.protocol,
            },
            (None, Some(path)) => Source::File(path.clone()),
            (None, None) => Source::Search,
        };
        Ok(Config::load(&source, &self.federations, environment)?)
    }
}

/// Which nodes.
#[derive(Clone, Debug, Default, Args)]
pub struct FilterArgs {
    /// Nodes with a fact: name=value, with any of <= >= < > != =~ == =; a /regex/ for value
    #[arg(short = 'F', long = "wf", value_name = "FACT")]
    pub facts: Vec<String>,
    /// Nodes with a configuration management class, or a /regex/
    #[arg(short = 'C', long = "wc", value_name = "CLASS")]
    pub classes: Vec<String>,
    /// Nodes with an agent, or a /regex/
    #[arg(short = 'A', long = "wa", value_name = "AGENT")]
    pub agents: Vec<String>,
    /// Nodes of this name, or a /regex/
    #[arg(short = 'I', long = "wi", value_name = "IDENTITY")]
    pub identities: Vec<String>,
    /// Facts and classes, separated by spaces
    #[arg(short = 'W', long = "with", value_name = "FILTER")]
    pub combined: Vec<String>,
    /// An expression over agents, classes and facts
    #[arg(short = 'S', long = "select", value_name = "EXPR")]
    pub compound: Option<String>,
    /// The collective to ask [default: the main one]
    #[arg(short = 'T', long = "target", value_name = "COLLECTIVE")]
    pub target: Option<String>,
}

impl FilterArgs {
    pub(super) fn filter(&self, agent: Option<&str>) -> Result<Filter, CommandError> {
        let words = FilterWords {
            facts: self.facts.clone(),
            classes: self.classes.clone(),
            agents: self.agents.clone(),
            identities: self.identities.clone(),
            combined: self.combined.clone(),
            compound: self.compound.clone(),
        };
        Ok(words.parse(agent)?)
    }
}

/// How nodes are found.
#[derive(Clone, Debug, Default, Args)]
pub struct DiscoveryArgs {
    /// How to find nodes: broadcast (mc), flatfile (file) or stdin [default: as configured]
    #[arg(long = "dm", value_name = "METHOD")]
    pub method: Option<String>,
    /// How long to listen for nodes, in seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub discovery_timeout: Option<Duration>,
    /// Stop listening when no node has answered for 300 ms
    #[arg(long)]
    pub discovery_window: bool,
    /// A list of nodes as text, .json or .yaml; - is standard input
    #[arg(long, value_name = "FILE")]
    pub nodes: Option<PathBuf>,
}

impl DiscoveryArgs {
    /// The name of the method, for people, and the method. A list of nodes wins over everything else.
    pub(super) fn method(
        &self,
        config: &Config,
        filter: &Filter,
        console: &mut Console,
    ) -> Result<(String, Method), CommandError> {
        let name = match (&self.nodes, &self.method) {
            (Some(_), _) => "flatfile",
            (None, Some(method)) => method,
            // Only nodes can tell whether an expression holds.
            (None, None) if !filter.compound.is_empty() => "mc",
            (None, None) => &config.discovery_method,
        };
        let method = match name {
            "mc" | "broadcast" => Method::Broadcast {
                timeout: self.discovery_timeout.unwrap_or(config.discovery_timeout),
                window: self.discovery_window || config.discovery_window,
            },
            // A list cannot be narrowed down by an expression, and must not be widened by ignoring it.
            "flatfile" | "file" | "stdin" if !filter.compound.is_empty() => {
                return Err(CommandError::CompoundList);
            }
            "flatfile" | "file" => self.list(console)?,
            "stdin" => stdin(console)?,
            other => return Err(CommandError::Method { method: other.to_owned() }),
        };
        Ok((name.to_owned(), method))
    }

    /// The nodes of a collective that match a filter and have an agent, and the name of the method.
    pub(super) async fn nodes(
        &self,
        client: &mut Client,
        wanted: (&Collective, &Filter, &str),
        console: &mut Console,
    ) -> Result<(String, Vec<Identity>), CommandError> {
        let (collective, filter, agent) = wanted;
        let (name, method) = self.method(&client.config, filter, console)?;
        warn_of_filter(&method, filter, console);
        let found = discover(client, &method, collective, filter, agent).await?;
        warn_of(&found, console);
        // Who interrupts discovery does not want the nodes to be asked.
        if client.stop.is_cancelled() {
            return Err(CommandError::Interrupted);
        }
        Ok((name, found.nodes))
    }

    fn list(&self, console: &mut Console) -> Result<Method, CommandError> {
        let path = self
            .nodes
            .as_ref()
            .ok_or(CommandError::Needs { needing: "--dm flatfile", missing: "--nodes FILE" })?;
        if path.as_os_str() == "-" {
            return stdin(console);
        }
        let text = std::fs::read_to_string(path)
            .map_err(|source| CommandError::Read { name: path.display().to_string(), source })?;
        let format = match text.trim_start().starts_with('{') {
            true => ListFormat::Results,
            false => ListFormat::of_file(path),
        };
        Ok(Method::List { text, format, origin: path.clone() })
    }
}

fn stdin(console: &mut Console) -> Result<Method, CommandError> {
    let name = "standard input";
    let text = console
        .read_input()
        .map_err(|source| CommandError::Read { name: name.to_owned(), source })?;
    Ok(Method::List { text, format: ListFormat::Guess, origin: name.into() })
}

/// Warns of a filter that a list makes void, as in Choria.
pub(super) fn warn_of_filter(method: &Method, filter: &Filter, console: &mut Console) {
    let narrow = !(filter.fact.is_empty() && filter.class.is_empty() && filter.identity.is_empty());
    if narrow && matches!(method, Method::List { .. }) {
        console.warn("the list of nodes is used as it is: -F, -C, -I and -W do not narrow it");
    }
}

/// Warns of what discovery should not have met.
pub(super) fn warn_of(discovered: &Discovered, console: &mut Console) {
    for trouble in &discovered.troubles {
        console.warn(trouble);
    }
    if !discovered.copies.is_empty() {
        let mut names: Vec<_> = discovered.copies.iter().map(ToString::to_string).collect();
        names.sort();
        names.dedup();
        console.warn(&format!("found more than once, and asked once: {}", names.join(", ")));
    }
}

/// What results look like.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct FormatArgs {
    /// What the results look like
    #[arg(short = 'o', long = "output", value_enum, default_value = "table")]
    pub output: Format,
    /// The same as -o json
    #[arg(short = 'j', long)]
    pub json: bool,
}

/// For people or for programs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    #[value(alias = "text")]
    Table,
    /// For programs.
    Json,
}

impl FormatArgs {
    pub(super) fn is_json(self) -> bool {
        self.json || self.output == Format::Json
    }
}

/// A number of seconds, also with a fraction or a unit (`1.5`, `500ms`).
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let bad = || format!("{text:?} is no number of seconds");
    match text.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).map_err(|_| bad()),
        Err(_) => humantime::parse_duration(text).map_err(|_| bad()),
    }
}
