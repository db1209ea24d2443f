//! `antiphon identity enrol`.

use std::path::PathBuf;

use antiphon_gateway::{config, is_ours};
use antiphon_identity::{
    CredentialFiles, Credentials, IdentityError, Purpose, UnixTime,
    vault::{Enroller, KeyType, SecretId, Subject, VaultConfig, VaultError, VaultUrl, is_due},
};
use anyhow::anyhow;

use super::{For, show};
use crate::{
    Exit, Failure,
    command::{read::Output, runtime},
    identity::Rules,
    screen::message,
};

/// Whom to ask, for what, and where to put it.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// For the gateway of this configuration, by its [identity.vault], into the files of its [link] tls
    #[arg(long, value_name = "FILE", conflicts_with_all = ["address", "role", "certificate"])]
    config: Option<PathBuf>,
    /// Where Vault is
    #[arg(long, env = "VAULT_ADDR", required_unless_present = "config")]
    address: Option<VaultUrl>,
    /// Whom we believe to be Vault, PEM
    #[arg(long, value_name = "FILE", env = "VAULT_CACERT")]
    vault_ca: Option<PathBuf>,
    /// Vault's namespace
    #[arg(long, env = "VAULT_NAMESPACE")]
    namespace: Option<String>,
    /// Where AppRole is mounted
    #[arg(long, value_name = "MOUNT", default_value = "approle")]
    auth_mount: String,
    /// The AppRole's role id
    #[arg(long, value_name = "ID", required_unless_present = "config")]
    role_id: Option<String>,
    /// A file with the secret id
    #[arg(long, value_name = "FILE")]
    secret_id_file: Option<PathBuf>,
    /// The file holds a wrapping token instead
    #[arg(long)]
    wrapped: bool,
    /// Where the PKI is mounted
    #[arg(long, default_value = "pki")]
    mount: String,
    /// The PKI's role that signs
    #[arg(long, required_unless_present = "config")]
    role: Option<String>,
    /// The Common Name, which Choria's policies use: a node's identity, alice.mcollective
    #[arg(long, value_name = "NAME")]
    common_name: Option<String>,
    /// A DNS name
    #[arg(long = "dns", value_name = "NAME")]
    dns_names: Vec<String>,
    /// A URI
    #[arg(long = "uri", value_name = "URI")]
    uris: Vec<String>,
    /// How long it is to last [default: as the role says]
    #[arg(long, value_parser = humantime::parse_duration)]
    ttl: Option<std::time::Duration>,
    /// The kind of key; Choria's protocol v1 signs with RSA
    #[arg(long, value_enum, default_value_t)]
    key_type: Kind,
    /// Where the certificate goes
    #[arg(long, value_name = "FILE", required_unless_present = "config")]
    certificate: Option<PathBuf>,
    /// Where its key goes
    #[arg(long, value_name = "FILE", required_unless_present = "config")]
    key: Option<PathBuf>,
    /// Where the CAs are; written if it is not there
    #[arg(long, value_name = "FILE", required_unless_present = "config")]
    ca: Option<PathBuf>,
    /// Do nothing while the certificate has more than a third of its life left: for timers
    #[arg(long)]
    when_due: bool,
    /// For people or for programs
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// A kind of key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Kind {
    /// RSA of 2048 bits
    #[default]
    #[value(name = "rsa-2048")]
    Rsa2048,
    /// ECDSA on P-256
    #[value(name = "ecdsa-p256")]
    EcdsaP256,
}

/// What must hold of a certificate.
type Check = Box<dyn Fn(&Credentials) -> Result<(), IdentityError>>;

/// What to ask for, and what must hold of what comes.
struct Plan {
    vault: VaultConfig,
    files: CredentialFiles,
    check: Check,
    purpose: For,
}

/// Asks Vault, and shows what came.
///
/// # Errors
/// Vault gives nothing: each reason says what to do. Nobody answering is told apart.
pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let plan = match &args.config {
        Some(path) => of_gateway(path)?,
        None => of_arguments(args)?,
    };
    if args.when_due && !is_due(&plan.files, &plan.vault.subject) {
        message(format_args!("{}: not due", plan.files.certificate.display()));
        return Ok(Exit::Good);
    }
    runtime()?.block_on(enrol(&plan)).map_err(failure)?;
    let rules = Rules { purposes: plan.purpose.purposes(), ..Rules::default() };
    show(&plan.files.certificate, &rules, args.output)?;
    Ok(Exit::Good)
}

async fn enrol(plan: &Plan) -> Result<(), VaultError> {
    let mut enroller = Enroller::new(plan.vault.clone())?;
    let outcome = enroller.enrol(&plan.files, &plan.check).await;
    enroller.leave().await;
    outcome.map(drop)
}

fn failure(error: VaultError) -> Failure {
    let unanswered = matches!(error, VaultError::Unreachable { .. });
    let told = anyhow!(error.told());
    if unanswered { Failure::unanswered(told) } else { Failure::problem(told) }
}

fn of_gateway(path: &std::path::Path) -> Result<Plan, Failure> {
    let config = config::check(path).map_err(|bad| Failure::usage(anyhow!("{bad}")))?;
    let names = config.naming.to_names(&config.fabric).map_err(Failure::usage)?;
    let (region, gateway) = (config.region.to_string(), config.gateway.to_string());
    let missing = || Failure::usage(anyhow!("{}: no [identity.vault]", path.display()));
    Ok(Plan {
        vault: config.vault.ok_or_else(missing)?,
        files: config.link.tls,
        check: Box::new(move |own| is_ours(own, &names, &region, &gateway)),
        purpose: For::Gateway,
    })
}

fn of_arguments(args: &Args) -> Result<Plan, Failure> {
    let missing = || Failure::usage(anyhow!("--address, --role-id, --role and files are needed"));
    let address = args.address.clone().ok_or_else(missing)?;
    if address.tls && args.vault_ca.is_none() {
        return Err(Failure::usage(anyhow!("--vault-ca is missing: https needs whom to trust")));
    }
    let file = |file: &Option<PathBuf>| file.clone().ok_or_else(missing);
    let secret_id = args.secret_id_file.clone();
    let subject = Subject {
        common_name: args.common_name.clone(),
        dns_names: args.dns_names.clone(),
        uris: args.uris.clone(),
    };
    let vault = VaultConfig {
        address,
        namespace: args.namespace.clone().filter(|namespace| !namespace.is_empty()),
        ca: args.vault_ca.clone(),
        auth_mount: args.auth_mount.trim_matches('/').to_owned(),
        role_id: args.role_id.clone().ok_or_else(missing)?,
        secret_id: secret_id.map(|file| SecretId { file, wrapped: args.wrapped }),
        mount: args.mount.trim_matches('/').to_owned(),
        role: args.role.clone().ok_or_else(missing)?,
        subject,
        ttl: args.ttl,
        key_type: match args.key_type {
            Kind::Rsa2048 => KeyType::Rsa2048,
            Kind::EcdsaP256 => KeyType::EcdsaP256,
        },
    };
    let (certificate, key, ca) = (file(&args.certificate)?, file(&args.key)?, file(&args.ca)?);
    let files = CredentialFiles::new(certificate, key, ca);
    Ok(Plan { vault, files, check: Box::new(may_dial), purpose: For::Client })
}

/// Nodes and clients dial brokers.
fn may_dial(own: &Credentials) -> Result<(), IdentityError> {
    own.verify(UnixTime::now(), Purpose::ClientAuthentication).map(drop)
}
