//! What a client needs to know, from whichever file says it.

mod choria;
mod error;
mod lab;
mod own;
mod settings;

use std::path::{Path, PathBuf};
use std::time::Duration;

use antiphon_broker::Srv;
use antiphon_wire::{Cluster, Collective};

pub use error::ConfigError;

use crate::environment::Environment;

/// How far a node's clock may be from ours, and how long a request may travel. Choria's default.
const TTL_DEFAULT: Duration = Duration::from_secs(60);
/// The schema of v1 requests refuses less.
const TTL_MIN_V1: Duration = Duration::from_secs(30);
/// The schema of v2 requests refuses less.
const TTL_MIN_V2: Duration = Duration::from_secs(1);
/// How long broadcast discovery listens. Choria's default.
const DISCOVERY_TIMEOUT_DEFAULT: Duration = Duration::from_secs(2);
/// How long connecting to a broker may take: Choria's 2 s leave no room for a TLS handshake on a busy machine.
const CONNECT_TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);

/// Where the configuration comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// This file: our own format if its name ends in `.toml`, else Choria's.
    File(PathBuf),
    /// The first of Choria's usual files that exists.
    Search,
    /// A lab's folder.
    Lab {
        /// The folder, with `lab.json` in it.
        folder: PathBuf,
        /// Which region's broker to use; the first by name if absent.
        region: Option<String>,
        /// Which protocol to speak.
        protocol: Protocol,
    },
}

/// Choria's protocol versions, as a user names them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Protocol {
    /// X.509 and RSA.
    #[default]
    V1,
    /// JWT and ed25519.
    V2,
}

/// A client's whole configuration. Files are named, not yet read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where it was read from.
    pub origin: PathBuf,
    /// The host, as told to nodes. Not authenticated.
    pub identity: String,
    /// The collectives that may be targeted.
    pub collectives: Vec<Collective>,
    /// The one that is targeted by default; replies come on its subjects.
    pub main_collective: Collective,
    /// Brokers, as `nats://host:port`. Not empty, unless there is `srv`.
    pub brokers: Vec<String>,
    /// Where DNS names the brokers; `brokers` stands in while it names none.
    pub srv: Option<Srv>,
    /// Federation clusters to send to instead of to nodes; empty: not federated.
    pub federations: Vec<Cluster>,
    /// How broker connections are secured; `None` is plain TCP.
    pub tls: Option<TlsFiles>,
    /// User and password for the broker.
    pub login: Option<Login>,
    /// The longest that connecting may take.
    pub connect_timeout: Duration,
    /// How requests are signed.
    pub security: Security,
    /// Another signer in place of our own key.
    pub remote_signer: Option<RemoteSigner>,
    /// Lifetime of requests.
    pub ttl: Duration,
    /// How nodes are found where the user does not say.
    pub discovery_method: String,
    /// How long broadcast discovery listens.
    pub discovery_timeout: Duration,
    /// Whether discovery ends when no node has answered for a while.
    pub discovery_window: bool,
    /// Whether a limited run takes random nodes instead of the first ones.
    pub limit_random: bool,
    /// Folders with descriptions of agents.
    pub libraries: Vec<PathBuf>,
}

/// The files of a TLS connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The CAs that the broker must be signed by.
    pub ca: PathBuf,
    /// Our certificate and key, where the broker asks for them.
    pub own: Option<(PathBuf, PathBuf)>,
}

/// A NATS user.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The user.
    pub user: String,
    /// The password.
    pub password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("user", &self.user).field("password", &"[redacted]").finish()
    }
}

/// Whose key signs requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Security {
    /// Protocol v1.
    V1 {
        /// The caller's certificate in PEM, perhaps with intermediates.
        certificate: PathBuf,
        /// Its RSA key in PEM.
        key: PathBuf,
        /// The CAs; clients need them for TLS alone.
        ca: PathBuf,
        /// The caller's name; `None`: the certificate's Common Name. The certificate must have it.
        name: Option<String>,
    },
    /// Protocol v2.
    V2 {
        /// The caller's token, a JWT.
        token: PathBuf,
        /// The caller's ed25519 seed in hexadecimal.
        seed: PathBuf,
    },
}

