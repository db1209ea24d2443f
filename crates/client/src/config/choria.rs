//! Choria's own configuration files.

use std::path::{Path, PathBuf};

use antiphon_broker::Srv;
use antiphon_wire::Collective;

use super::settings::Settings;
use super::{
    CONNECT_TIMEOUT_DEFAULT, Config, ConfigError, DISCOVERY_TIMEOUT_DEFAULT, Login, RemoteSigner,
    Security, TTL_DEFAULT, TlsFiles, broker_url, federations,
};
use crate::environment::Environment;

const MIDDLEWARE: &str = "plugin.choria.middleware_hosts";
const FEDERATION_MIDDLEWARE: &str = "plugin.choria.federation_middleware_hosts";

/// The broker of a client that is not federated, where neither a file nor DNS names one.
const DEFAULT_BROKER: &str = "puppet:4222";

/// The first of Choria's usual files that exists.
///
/// # Errors
/// [`ConfigError::NotFound`].
pub(super) fn search(environment: &Environment) -> Result<PathBuf, ConfigError> {
    let places = [
        "~/.choriarc",
        "~/.mcollective",
        "/etc/choria/client.conf",
        "/usr/local/etc/choria/client.conf",
        "/etc/puppetlabs/mcollective/client.cfg",
    ];
    let found = places.iter().map(|place| environment.expand(place)).find(|path| path.is_file());
    found.ok_or_else(|| ConfigError::NotFound { searched: places.join(", ") })
}

/// Reads a client's file, `plugin.d/*.cfg` beside it unless it lies in the home folder, and a project's `choria.conf`.
///
/// # Errors
/// What cannot be read, or every setting that is wrong.
pub(super) fn load(
    path: &Path,
    flag: &[String],
    environment: &Environment,
) -> Result<Config, ConfigError> {
    let mut settings = Settings::new(environment);
    settings.read(path, "")?;
    let folder = path.parent().unwrap_or(Path::new("."));
    if environment.get("HOME").is_none_or(|home| folder != Path::new(home)) {
        read_plugins(&mut settings, &folder.join("plugin.d"))?;
    }
    if let Some(project) = project_file(environment, path) {
        settings.read(&project, "")?;
    }
    let clusters = settings.list("plugin.choria.federation.collectives");
    let federations = federations(&clusters, flag, environment, path)?;
    let config = Reader { settings, environment, path }.config(federations);
    config.map_err(|problems| ConfigError::Invalid { path: path.to_owned(), problems })
}

fn read_plugins(settings: &mut Settings<'_>, folder: &Path) -> Result<(), ConfigError> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(()) };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|end| end == "cfg")) {
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        settings.read(path, &format!("plugin.{name}."))?;
    }
    Ok(())
}

/// `choria.conf` of the working folder or the nearest one above it.
fn project_file(environment: &Environment, path: &Path) -> Option<PathBuf> {
    let candidates = environment.folder.ancestors().map(|folder| folder.join("choria.conf"));
    candidates.into_iter().find(|file| file.is_file() && file != path)
}

struct Reader<'e> {
    settings: Settings<'e>,
    environment: &'e Environment,
    path: &'e Path,
}

