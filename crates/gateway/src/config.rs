//! The gateway's configuration: one TOML file, every problem of it reported at once.
//!
//! [`check`] reads the file and the certificates that it names. Relative paths are relative to the
//! file's folder. A key that is unknown, a value that makes no sense, a missing certificate: each
//! is named with file, line and key, and any of them stops the start.

mod document;
mod field;
mod naming;
mod policy;
mod problem;
mod raw;
mod reader;
mod resolve;
mod sections;
mod vault;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use antiphon_broker::{Auth, MonitorUrl, ServerUrl};
use antiphon_core::{
    Endpoint, GatewayId, HintsConfig, Incarnation, Limits, Periods, RegionId, policy::Policy,
};
use antiphon_identity::vault::VaultConfig;
use antiphon_wire::Collective;

pub(crate) use naming::with_sources;
pub use policy::{policy, policy_text};
pub use problem::{Problem, Problems};

use crate::record::Record;

/// The subject on which nodes answer, unless configured: a sibling of those that Choria's own
/// Federation Broker uses, so that the broker's permissions for it fit.
pub const REPLY_SUBJECT_DEFAULT: &str = antiphon_core::REPLY_TEMPLATE_DEFAULT;
/// How long a drain may take, unless configured: enough for a slow peer, less than the time after
/// which Kubernetes and systemd kill (30 s and 90 s) once the rest of stopping is counted.
pub const DRAIN_GRACE_DEFAULT: Duration = Duration::from_secs(25);
/// What messages from the broker may hold in memory, in bytes, unless configured.
pub const INTAKE_BYTES_DEFAULT: u64 = 64 << 20;
/// The folder of the admin sockets, unless configured.
pub const ADMIN_FOLDER_DEFAULT: &str = "/run/antiphon";
/// The shortest time between two readings of the brokers' subscription lists.
pub const HINTS_POLL_MIN: Duration = Duration::from_secs(1);
/// What is logged, unless configured or set by `ANTIPHON_LOG`.
pub const LOG_FILTER_DEFAULT: &str = "info";

/// A configuration that has been checked, certificates included.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file that it came from, for messages.
    pub file: PathBuf,
    /// The fabric's name.
    pub fabric: RegionId,
    /// Our region; the certificate agrees.
    pub region: RegionId,
    /// Our name: as configured, else as the certificate says, else the first label of the host
    /// name.
    pub gateway: GatewayId,
    /// The region's broker.
    pub broker: Broker,
    /// The links.
    pub link: Link,
    /// How certificates name regions.
    pub naming: Naming,
    /// Where the files of `[link] tls` come from, if we have them made; `None`: others put them there.
    pub vault: Option<VaultConfig>,
    /// Whether we carry traffic between other regions.
    pub transit: bool,
    /// Collectives that this region exports and accepts; empty where it only carries for others.
    pub export: BTreeSet<Collective>,
    /// Further subjects on which replies may be published here.
    pub reply_subjects: Vec<String>,
    /// Names of Choria Federation members that we serve, and the region that each stands for.
    pub federation: BTreeMap<String, RegionId>,
    /// What this region lets out, in and through.
    pub policy: PolicySource,
    /// Where operators ask.
    pub admin: Admin,
    /// Where `/metrics`, `/healthz` and `/readyz` are served; `None`: nowhere.
    pub http: Option<SocketAddr>,
    /// How long a drain may take.
    pub drain_grace: Duration,
    /// What messages from the broker may hold in memory, in bytes.
    pub intake_bytes: u64,
    /// What is known of interest, and what is done with it.
    pub hints: HintsConfig,
    /// The core's bounds.
    pub limits: Limits,
    /// The core's periods.
    pub periods: Periods,
    /// Where to record what the machine is told; `None`: nowhere.
    pub record: Option<Record>,
    /// The log.
    pub log: Log,
}

/// The region's broker.
#[derive(Clone, Debug)]
pub struct Broker {
    /// Servers of one cluster; at least one.
    pub servers: Vec<ServerUrl>,
    /// Certificate and trust for TLS; `None`: plain.
    pub tls: Option<Tls>,
    /// How we log in, besides a certificate. Secrets stay in their files until a connection needs
    /// them.
    pub auth: Auth,
    /// Monitoring ports of every server of the cluster, for interest.
    pub monitors: Vec<MonitorUrl>,
    /// The subject on which our nodes answer; may hold `{region}` and `{collective}`.
    pub reply_subject: String,
}

