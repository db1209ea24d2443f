//! `antiphon explain`.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use antiphon_core::{ExplainAsked, Explanation, RegionId, Supposition};
use antiphon_gateway::{config, shell::Said};
use antiphon_wire::Subject;
use anyhow::{Context, anyhow};
use bytes::Bytes;

use super::{read::Output, runtime};
use crate::{
    Exit, Failure,
    admin::{AdminArgs, Asked},
    archive::Archive,
    meant::did_you_mean,
    noun::{document_of, explain},
    screen::{Screen, message, show_json},
    simulation::snapshot::Moment,
};

/// How long a gateway of another region may take to explain.
const PATIENCE: Duration = Duration::from_secs(2);

/// Its arguments.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 every region that is to get the message can be reached, \
    2 undeliverable, 3 nobody answered, 64 wrong usage or an unknown name.")]
pub struct Args {
    /// The subject that the message is published on: of a request, of an answer
    /// (choria.federation.REGION.collective), or of a client of Choria Federation
    /// (choria.federation.NAME.federation)
    #[arg(required_unless_present = "collective")]
    subject: Option<String>,
    /// The collective, instead of a subject; or, as --agent and --identity, whom a client of Choria
    /// Federation asks
    #[arg(long, value_name = "NAME")]
    collective: Option<String>,
    /// The agent
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// One node, for a directed request
    #[arg(long, value_name = "NAME", requires = "collective")]
    identity: Option<String>,
    /// The region where it is published [default: that of the gateway]
    #[arg(long, value_name = "REGION")]
    from: Option<RegionId>,
    /// The action [default: none, as in a discovery ping]
    #[arg(long, value_name = "NAME")]
    action: Option<String>,
    /// Who calls, as choria=alice.mcollective
    #[arg(long, value_name = "NAME")]
    caller: Option<String>,
    /// A file with the message itself, as it was published: then it is looked at too
    #[arg(long, value_name = "FILE")]
    message: Option<PathBuf>,
    /// Suppose that something is so: down:eu-us (every link between two regions or gateways),
    /// down:ap-1 (every link of one) or policy:FILE (another policy in our region), separated by
    /// commas; may be repeated
    #[arg(long, value_name = "WHAT", value_delimiter = ',', value_parser = supposition)]
    what_if: Vec<Wanted>,
    /// For people or for programs
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
    /// Ask a gateway of this simulation's snapshot (antiphon sim run --snapshot), not one that runs
    #[arg(long, value_name = "FILE", conflicts_with_all = ["admin", "lab"])]
    archive: Option<PathBuf>,
    #[command(flatten)]
    admin: AdminArgs,
}

/// A supposition and how it was written.
#[derive(Clone, Debug)]
struct Wanted {
    text: String,
    supposition: Supposition,
}

fn supposition(text: &str) -> Result<Wanted, String> {
    let supposition = match text.split_once(':') {
        Some(("down", what)) if !what.is_empty() => Supposition::Down { what: what.to_owned() },
        Some(("policy", file)) if !file.is_empty() => {
            let policy =
                config::policy(Path::new(file)).map_err(|problems| problems.to_string())?;
            Supposition::Policy { policy: Box::new(policy) }
        }
        Some(_) | None => {
            return Err("not down:REGION-REGION, down:GATEWAY or policy:FILE".to_owned());
        }
    };
    Ok(Wanted { text: text.to_owned(), supposition })
}

/// Asks the gateway what it would do.
///
/// # Errors
/// Nobody answers, or a name is not known.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    let asked = args.asked()?;
    let said = match &args.archive {
        Some(file) => explain_then(file, &asked).map_err(Failure::usage)?,
        None => runtime()?.block_on(args.explain(&asked))?,
    };
    let supposed: Vec<String> = args.what_if.iter().map(|one| one.text.clone()).collect();
    match args.output {
        Output::Table => Screen::detect().show_tables(&explain::tables(&said.said, &supposed))?,
        Output::Json => {
            let fields = explain::json(&said.said, &supposed);
            show_json(&document_of("explain", &said, fields))?;
        }
    }
    Ok(if said.said.is_deliverable() { Exit::Good } else { Exit::Problem })
}

