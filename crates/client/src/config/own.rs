//! Our own format, in TOML.

use std::path::{Path, PathBuf};
use std::time::Duration;

use antiphon_wire::{Cluster, Collective};
use serde::Deserialize;

use super::{
    CONNECT_TIMEOUT_DEFAULT, Config, ConfigError, DISCOVERY_TIMEOUT_DEFAULT, Login, RemoteSigner,
    Security, TTL_DEFAULT, TlsFiles, broker_url, federations, host_name,
};
use crate::environment::Environment;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    identity: Option<String>,
    collectives: Vec<Collective>,
    main_collective: Option<Collective>,
    broker: Broker,
    security: SecurityTable,
    #[serde(default)]
    federation: Federation,
    #[serde(default)]
    discovery: Discovery,
    #[serde(default, with = "humantime_serde")]
    ttl: Option<Duration>,
    #[serde(default)]
    libraries: Vec<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Broker {
    servers: Vec<String>,
    tls: Option<Tls>,
    /// Plain TCP: said aloud, never by leaving something out.
    #[serde(default)]
    insecure: bool,
    user: Option<String>,
    password_file: Option<PathBuf>,
    #[serde(default, with = "humantime_serde")]
    connect_timeout: Option<Duration>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tls {
    ca: PathBuf,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SecurityTable {
    v1: Option<V1>,
    v2: Option<V2>,
    remote: Option<Remote>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct V1 {
    certificate: PathBuf,
    key: PathBuf,
    ca: PathBuf,
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct V2 {
    token: PathBuf,
    seed: PathBuf,
    ca: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Remote {
    url: String,
    token: PathBuf,
    seed: Option<PathBuf>,
    ca: Option<PathBuf>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Federation {
    #[serde(default)]
    collectives: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Discovery {
    method: Option<String>,
    #[serde(default, with = "humantime_serde")]
    timeout: Option<Duration>,
    #[serde(default)]
    window: bool,
}

/// Reads a file; paths in it are relative to its folder.
///
/// # Errors
/// What cannot be read, is not of the format, or every setting that is wrong.
pub(super) fn load(
    path: &Path,
    flag: &[String],
    environment: &Environment,
) -> Result<Config, ConfigError> {
    let file = read(path)?;
    let federations = federations(&file.federation.collectives, flag, environment, path)?;
    file.into_config(path, federations, environment)
        .map_err(|problems| ConfigError::Invalid { path: path.to_owned(), problems })
}

fn read(path: &Path) -> Result<File, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    toml::from_str(&text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let detail = format!("line {line}: {}", error.message().replace('\n', ", "));
        ConfigError::Malformed { path: path.to_owned(), detail }
    })
}

impl File {
    fn into_config(
        self,
        path: &Path,
        federations: Vec<Cluster>,
        environment: &Environment,
    ) -> Result<Config, Vec<String>> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut problems = Vec::new();
        let brokers = brokers(&self.broker, &mut problems);
        let main_collective = self.main_collective.or_else(|| self.collectives.first().cloned());
        if main_collective.is_none() {
            problems.push("collectives is empty".to_owned());
        }
        let tls = tls(&self.broker, &self.security, folder, &mut problems);
        let login = login(&self.broker, folder, &mut problems);
        let remote_signer = self.security.remote.as_ref().map(|remote| remote.signer(folder));
        let security = security(self.security, folder, &mut problems);
        let (Some(security), Some(main_collective), []) = (security, main_collective, &*problems)
        else {
            return Err(problems);
        };
        Ok(Config {
            origin: path.to_owned(),
            identity: self.identity.unwrap_or_else(|| host_name(environment)),
            collectives: self.collectives,
            main_collective,
            brokers,
            srv: None,
            federations,
            tls,
            login,
            connect_timeout: self.broker.connect_timeout.unwrap_or(CONNECT_TIMEOUT_DEFAULT),
            security,
            remote_signer,
            ttl: self.ttl.unwrap_or(TTL_DEFAULT),
            discovery_method: self.discovery.method.unwrap_or_else(|| "mc".to_owned()),
            discovery_timeout: self.discovery.timeout.unwrap_or(DISCOVERY_TIMEOUT_DEFAULT),
            discovery_window: self.discovery.window,
            limit_random: false,
            libraries: self.libraries.iter().map(|library| folder.join(library)).collect(),
        })
    }
}

impl Remote {
    fn signer(&self, folder: &Path) -> RemoteSigner {
        let file = |path: &PathBuf| folder.join(path);
        RemoteSigner {
            url: self.url.clone(),
            token: file(&self.token),
            seed: self.seed.as_ref().map(file),
            ca: self.ca.as_ref().map(file),
        }
    }
}

fn brokers(broker: &Broker, problems: &mut Vec<String>) -> Vec<String> {
    if broker.servers.is_empty() {
        problems.push("broker.servers is empty".to_owned());
    }
    let mut urls = Vec::new();
    for server in &broker.servers {
        match broker_url(server) {
            Ok(url) => urls.push(url),
            Err(problem) => problems.push(format!("broker.servers: {problem}")),
        }
    }
    urls
}

/// `broker.tls`, else the certificate that signs requests, else nothing only where that is said.
fn tls(
    broker: &Broker,
    security: &SecurityTable,
    folder: &Path,
    problems: &mut Vec<String>,
) -> Option<TlsFiles> {
    if broker.insecure {
        return None;
    }
    let (ca, own) = match (&broker.tls, &security.v1, &security.v2) {
        (Some(tls), _, _) => match (&tls.certificate, &tls.key) {
            (None, None) => (&tls.ca, None),
            (Some(certificate), Some(key)) => (&tls.ca, Some((certificate, key))),
            _ => {
                problems.push("broker.tls needs certificate and key, or neither".to_owned());
                return None;
            }
        },
        (None, Some(v1), _) => (&v1.ca, Some((&v1.certificate, &v1.key))),
        (None, None, Some(V2 { ca: Some(ca), .. })) => (ca, None),
        (None, None, _) => {
            problems.push("broker.tls is missing; broker.insecure = true would do without".into());
            return None;
        }
    };
    let own = own.map(|(certificate, key)| (folder.join(certificate), folder.join(key)));
    Some(TlsFiles { ca: folder.join(ca), own })
}

fn login(broker: &Broker, folder: &Path, problems: &mut Vec<String>) -> Option<Login> {
    match (&broker.user, &broker.password_file) {
        (None, None) => None,
        (Some(user), Some(file)) => match std::fs::read_to_string(folder.join(file)) {
            Ok(text) => Some(Login { user: user.clone(), password: text.trim_end().to_owned() }),
            Err(error) => {
                problems.push(format!("broker.password_file {}: {error}", file.display()));
                None
            }
        },
        _ => {
            problems.push("broker.user and broker.password_file go together".to_owned());
            None
        }
    }
}

fn security(table: SecurityTable, folder: &Path, problems: &mut Vec<String>) -> Option<Security> {
    match (table.v1, table.v2) {
        (Some(v1), None) => Some(Security::V1 {
            certificate: folder.join(v1.certificate),
            key: folder.join(v1.key),
            ca: folder.join(v1.ca),
            name: v1.name,
        }),
        (None, Some(v2)) => {
            Some(Security::V2 { token: folder.join(v2.token), seed: folder.join(v2.seed) })
        }
        _ => {
            problems.push("exactly one of security.v1 and security.v2 is needed".to_owned());
            None
        }
    }
}
