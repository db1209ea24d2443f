//! Brokers by DNS: the SRV records that Choria's nodes and clients look for.

mod order;

use std::{fmt, net::SocketAddr, time::Duration};

use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts},
    net::{NetError, runtime::TokioRuntimeProvider},
    proto::rr::{Name, RData, rdata::SRV},
    system_conf::read_system_conf,
};
use tokio::time::timeout;

use crate::servers::ServerUrl;

/// Where nodes and clients connect, the first one with records.
const BROKERS: [&str; 2] = ["_mcollective-server._tcp", "_x-puppet-mcollective._tcp"];

/// Where federated clients connect.
const FEDERATION_BROKERS: [&str; 2] =
    ["_mcollective-federation_server._tcp", "_x-puppet-mcollective_federation._tcp"];

/// How long all questions of one look-up may take.
const LOOK_UP_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a name server may take to answer, before it is asked again.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// Servers beyond this many are left out.
const SERVERS_MAX: usize = 64;

/// Which SRV records name the brokers. Displays as `SRV records <name>[, <name>]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Srv {
    services: [&'static str; 2],
    domain: Option<String>,
    name_server: Option<SocketAddr>,
}

/// Why the records are not known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SrvError {
    /// The system does not say which name servers there are.
    #[error("the system's resolver configuration cannot be used")]
    System(#[source] NetError),
    /// No domain is configured, and the system has none.
    #[error("there is no domain to look in")]
    NoDomain,
    /// A domain that cannot be one.
    #[error("{name} is no name in DNS")]
    Name {
        /// The name.
        name: String,
    },
    /// The name servers did not answer as they should.
    #[error("{name} cannot be looked up")]
    LookUp {
        /// The name that was asked for.
        name: String,
        /// What happened.
        source: NetError,
    },
    /// The name servers took too long.
    #[error("no answer within {LOOK_UP_TIMEOUT:?}")]
    Timeout,
}

impl Srv {
    /// The brokers of nodes, and of clients that are not federated; without a domain, in the system's.
    pub fn brokers(domain: Option<String>) -> Self {
        Self { services: BROKERS, domain, name_server: None }
    }

    /// The brokers of federated clients; without a domain, in the system's.
    pub fn federation_brokers(domain: Option<String>) -> Self {
        Self { services: FEDERATION_BROKERS, domain, name_server: None }
    }

    /// Asks this name server, by UDP alone, in place of the system's.
    #[must_use]
    pub fn through(mut self, name_server: SocketAddr) -> Self {
        self.name_server = Some(name_server);
        self
    }

    /// The domain that was configured.
    pub fn domain(&self) -> Option<&str> {
        self.domain.as_deref()
    }

    /// The servers of the first name that has any, at most 64, by priority and, among equals, at random by weight
    /// (RFC 2782); none if there are no records. Takes at most 5 s.
    ///
    /// # Errors
    /// [`SrvError`], if the records cannot be known.
    pub async fn look_up(&self) -> Result<Vec<ServerUrl>, SrvError> {
        timeout(LOOK_UP_TIMEOUT, self.ask()).await.map_err(|_| SrvError::Timeout)?
    }

    async fn ask(&self) -> Result<Vec<ServerUrl>, SrvError> {
        let (config, mut options) = self.resolver_config()?;
        let names = self.names(&config)?;
        options.timeout = ANSWER_TIMEOUT;
        let builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        let resolver = builder.with_options(options).build().map_err(SrvError::System)?;
        for name in names {
            let records = records(&resolver, &name).await?;
            let servers = servers(order::by_priority(records));
            if !servers.is_empty() {
                return Ok(servers);
            }
        }
        Ok(Vec::new())
    }

    /// Read anew each time: machines move between networks.
    fn resolver_config(&self) -> Result<(ResolverConfig, ResolverOpts), SrvError> {
        let Some(address) = self.name_server else {
            return read_system_conf().map_err(SrvError::System);
        };
        let mut connection = ConnectionConfig::udp();
        connection.port = address.port();
        let name_server = NameServerConfig::new(address.ip(), true, vec![connection]);
        Ok((ResolverConfig::from_name_servers(vec![name_server]), ResolverOpts::default()))
    }

    /// Names that end in a dot, so that nothing is added to them.
    fn names(&self, system: &ResolverConfig) -> Result<Vec<Name>, SrvError> {
        let systems = || system.domain().filter(|name| !name.is_root()).or(system.search().first());
        let domain = self.domain.clone().or_else(|| systems().map(ToString::to_string));
        let domain = domain.ok_or(SrvError::NoDomain)?;
        let domain = domain.trim_matches('.');
        let names = self.services.iter().map(|service| {
            let name = format!("{service}.{domain}.");
            Name::from_ascii(&name).map_err(|_| SrvError::Name { name })
        });
        names.collect()
    }
}

impl fmt::Display for Srv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let domain = self.domain.as_deref().unwrap_or("<the system's domain>");
        let [first, second] = self.services;
        write!(f, "SRV records {first}.{domain}, {second}.{domain}")
    }
}

/// The records of a name; none is no error.
async fn records(resolver: &TokioResolver, name: &Name) -> Result<Vec<SRV>, SrvError> {
    let answer = match resolver.srv_lookup(name.clone()).await {
        Ok(answer) => answer,
        Err(error) if error.is_no_records_found() => return Ok(Vec::new()),
        Err(source) => return Err(SrvError::LookUp { name: name.to_string(), source }),
    };
    let records = answer.answers().iter().filter_map(|record| {
        let RData::SRV(record) = &record.data else { return None };
        Some(record.clone())
    });
    Ok(records.collect())
}

/// The addresses of records; `.` as a target says that there is no server.
fn servers(records: Vec<SRV>) -> Vec<ServerUrl> {
    let urls = records.iter().filter_map(|record| {
        let host = record.target.to_string();
        let url = format!("{}:{}", host.trim_end_matches('.'), record.port).parse::<ServerUrl>();
        url.inspect_err(|error| tracing::debug!(%error, "an SRV record names no server")).ok()
    });
    urls.take(SERVERS_MAX).collect()
}