impl Reader<'_> {
    fn config(mut self, federations: Vec<antiphon_wire::Cluster>) -> Result<Config, Vec<String>> {
        let identity = self.identity();
        let security = self.security(&identity);
        let (collectives, main_collective) = self.collectives(&security);
        let (brokers, srv) = self.brokers(!federations.is_empty());
        let config = Config {
            origin: self.path.to_owned(),
            tls: self.tls(&security),
            identity,
            collectives,
            main_collective,
            brokers,
            srv,
            federations,
            login: self.login(),
            connect_timeout: self
                .settings
                .duration("plugin.choria.network.connect_timeout", CONNECT_TIMEOUT_DEFAULT),
            remote_signer: self.remote_signer(&security),
            security,
            ttl: self.settings.duration("ttl", TTL_DEFAULT),
            discovery_method: self
                .settings
                .text("default_discovery_method")
                .unwrap_or("mc")
                .to_owned(),
            discovery_timeout: self
                .settings
                .duration("discovery_timeout", DISCOVERY_TIMEOUT_DEFAULT),
            discovery_window: self
                .settings
                .boolean("plugin.choria.discovery.broadcast.windowed_timeout", false),
            limit_random: self.settings.text("rpclimitmethod") == Some("random"),
            libraries: self.libraries(),
        };
        if self.settings.problems.is_empty() { Ok(config) } else { Err(self.settings.problems) }
    }

    fn identity(&self) -> String {
        let configured = self.settings.text("identity").map(str::to_owned);
        configured.unwrap_or_else(|| super::host_name(self.environment))
    }

    fn security(&mut self, identity: &str) -> Security {
        let settings = &mut self.settings;
        match settings.text("plugin.security.provider").unwrap_or("puppet") {
            "choria" => Security::V2 {
                token: settings.required_path("plugin.security.choria.token_file"),
                seed: settings.required_path("plugin.security.choria.seed_file"),
            },
            "file" => Security::V1 {
                certificate: settings.required_path("plugin.security.file.certificate"),
                key: settings.required_path("plugin.security.file.key"),
                ca: settings.required_path("plugin.security.file.ca"),
                name: Some(self.certificate_name(identity)),
            },
            "puppet" => self.puppet_security(),
            other => {
                let problem = format!(
                    "plugin.security.provider {other:?} is not supported; file, puppet and choria are"
                );
                settings.problems.push(problem);
                Security::V2 { token: PathBuf::new(), seed: PathBuf::new() }
            }
        }
    }

    /// `plugin.choria.ssldir` as Puppet lays it out.
    fn puppet_security(&mut self) -> Security {
        let user = self.environment.get("USER").unwrap_or("root");
        let name = self.environment.get("MCOLLECTIVE_CERTNAME").map(str::to_owned);
        let name = name.unwrap_or_else(|| format!("{user}.mcollective"));
        let folder = self.settings.path("plugin.choria.ssldir").unwrap_or_else(|| {
            let per_user = self.environment.expand("~/.puppetlabs/etc/puppet/ssl");
            if self.environment.root { "/etc/puppetlabs/puppet/ssl".into() } else { per_user }
        });
        Security::V1 {
            certificate: folder.join(format!("certs/{name}.pem")),
            key: folder.join(format!("private_keys/{name}.pem")),
            ca: folder.join("certs/ca.pem"),
            name: Some(name),
        }
    }

    fn certificate_name(&self, identity: &str) -> String {
        let named = self.environment.get("MCOLLECTIVE_CERTNAME").map(str::to_owned);
        let user = self.environment.get("USER").filter(|_| !self.environment.root);
        named
            .or_else(|| user.map(|user| format!("{user}.mcollective")))
            .unwrap_or_else(|| identity.to_owned())
    }

    fn collectives(&mut self, security: &Security) -> (Vec<Collective>, Collective) {
        let default = match security {
            Security::V1 { .. } => "mcollective",
            Security::V2 { .. } => "choria",
        };
        let mut names = self.settings.list("collectives");
        if names.is_empty() {
            names.push(default.to_owned());
        }
        let main = self.settings.text("main_collective").map(str::to_owned);
        let main = main.unwrap_or_else(|| names.first().cloned().unwrap_or_default());
        let mut parse = |key: &str, name: String| {
            Collective::try_from(name).unwrap_or_else(|error| {
                self.settings.problems.push(format!("{key}: {error}"));
                Collective::try_from(default).expect("the defaults are good names")
            })
        };
        let collectives = names.into_iter().map(|name| parse("collectives", name)).collect();
        (collectives, parse("main_collective", main))
    }

    /// The brokers that are named, or where DNS names them; federated clients have no default (go-choria).
    fn brokers(&mut self, federated: bool) -> (Vec<String>, Option<Srv>) {
        let key = if federated { FEDERATION_MIDDLEWARE } else { MIDDLEWARE };
        let mut hosts = self.settings.list(key);
        let use_srv = self.settings.boolean("plugin.choria.use_srv", true);
        let srv = (hosts.is_empty() && use_srv).then(|| match federated {
            true => Srv::federation_brokers(self.srv_domain()),
            false => Srv::brokers(self.srv_domain()),
        });
        if hosts.is_empty() && federated && !use_srv {
            self.settings.problems.push(format!("{key} is not set, and use_srv is off"));
        } else if hosts.is_empty() && !federated {
            hosts.push(DEFAULT_BROKER.to_owned());
        }
        let mut urls = Vec::new();
        for host in hosts {
            match broker_url(&host) {
                Ok(url) => urls.push(url),
                Err(problem) => self.settings.problems.push(format!("{key}: {problem}")),
            }
        }
        (urls, srv)
    }

    fn srv_domain(&self) -> Option<String> {
        let variable = self.environment.get("CHORIA_SRV_DOMAIN");
        variable.or_else(|| self.settings.text("plugin.choria.srv_domain")).map(str::to_owned)
    }

    fn tls(&mut self, security: &Security) -> Option<TlsFiles> {
        if self.environment.is_on("INSECURE_DISABLE_TLS") {
            return None;
        }
        match security {
            Security::V1 { certificate, key, ca, .. } => {
                Some(TlsFiles { ca: ca.clone(), own: Some((certificate.clone(), key.clone())) })
            }
            Security::V2 { .. } => {
                let own = |settings: &Settings<'_>| {
                    let certificate = settings.path("plugin.security.choria.certificate")?;
                    Some((certificate, settings.path("plugin.security.choria.key")?))
                };
                let own = own(&self.settings);
                Some(TlsFiles { ca: self.settings.required_path("plugin.security.choria.ca"), own })
            }
        }
    }

    fn login(&self) -> Option<Login> {
        let setting = |variable: &str, key: &str| {
            self.environment.get(variable).or_else(|| self.settings.text(key)).map(str::to_owned)
        };
        Some(Login {
            user: setting("MCOLLECTIVE_NATS_USERNAME", "plugin.nats.user")?,
            password: setting("MCOLLECTIVE_NATS_PASSWORD", "plugin.nats.pass")?,
        })
    }

    fn remote_signer(&mut self, security: &Security) -> Option<RemoteSigner> {
        const PREFIX: &str = "plugin.choria.security.request_signer";
        if self.settings.boolean(&format!("{PREFIX}.service"), false) {
            let problem =
                format!("{PREFIX}.service: signing by RPC is not supported, by HTTP it is");
            self.settings.problems.push(problem);
        }
        let url = self.settings.text(&format!("{PREFIX}.url"))?.to_owned();
        let (token, seed, ca) = match security {
            Security::V2 { token, seed } => {
                let ca = self.settings.path("plugin.security.choria.ca");
                (token.clone(), Some(seed.clone()), ca)
            }
            Security::V1 { ca, .. } => (
                self.settings.required_path(&format!("{PREFIX}.token_file")),
                self.settings.path(&format!("{PREFIX}.seed_file")),
                Some(ca.clone()),
            ),
        };
        Some(RemoteSigner { url, token, seed, ca })
    }

    fn libraries(&self) -> Vec<PathBuf> {
        let keys = ["plugin.choria.agent_provider.mcorpc.libdir", "libdir"];
        let texts = keys.iter().filter_map(|key| self.settings.text(key));
        texts
            .flat_map(|text| text.split([':', ',']))
            .map(|folder| self.environment.expand(folder.trim()))
            .collect()
    }
}
