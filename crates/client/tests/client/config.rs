//! Configuration from Choria's files, and what is said of bad ones.

use std::path::{Path, PathBuf};
use std::time::Duration;

use antiphon_broker::Srv;
use antiphon_client::config::{Config, ConfigError, Security, Source};
use antiphon_client::{Environment, one_line};
use tempfile::TempDir;

const CHORIA: &str = "\
# a client
identity = shell1.example.net
collectives = mcollective, eu
main_collective = mcollective
plugin.choria.use_srv = false
plugin.choria.middleware_hosts = nats://a.example.net:4222, b.example.net:4223
plugin.choria.federation_middleware_hosts = fed.example.net:4222
plugin.choria.federation.collectives = london
plugin.security.provider = file
plugin.security.file.certificate = ~/alice.pem
plugin.security.file.key = /pki/alice-key.pem
plugin.security.file.ca = /pki/ca.pem
discovery_timeout = 5
libdir = /opt/a:/opt/b
";

pub(crate) struct Files(pub(crate) TempDir);

impl Files {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn load(&self, name: &str, text: &str) -> Result<Config, ConfigError> {
        let path = self.write(name, text);
        load(&Source::File(path), &[], &environment(&[]))
    }

    /// What is wrong with a file, without its folder.
    pub(crate) fn problem(&self, name: &str, text: &str) -> String {
        let error = one_line(&self.load(name, text).unwrap_err());
        error.replace(&format!("{}/", self.0.path().display()), "")
    }
}

pub(crate) fn load(
    source: &Source,
    federations: &[&str],
    environment: &Environment,
) -> Result<Config, ConfigError> {
    let federations: Vec<_> = federations.iter().map(|name| (*name).to_owned()).collect();
    Config::load(source, &federations, environment)
}

pub(crate) fn environment(variables: &[(&str, &str)]) -> Environment {
    let base = [("HOME", "/home/alice"), ("USER", "alice"), ("HOSTNAME", "host.example.net")];
    let all = base.iter().chain(variables).map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    Environment::new(all, "/nonexistent".into())
}

fn clusters(config: &Config) -> Vec<&str> {
    config.federations.iter().map(|cluster| cluster.as_str()).collect()
}

#[test]
fn a_file_of_choria_s_is_read_whole() {
    let files = Files::new();

    let config = files.load("client.conf", CHORIA).unwrap();

    assert_eq!(config.identity, "shell1.example.net");
    assert_eq!(config.main_collective.as_str(), "mcollective");
    assert_eq!(config.collectives.len(), 2);
    assert_eq!(clusters(&config), ["london"]);
    assert_eq!(config.brokers, ["nats://fed.example.net:4222"]);
    assert_eq!(config.discovery_timeout, Duration::from_secs(5));
    assert_eq!(config.libraries, [Path::new("/opt/a"), Path::new("/opt/b")]);
    let certificate = PathBuf::from("/home/alice/alice.pem");
    assert_eq!(
        config.security,
        Security::V1 {
            certificate: certificate.clone(),
            key: "/pki/alice-key.pem".into(),
            ca: "/pki/ca.pem".into(),
            name: Some("alice.mcollective".to_owned()),
        }
    );
    let own = Some((certificate, PathBuf::from("/pki/alice-key.pem")));
    assert_eq!(config.tls.unwrap().own, own);
}

#[test]
fn federations_come_from_the_environment_then_the_flag_then_the_file() {
    let files = Files::new();
    let source = Source::File(files.write("client.conf", CHORIA));
    let set = environment(&[("CHORIA_FED_COLLECTIVE", "paris, rome")]);

    let from_environment = load(&source, &["tokyo"], &set).unwrap();
    assert_eq!(clusters(&from_environment), ["paris", "rome"]);
    assert_eq!(clusters(&load(&source, &["tokyo"], &environment(&[])).unwrap()), ["tokyo"]);
    let bad = load(&source, &["a.b"], &environment(&[])).unwrap_err();
    assert!(one_line(&bad).starts_with("--federations: \"a.b\" is not a federation cluster"));
}

#[test]
fn an_unfederated_client_uses_the_ordinary_brokers() {
    let files = Files::new();
    let text = CHORIA.replace("plugin.choria.federation.collectives = london", "");
    let config = files.load("client.conf", &text).unwrap();
    assert_eq!(config.brokers, ["nats://a.example.net:4222", "nats://b.example.net:4223"]);
}

#[test]
fn the_certificate_s_name_follows_choria_s_rules() {
    let files = Files::new();
    let source = Source::File(files.write("client.conf", CHORIA));
    let name = |environment: &Environment| match load(&source, &[], environment).unwrap().security {
        Security::V1 { name, .. } => name.unwrap(),
        Security::V2 { .. } => panic!("the file says v1"),
    };
    assert_eq!(
        name(&environment(&[("MCOLLECTIVE_CERTNAME", "bob.mcollective")])),
        "bob.mcollective"
    );
    let mut root = environment(&[]);
    root.root = true;
    assert_eq!(name(&root), "shell1.example.net");
}