/// An AAA service that signs in our stead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteSigner {
    /// Where it listens, `https://…` or `http://…`.
    pub url: String,
    /// The token that says who asks.
    pub token: PathBuf,
    /// The seed that proves it.
    pub seed: Option<PathBuf>,
    /// The CAs that the service must be signed by.
    pub ca: Option<PathBuf>,
}

impl Config {
    /// Reads the configuration; `federations` is what the user chose on the command line.
    ///
    /// # Errors
    /// A file that is missing or unreadable, or every setting of it that is wrong.
    pub fn load(
        source: &Source,
        federations: &[String],
        environment: &Environment,
    ) -> Result<Self, ConfigError> {
        let config = Self::read(source, federations, environment)?;
        let shortest = match config.security {
            Security::V1 { .. } => TTL_MIN_V1,
            Security::V2 { .. } => TTL_MIN_V2,
        };
        if config.ttl < shortest {
            let problem = format!("ttl is {:?}; nodes take no less than {shortest:?}", config.ttl);
            return Err(ConfigError::Invalid { path: config.origin, problems: vec![problem] });
        }
        Ok(config)
    }

    fn read(
        source: &Source,
        federations: &[String],
        environment: &Environment,
    ) -> Result<Self, ConfigError> {
        match source {
            Source::Lab { folder, region, protocol } => {
                lab::load(folder, region.as_deref(), *protocol, federations, environment)
            }
            Source::File(path) if path.extension().is_some_and(|end| end == "toml") => {
                own::load(path, federations, environment)
            }
            Source::File(path) => choria::load(path, federations, environment),
            Source::Search => choria::load(&choria::search(environment)?, federations, environment),
        }
    }

    /// The collective to target: `wanted`, which must be one of ours, else the main one.
    ///
    /// # Errors
    /// [`ConfigError::UnknownCollective`].
    pub fn collective(&self, wanted: Option<&str>) -> Result<Collective, ConfigError> {
        let Some(wanted) = wanted else { return Ok(self.main_collective.clone()) };
        self.collectives.iter().find(|ours| ours.as_str() == wanted).cloned().ok_or_else(|| {
            let known = self.collectives.iter().map(Collective::as_str).collect::<Vec<_>>();
            ConfigError::UnknownCollective {
                collective: wanted.to_owned(),
                known: known.join(", "),
                path: self.origin.clone(),
            }
        })
    }
}

/// The federation clusters in force: the environment, then the command line, then the file, as in Choria.
fn federations(
    file: &[String],
    flag: &[String],
    environment: &Environment,
    path: &Path,
) -> Result<Vec<Cluster>, ConfigError> {
    let variable = environment.get("CHORIA_FED_COLLECTIVE").map(settings::split);
    let (names, source) = match (variable, flag) {
        (Some(names), _) => (names, "CHORIA_FED_COLLECTIVE".to_owned()),
        (None, []) => (file.to_vec(), path.display().to_string()),
        (None, flag) => (flag.to_vec(), "--federations".to_owned()),
    };
    let parse = |name: String| {
        Cluster::try_from(name)
            .map_err(|error| ConfigError::Federation { name: source.clone(), error })
    };
    names.into_iter().map(parse).collect()
}

/// A broker's URL: Choria allows `host:port` alone.
fn broker_url(text: &str) -> Result<String, String> {
    let (scheme, address) = text.split_once("://").unwrap_or(("nats", text));
    if !matches!(scheme, "nats" | "tls") {
        return Err(format!("{text:?} is not a nats:// address"));
    }
    match address.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
            Ok(format!("{scheme}://{address}"))
        }
        _ => Err(format!("{text:?} is not host:port")),
    }
}

/// What this host is called where no file says.
fn host_name(environment: &Environment) -> String {
    let variable = environment.get("HOSTNAME").map(str::to_owned);
    let file = || std::fs::read_to_string("/etc/hostname").ok();
    let name = variable.or_else(file).map(|name| name.trim().to_owned());
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "localhost".to_owned())
}
