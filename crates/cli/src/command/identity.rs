//! `antiphon identity`: what certificates say, whether a gateway would believe them, and new ones.

mod enrol;

use std::{collections::BTreeMap, path::PathBuf};

use antiphon_gateway::{Clock, config};
use antiphon_identity::{CommonName, Names, Purpose, TrustBundle};
use anyhow::anyhow;

use super::read::Output;
use crate::{
    Exit, Failure,
    identity::{Looked, Rules, document, tables},
    screen::{Screen, show_json},
};

/// What to do with certificates.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Show what the certificates of a file say, and which member of a fabric their holder is
    Show(LookArgs),
    /// Say whether a gateway would believe a certificate: exit code 2 if it would not
    Verify(VerifyArgs),
    /// Make a key and have a certificate for it signed by Vault or OpenBao
    Enrol(enrol::Args),
}

/// Which certificate, and by what it is judged.
#[derive(Clone, Debug, clap::Args)]
pub struct LookArgs {
    /// Certificates, PEM, the holder's first [default: that of the configuration]
    file: Option<PathBuf>,
    /// Judge as this gateway would: its CAs, CRLs, fabric and names
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Whom to trust, PEM
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Certificates that their CAs have taken back
    #[arg(long, value_name = "FILE")]
    crl: Vec<PathBuf>,
    /// The fabric [default: the one that a URI of the certificate names]
    #[arg(long)]
    fabric: Option<String>,
    /// A DNS name that stands for a region
    #[arg(long = "name", value_name = "REGION=DNS", value_parser = name)]
    names: Vec<(String, String)>,
    /// For people or for programs
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// The same, and what it has to be good for.
#[derive(Clone, Debug, clap::Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    look: LookArgs,
    /// It has to stand for this region
    #[arg(long)]
    region: Option<String>,
    /// It has to permit this gateway
    #[arg(long)]
    gateway: Option<String>,
    /// What it is used for
    #[arg(long, value_enum, default_value_t)]
    purpose: For,
}

/// What a certificate is used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum For {
    /// Gateways: to dial and to accept
    #[default]
    Gateway,
    /// Nodes and clients: to dial
    Client,
    /// Brokers: to accept
    Server,
}

impl For {
    fn purposes(self) -> Vec<Purpose> {
        let (client, server) = (Purpose::ClientAuthentication, Purpose::ServerAuthentication);
        match self {
            Self::Gateway => vec![client, server],
            Self::Client => vec![client],
            Self::Server => vec![server],
        }
    }
}

fn name(text: &str) -> Result<(String, String), String> {
    let (region, name) = text.split_once('=').ok_or("is not REGION=DNS")?;
    Ok((region.to_owned(), name.to_owned()))
}

/// Does it.
///
/// # Errors
/// A file cannot be read, or Vault gives nothing.
pub fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Show(args) => {
            let (file, rules) = args.rules(For::Gateway)?;
            show(&file, &rules, args.output)?;
            Ok(Exit::Good)
        }
        Command::Verify(args) => {
            let (file, mut rules) = args.look.rules(args.purpose)?;
            if rules.trust.is_none() {
                return Err(Failure::usage(anyhow!("nobody to trust: --config or --ca is needed")));
            }
            rules.region = args.region.or(rules.region);
            rules.gateway = args.gateway.or(rules.gateway);
            let looked = show(&file, &rules, args.look.output)?;
            Ok(if looked.refusals.is_empty() { Exit::Good } else { Exit::Problem })
        }
        Command::Enrol(args) => enrol::run(&args),
    }
}

fn show(file: &std::path::Path, rules: &Rules, output: Output) -> Result<Looked, Failure> {
    let now = Clock::system().now().unix;
    let looked = Looked::at(file, rules, now).map_err(Failure::usage)?;
    match output {
        Output::Table => Screen::detect().show_tables(&tables(&looked))?,
        Output::Json => show_json(&document(&looked))?,
    }
    Ok(looked)
}

impl LookArgs {
    /// The file, and by what it is judged: the configuration's rules, and over them those given. Our own
    /// region is asked for only of our own certificate.
    fn rules(&self, purpose: For) -> Result<(PathBuf, Rules), Failure> {
        let mut rules = Rules { purposes: purpose.purposes(), ..Rules::default() };
        let mut file = self.file.clone();
        let (mut ca, mut crl) = (self.ca.clone(), self.crl.clone());
        let mut fabric = self.fabric.clone();
        let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut common_name = CommonName::Ignored;
        if let Some(path) = &self.config {
            let config = config::check(path).map_err(|bad| Failure::usage(anyhow!("{bad}")))?;
            if file.is_none() {
                rules.region = Some(config.region.to_string());
                rules.gateway = Some(config.gateway.to_string());
            }
            file = file.or(Some(config.link.tls.certificate));
            ca = ca.or(Some(config.link.tls.ca));
            crl.extend(config.link.tls.crl);
            fabric = fabric.or(Some(config.fabric.to_string()));
            let known = config.naming.names;
            names.extend(known.into_iter().map(|(region, names)| (region.to_string(), names)));
            if config.naming.common_name {
                common_name = CommonName::LastResort;
            }
        }
        for (region, name) in &self.names {
            names.entry(region.clone()).or_default().push(name.clone());
        }
        let names = fabric.map(|fabric| Names::new(&fabric, &names, common_name));
        rules.names = names.transpose().map_err(Failure::usage)?;
        let trust = ca.map(|ca| TrustBundle::from_file(&ca)?.with_revoked(&crl));
        rules.trust = trust.transpose().map_err(Failure::usage)?;
        let file = file.ok_or_else(|| Failure::usage(anyhow!("which file? or --config")))?;
        Ok((file, rules))
    }
}