#[test]
fn files_beside_the_configuration_add_to_it() {
    let files = Files::new();
    let source = Source::File(files.write("etc/client.conf", CHORIA));
    files.write("etc/plugin.d/choria.cfg", "network.connect_timeout = 7s\n");
    files.write("work/choria.conf", "ttl = 90\n");
    let mut environment = environment(&[]);
    environment.folder = files.0.path().join("work/deep/down");

    let config = load(&source, &[], &environment).unwrap();

    assert_eq!(config.connect_timeout, Duration::from_secs(7));
    assert_eq!(config.ttl, Duration::from_secs(90));
}

#[test]
fn tls_is_off_only_where_that_is_said() {
    let files = Files::new();
    let source = Source::File(files.write("client.conf", CHORIA));
    assert!(load(&source, &[], &environment(&[])).unwrap().tls.is_some());
    let off = environment(&[("INSECURE_DISABLE_TLS", "true")]);
    assert!(load(&source, &[], &off).unwrap().tls.is_none());
}

#[test]
fn v2_and_an_aaa_service_are_read_from_choria_s_keys() {
    let files = Files::new();
    let text = "\
plugin.choria.middleware_hosts = a:4222
plugin.security.provider = choria
plugin.security.choria.token_file = /t.jwt
plugin.security.choria.seed_file = /s.seed
plugin.security.choria.ca = /ca.pem
plugin.choria.security.request_signer.url = https://aaa/choria/v1/sign
";
    let config = files.load("client.conf", text).unwrap();
    assert_eq!(config.main_collective.as_str(), "choria");
    assert_eq!(config.identity, "host.example.net");
    assert_eq!(config.security, Security::V2 { token: "/t.jwt".into(), seed: "/s.seed".into() });
    assert_eq!(config.remote_signer.unwrap().token, Path::new("/t.jwt"));
    assert_eq!(config.tls.unwrap().own, None);
}

#[test]
fn every_problem_of_a_file_is_told_at_once_with_its_key() {
    let files = Files::new();
    let text = "\
collectives = a.b
plugin.choria.middleware_hosts = nowhere, ftp://a:1
plugin.security.provider = file
plugin.security.file.ca = /ca.pem
discovery_timeout = soon
plugin.choria.discovery.broadcast.windowed_timeout = perhaps
";
    let problem = files.problem("client.conf", text);
    for part in [
        "client.conf: plugin.security.file.certificate is not set; plugin.security.file.key is not set; ",
        "collectives: \"a.b\" is not a collective",
        "plugin.choria.middleware_hosts: \"nowhere\" is not host:port; ",
        "\"ftp://a:1\" is not a nats:// address",
        "discovery_timeout is no duration but \"soon\"",
        "windowed_timeout is neither true nor false but \"perhaps\"",
    ] {
        assert!(problem.contains(part), "{part}\n{problem}");
    }
    assert_eq!(problem.lines().count(), 1);
}

#[test]
fn brokers_that_are_not_named_are_left_to_dns_and_then_to_the_default() {
    let files = Files::new();
    let hosts = "plugin.choria.middleware_hosts = nats://a.example.net:4222, b.example.net:4223";
    let direct =
        CHORIA.replace(hosts, "").replace("plugin.choria.federation.collectives = london", "");
    let config = files.load("client.conf", &direct).unwrap();
    assert_eq!((config.brokers, config.srv), (vec!["nats://puppet:4222".to_owned()], None));
    let direct = direct.replace("use_srv = false", "srv_domain = example.net");
    let config = files.load("client.conf", &direct).unwrap();
    assert_eq!(config.brokers, ["nats://puppet:4222"]);
    assert_eq!(config.srv, Some(Srv::brokers(Some("example.net".to_owned()))));
    let path = files.write("client.conf", &direct);
    let environment = environment(&[("CHORIA_SRV_DOMAIN", "example.com")]);
    let config = load(&Source::File(path), &[], &environment).unwrap();
    assert_eq!(config.srv, Some(Srv::brokers(Some("example.com".to_owned()))));
}

#[test]
fn federated_clients_have_no_default_broker() {
    let files = Files::new();
    let hosts = "plugin.choria.federation_middleware_hosts = fed.example.net:4222";
    let without = CHORIA.replace(hosts, "");
    assert_eq!(
        files.problem("client.conf", &without),
        "client.conf: plugin.choria.federation_middleware_hosts is not set, and use_srv is off"
    );
    let config = files.load("client.conf", &without.replace("use_srv = false", "use_srv = true"));
    let config = config.unwrap();
    assert_eq!((config.brokers.len(), config.srv), (0, Some(Srv::federation_brokers(None))));
}

#[test]
fn files_that_are_no_configuration_are_named_with_the_line() {
    let files = Files::new();
    assert_eq!(
        files.problem("client.conf", "identity = a\nnonsense\n"),
        "client.conf is malformed: line 2 is not key = value"
    );
    let short = CHORIA.replace("libdir", "ttl = 10\nlibdir");
    assert_eq!(
        files.problem("client.conf", &short),
        "client.conf: ttl is 10s; nodes take no less than 30s"
    );
    let absent = Source::File("/nonexistent/client.conf".into());
    let error = one_line(&load(&absent, &[], &environment(&[])).unwrap_err());
    assert_eq!(
        error,
        "cannot read /nonexistent/client.conf: No such file or directory (os error 2)"
    );
}
