//! What a node is told: our own TOML, or the `server.conf` of a Choria node.

mod choria;
mod file;
mod problem;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use antiphon_broker::{Auth, Secret, ServerUrl, Srv};
use antiphon_wire::{Collective, Identity};

pub(crate) use problem::Problems;
pub use problem::{ConfigError, Problem};

/// How often the status file is written unless configured, as in Choria.
pub(crate) const STATUS_INTERVAL: Duration = Duration::from_secs(30);

/// How often registration data is sent unless configured, as in Choria.
pub(crate) const REGISTRATION_INTERVAL: Duration = Duration::from_secs(300);

/// The names whose requests a v1 node takes unless configured (spec: `certname_whitelist`).
pub(crate) const ALLOWED_NAMES: [&str; 2] = [r"\.mcollective$", r"\.choria$"];

/// The names that may call in anybody's name unless configured (spec: `privileged_users`).
pub(crate) const PRIVILEGED_NAMES: [&str; 2] =
    [r"\.privileged.mcollective$", r"\.privileged.choria$"];

/// One node, as configured. Made by [`NodeConfig::load`]; every value is checked.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// The file it came from; `daemon_stats` names it.
    pub source: PathBuf,
    /// The node's name.
    pub identity: Identity,
    /// Collectives it is in, at least one.
    pub collectives: Vec<Collective>,
    /// One of them: where registration goes.
    pub main_collective: Collective,
    /// How it reaches its broker.
    pub broker: BrokerConfig,
    /// Whose requests it takes.
    pub security: SecurityConfig,
    /// Where its state is written for health checks; `None`: nowhere.
    pub status_file: Option<PathBuf>,
    /// How often.
    pub status_interval: Duration,
    /// Files with facts, later ones over earlier ones: JSON, or YAML if the name ends so.
    pub facts_files: Vec<PathBuf>,
    /// A file with one class per line.
    pub classes_file: Option<PathBuf>,
    /// Who may run what.
    pub authorization: Authorization,
    /// Where calls are recorded, one JSON object per line.
    pub audit_file: Option<PathBuf>,
    /// What is sent about the node, and how often.
    pub registration: Option<Registration>,
    /// Agents beyond those that every node has.
    pub agents: AgentsConfig,
    /// What `rpcutil#get_config_item` tells, by key; holds no secret.
    pub items: BTreeMap<String, String>,
}

/// How a node reaches its broker.
#[derive(Clone, Debug)]
pub struct BrokerConfig {
    /// At least one.
    pub servers: Vec<ServerUrl>,
    /// Where DNS names the servers; `servers` stands in while it names none.
    pub srv: Option<Srv>,
    /// How it logs in besides its certificate: a v2 node with its token.
    pub auth: Auth,
    /// Mutual TLS; `None`: plain TCP, which must be asked for.
    pub tls: Option<TlsFiles>,
}

/// PEM files of a TLS client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// Our certificate and intermediates. v2 nodes may go without, as their token identifies them.
    pub certificate: Option<PathBuf>,
    /// Its private key.
    pub key: Option<PathBuf>,
    /// Who may have issued the broker's.
    pub ca: PathBuf,
}

/// Whose requests a node takes. A node speaks one protocol.
#[derive(Clone, Debug)]
pub enum SecurityConfig {
    /// Requests signed with RSA keys of a CA's certificates.
    V1(V1Config),
    /// Requests signed with ed25519 keys of an issuer's tokens.
    V2(V2Config),
}

/// Protocol v1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct V1Config {
    /// Certificates of the CAs of callers, PEM.
    pub ca: PathBuf,
    /// Expressions, one of which a caller's name must match.
    pub allow: Vec<String>,
    /// Expressions for certificates that may call in anybody's name.
    pub privileged: Vec<String>,
}

/// Protocol v2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct V2Config {
    /// Public keys of issuers in hex, by the organisation that tokens name (`ou`).
    pub issuers: BTreeMap<String, String>,
    /// Public keys in hex of who else may sign tokens.
    pub trusted_signers: Vec<String>,
    /// The node's own token.
    pub token: PathBuf,
    /// The seed of its key, 64 hex digits.
    pub seed: PathBuf,
    /// Whether replies are signed.
    pub sign_replies: bool,
}

/// Who may run what on this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authorization {
    /// Whoever gets past the signature may.
    Off,
    /// The list of agents in the caller's v2 token decides (Choria's `aaasvc`).
    Token,
    /// Action policies decide; without one nothing may be run.
    ActionPolicy {
        /// The folder of `<agent>.policy` and `groups`.
        folder: PathBuf,
        /// The policy of agents without one of their own, if there is to be one: its name without `.policy`.
        default: Option<String>,
        /// What a policy without a `policy default` line says.
        allow_unconfigured: bool,
    },
}

/// What a node tells about itself unasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// What is sent.
    pub content: RegistrationContent,
    /// How often.
    pub interval: Duration,
    /// The subject, instead of `<main collective>.broadcast.agent.registration`.
    pub target: Option<String>,
    /// The collective it is sent in.
    pub collective: Collective,
    /// Whether it is sent compressed, as Choria does unless told otherwise.
    pub compress: bool,
}

/// The data of a registration message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegistrationContent {
    /// A file as it is.
    File(PathBuf),
    /// Agents, classes, facts and state.
    Inventory,
}

/// Agents beyond `discovery`, `rpcutil` and `choria_util`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentsConfig {
    /// Agents that manage the machine: `package`, `service`, `puppet`. All of them where they are simulated, else
    /// those that are named.
    pub machine: Vec<String>,
    /// Whether those only pretend, and say so in every reply.
    pub simulated: bool,
    /// Where programs are looked for, as in `PATH`; `None`: in the process's own.
    pub path: Option<String>,
    /// Where Puppet keeps its state, if not where its packages put it.
    pub puppet_state: Option<PathBuf>,
    /// Whether callers may run commands of their own.
    pub shell: bool,
    /// Folders of external agents.
    pub external: Vec<PathBuf>,
}

impl AgentsConfig {
    /// Whether a call may change the machine.
    fn change_machine(&self) -> bool {
        let real = !self.simulated && !self.machine.is_empty();
        real || self.shell || !self.external.is_empty()
    }
}

impl NodeConfig {
    /// Reads a configuration: Choria's format if the name ends in `.conf` or `.cfg`, else our TOML.
    ///
    /// # Errors
    /// Everything that is wrong with the file, by key.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("conf" | "cfg") => choria::load(path),
            Some(_) | None => file::load(path),
        }
    }

    /// Whether replies carry a signature.
    pub(crate) fn signs_replies(&self) -> bool {
        matches!(&self.security, SecurityConfig::V2(v2) if v2.sign_replies)
    }

    /// A v2 node logs in with its token, unless told otherwise.
    fn with_token_login(mut self) -> Self {
        if let (SecurityConfig::V2(v2), Auth::Anonymous) = (&self.security, &self.broker.auth) {
            let file = |path: &Path| Secret::File(path.to_owned());
            self.broker.auth = Auth::Choria { token: file(&v2.token), seed: file(&v2.seed) };
        }
        self
    }

    /// Adds what `rpcutil#get_config_item` tells of every node.
    fn with_items(mut self) -> Self {
        let collectives: Vec<&str> = self.collectives.iter().map(Collective::as_str).collect();
        let own = [
            ("identity", self.identity.to_string()),
            ("collectives", collectives.join(",")),
            ("main_collective", self.main_collective.to_string()),
            ("configfile", self.source.display().to_string()),
        ];
        self.items.extend(own.map(|(key, value)| (key.to_owned(), value)));
        self
    }
}