/// Files that make one end of TLS.
pub use antiphon_identity::CredentialFiles as Tls;

/// The links to other gateways.
#[derive(Clone, Debug)]
pub struct Link {
    /// Where we listen.
    pub listen: SocketAddr,
    /// Where others reach us.
    pub advertise: Endpoint,
    /// Who we are.
    pub tls: Tls,
    /// Places to dial until somebody answers.
    pub seeds: Vec<Endpoint>,
    /// Regions whose gateways we dial besides the seeds; `None`: all.
    pub peers: Option<BTreeSet<RegionId>>,
    /// Where to dial a gateway, whatever it advertises.
    pub dial: BTreeMap<GatewayId, Endpoint>,
    /// Cost of a link to a gateway of this region, instead of a measured one.
    pub costs: BTreeMap<RegionId, u32>,
}

/// How certificates without our URI name regions.
#[derive(Clone, Debug, Default)]
pub struct Naming {
    /// DNS names that stand for a region.
    pub names: BTreeMap<RegionId, Vec<String>>,
    /// Whether the Common Name counts as one, as a last resort.
    pub common_name: bool,
}

/// The policy, and what it needs.
#[derive(Clone, Debug, Default)]
pub struct PolicySource {
    /// The file that it is read from, again at SIGHUP and by `antiphon policy apply`; `None`: there is
    /// only the default.
    pub file: Option<PathBuf>,
    /// The policy as the file said when it was first read.
    pub policy: Policy,
    /// Whose signatures prove callers; `None`: no rule may name callers.
    pub callers: Option<CallerTrust>,
}

/// Whose signatures prove callers. Nodes are told the same, in words of their own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallerTrust {
    /// Certificates of the CAs of callers, PEM: protocol v1.
    pub ca: Option<PathBuf>,
    /// Regular expressions, one of which a v1 caller's name must match; `None`: Choria's own.
    pub allow: Option<Vec<String>>,
    /// Regular expressions for v1 certificates that may call in anybody's name; `None`: Choria's own.
    pub privileged: Option<Vec<String>>,
    /// Public keys of issuers in hex, by the organisation that v2 tokens name.
    pub issuers: BTreeMap<String, String>,
    /// Public keys in hex of who else may sign v2 tokens.
    pub trusted_signers: Vec<String>,
}

/// Where operators ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admin {
    /// On a Unix socket that only our user may open.
    Unix {
        /// Its path, at most 107 bytes.
        path: PathBuf,
    },
    /// On TCP, with certificates on both sides.
    Tcp {
        /// Where.
        listen: SocketAddr,
        /// Who we are, and whose certificates we look at.
        tls: Tls,
        /// Names (Common Name, DNS or URI) of the certificates that may come in; at least one: the
        /// authority may have issued others to nodes and users.
        allow: BTreeSet<String>,
    },
}

/// How the log is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// One JSON object a line, for machines; else text.
    pub json: bool,
    /// What is logged: `tracing_subscriber::EnvFilter` directives; `ANTIPHON_LOG` outranks it.
    pub filter: String,
}

/// Reads a configuration file and the certificates that it names.
///
/// # Errors
/// Every problem, each with file, line where known, and key.
pub fn check(path: &Path) -> Result<Config, Problems> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Problems::one(path, format_args!("cannot be read: {error}")))?;
    resolve::config(path, &text)
}

impl Config {
    /// What the core needs of it, for one life of the process.
    #[must_use]
    pub fn core(&self, incarnation: Incarnation) -> antiphon_core::Config {
        antiphon_core::Config {
            fabric: self.fabric.clone(),
            region: self.region.clone(),
            gateway: self.gateway.clone(),
            incarnation,
            export: self.export.clone(),
            reply_template: self.broker.reply_subject.clone(),
            reply_subjects: self.reply_subjects.clone(),
            federation: self.federation.clone(),
            transit: self.transit,
            seeds: self.link.seeds.clone(),
            peers: self.link.peers.clone(),
            costs: self.link.costs.clone(),
            hints: self.hints.clone(),
            limits: self.limits.clone(),
            periods: self.periods.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