/// Asks the gateways of a simulation.
fn explain_then(file: &Path, asked: &ExplainAsked) -> anyhow::Result<Said<Explanation>> {
    let archive = Archive::read(file)?;
    let name = || file.display().to_string();
    Moment::of(&archive).and_then(|moment| moment.explain(&archive.asked, asked)).with_context(name)
}

impl Args {
    /// Asks; what nobody has heard of is named beside what it is most like.
    async fn explain(&self, asked: &ExplainAsked) -> Result<Said<Explanation>, Failure> {
        let mut gateway = self.admin.connect().await?;
        if let Some(said) = self.explain_there(&mut gateway, asked).await? {
            return Ok(said);
        }
        let said = match gateway.explain(asked).await {
            Err(failure) if failure.exit == Exit::Usage => {
                let core = gateway.report().await?.core;
                let from = self.from.as_ref().map(RegionId::as_str).unwrap_or_default();
                let hint = did_you_mean(from, core.regions.iter().map(|one| one.region.as_str()));
                return Err(Failure::usage(anyhow!("{:#}{hint}", failure.error)));
            }
            said => said?,
        };
        let collective = asked.subject.split('.').next().unwrap_or_default();
        if !said.said.is_deliverable() {
            let core = gateway.report().await?.core;
            let known = || core.regions.iter().flat_map(|one| &one.collectives);
            let hint = did_you_mean(collective, known().map(String::as_str));
            if !known().any(|one| one == collective) && !hint.is_empty() {
                message(format_args!("no region holds a collective {collective}{hint}"));
            }
        }
        Ok(said)
    }

    /// A message of another region is explained by a gateway there, which knows its own rules; `None`
    /// where nobody there answers, or the region is ours. What would become of it by its adverts is then
    /// said by the gateway that we talk to.
    async fn explain_there(
        &self,
        gateway: &mut Asked,
        asked: &ExplainAsked,
    ) -> Result<Option<Said<Explanation>>, Failure> {
        let Some(from) = &self.from else { return Ok(None) };
        let core = gateway.report().await?.core;
        let there = core.gateways.iter().filter(|one| one.region == *from && core.region != *from);
        let mut silent = Vec::new();
        for other in there.filter(|one| one.route.is_some()) {
            let other = &other.gateway;
            match gateway.explain_of(other, asked, PATIENCE).await? {
                Ok(said) => return Ok(Some(said)),
                Err(why) => silent.push(format!("{other}: {why}")),
            }
        }
        for one in silent {
            message(format_args!("{one}; by the adverts of region {from}:"));
        }
        Ok(None)
    }

    fn asked(&self) -> Result<ExplainAsked, Failure> {
        let described = self.described()?;
        let (subject, targets) = match &self.subject {
            None => (described.unwrap_or_default(), Vec::new()),
            Some(subject) if is_federated(subject) => {
                (subject.clone(), described.into_iter().collect())
            }
            Some(_) if self.collective.is_some() => {
                let problem = "either a subject or --collective, unless the subject is that of a \
                    client of Choria Federation";
                return Err(Failure::usage(anyhow!(problem)));
            }
            Some(subject) => (subject.clone(), Vec::new()),
        };
        Ok(ExplainAsked {
            subject,
            targets,
            from: self.from.clone(),
            caller: self.caller.clone(),
            agent: self.agent.clone(),
            action: self.action.clone(),
            payload: self.message.as_deref().map(read).transpose()?,
            what_if: self.what_if.iter().map(|one| one.supposition.clone()).collect(),
        })
    }

    /// The request subject that is described by names; `None` where it is not.
    fn described(&self) -> Result<Option<String>, Failure> {
        let Some(collective) = &self.collective else { return Ok(None) };
        match (&self.identity, &self.agent) {
            (Some(identity), _) => Ok(Some(format!("{collective}.node.{identity}"))),
            (None, Some(agent)) => Ok(Some(format!("{collective}.broadcast.agent.{agent}"))),
            (None, None) => {
                Err(Failure::usage(anyhow!("--collective needs --agent or --identity as well")))
            }
        }
    }
}

/// Whether clients of Choria Federation publish on this subject.
fn is_federated(subject: &str) -> bool {
    matches!(Subject::parse(subject), Ok(Subject::FederationRequest { .. }))
}

fn read(file: &Path) -> Result<Bytes, Failure> {
    let bytes = std::fs::read(file).with_context(|| format!("read {}", file.display()));
    bytes.map(Bytes::from).map_err(Failure::usage)
}
