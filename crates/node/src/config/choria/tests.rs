use std::path::Path;

use super::super::*;

/// The minimal node of Choria's documentation, with a file in `plugin.d`.
const SERVER_CONF: &str = "\
# a node
identity = n1.example.net
collectives = mcollective, other
main_collective = mcollective
logfile = stdout
classesfile = /tmp/t/n1/classes.txt
plugin.yaml = /tmp/t/n1/facts.json:/tmp/t/n1/more.yaml
rpcauthorization = false
registration = file_content
registerinterval = 10
plugin.choria.registration.file_content.data = /tmp/t/n1/facts.json
plugin.choria.use_srv = false
plugin.choria.middleware_hosts = nats://127.0.0.1:4222, b2:4222
plugin.choria.status_file_path = /tmp/t/n1/status.json
plugin.security.provider = file
plugin.security.file.certificate = /tmp/t/pki/n1.example.net.pem
plugin.security.file.key = /tmp/t/pki/n1.example.net-key.pem
plugin.security.file.ca = /tmp/t/pki/ca.pem
plugin.nats.pass = secret
";

fn load(text: &str, plugin: Option<(&str, &str)>) -> Result<NodeConfig, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("server.conf");
    std::fs::write(&path, text).unwrap();
    if let Some((name, text)) = plugin {
        std::fs::create_dir(folder.path().join("plugin.d")).unwrap();
        std::fs::write(folder.path().join("plugin.d").join(name), text).unwrap();
    }
    NodeConfig::load(&path)
}

#[test]
fn the_file_of_an_existing_node_works_as_it_is() {
    let plugin = ("choria.cfg", "security.certname_whitelist = /^ops/, alice\n");
    let config = load(SERVER_CONF, Some(plugin)).unwrap();
    assert_eq!(config.identity.as_str(), "n1.example.net");
    assert_eq!(config.collectives.len(), 2);
    let servers: Vec<String> = config.broker.servers.iter().map(ToString::to_string).collect();
    assert_eq!(servers, ["nats://127.0.0.1:4222", "nats://b2:4222"]);
    assert_eq!(config.facts_files.len(), 2);
    assert_eq!(config.authorization, Authorization::Off);
    assert_eq!(config.status_file.as_deref(), Some(Path::new("/tmp/t/n1/status.json")));
    let registration = config.registration.unwrap();
    assert_eq!(registration.interval, Duration::from_secs(10));
    let SecurityConfig::V1(v1) = config.security else { panic!("the provider is v1's") };
    assert_eq!(v1.allow, ["/^ops/", "alice"]);
    assert_eq!(v1.privileged, PRIVILEGED_NAMES);
    assert_eq!(config.items["logfile"], "stdout");
    assert!(!config.items.contains_key("plugin.nats.pass"), "secrets are not told");
}

#[test]
fn a_file_that_names_no_brokers_leaves_them_to_dns_and_then_to_the_default() {
    let hosts = "plugin.choria.middleware_hosts = nats://127.0.0.1:4222, b2:4222";
    let servers = |text: &str| {
        let broker = load(text, None).unwrap().broker;
        let servers: Vec<String> = broker.servers.iter().map(ToString::to_string).collect();
        (servers, broker.srv)
    };
    let puppet = vec!["nats://puppet:4222".to_owned()];
    let without = SERVER_CONF.replace(hosts, "");
    assert_eq!(servers(&without), (puppet.clone(), None), "use_srv is off");
    let with = without.replace("use_srv = false", "srv_domain = example.net");
    let srv = Srv::brokers(Some("example.net".to_owned()));
    assert_eq!(servers(&with), (puppet, Some(srv)));
    let named = SERVER_CONF.replace("use_srv = false", "use_srv = true");
    assert_eq!(servers(&named).1, None, "what is named is not looked up");
}

#[test]
fn a_file_without_policies_denies_as_choria_does() {
    let text = SERVER_CONF.replace("rpcauthorization = false", "");
    let config = load(&text, None).unwrap();
    let Authorization::ActionPolicy { folder, default: None, .. } = config.authorization else {
        panic!("policies are on by default");
    };
    assert!(folder.ends_with("policies"));
}

#[test]
fn a_v2_node_needs_its_token_and_someone_to_trust() {
    let text = "identity = n4.example.net\n\
        plugin.security.provider = choria\n\
        plugin.choria.middleware_hosts = localhost:4222\n\
        plugin.security.choria.ca = /ca.pem\n\
        plugin.security.choria.token_file = /n4.jwt\n\
        plugin.security.choria.seed_file = /n4.seed\n\
        plugin.security.issuer.names = choria\n\
        plugin.security.issuer.choria.public = 00ff\n";
    let config = load(text, None).unwrap();
    assert_eq!(config.main_collective.as_str(), "choria");
    let SecurityConfig::V2(v2) = config.security else { panic!("the provider is v2's") };
    assert!(v2.sign_replies && v2.issuers["choria"] == "00ff");
    let error = load(&text.replace("issuer.names", "issuer.nobody"), None).unwrap_err();
    assert!(error.0[0].key.contains("trusted_signers"), "{error}");
}

#[test]
fn every_problem_is_told_at_once() {
    let text = "identity = a b\nplugin.security.provider = pkcs11\nrpcaudit = perhaps\n\
        registration = magic\nregisterinterval = 0\n";
    let error = load(text, None).unwrap_err();
    let keys: Vec<&str> = error.0.iter().map(|problem| problem.key.as_str()).collect();
    for key in ["identity", "plugin.security.provider", "rpcaudit", "registration"] {
        assert!(keys.contains(&key), "{key} is missing from {keys:?}");
    }
}
