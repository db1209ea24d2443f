use super::*;

fn load(text: &str) -> Result<NodeConfig, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("node.toml");
    std::fs::write(&path, text).unwrap();
    NodeConfig::load(&path)
}

const SMALL: &str = r#"
identity = "n1.example.net"
collectives = ["mcollective", "other"]
facts_file = "facts.json"
[broker]
servers = ["nats://localhost:4222"]
tls = { certificate = "n1.pem", key = "/k/n1-key.pem", ca = "ca.pem" }
[security.v1]
ca = "ca.pem"
"#;

#[test]
fn a_small_file_gets_choria_defaults() {
    let config = load(SMALL).unwrap();
    assert_eq!(config.main_collective.as_str(), "mcollective");
    assert_eq!(config.status_interval, Duration::from_secs(30));
    assert_eq!(config.authorization, Authorization::Off);
    assert_eq!(config.items["collectives"], "mcollective,other");
    let folder = config.source.parent().unwrap().to_owned();
    assert_eq!(config.facts_files, [folder.join("facts.json")]);
    let tls = config.broker.tls.unwrap();
    assert_eq!(tls.key.unwrap(), Path::new("/k/n1-key.pem"));
    let SecurityConfig::V1(v1) = config.security else { panic!("v1 is configured") };
    assert_eq!(v1.allow, ALLOWED_NAMES);
}

#[test]
fn every_problem_is_told_at_once_with_its_key() {
    let error = load(
        r#"
        identity = "two words"
        colectives = ["x"]
        status_interval = "fast"
        main_collective = "elsewhere"
        collectives = ["mcollective"]
        [broker]
        servers = []
        [security.v2]
        token = 7
        "#,
    )
    .unwrap_err();
    let keys: Vec<&str> = error.0.iter().map(|problem| problem.key.as_str()).collect();
    for key in [
        "identity",
        "colectives",
        "status_interval",
        "main_collective",
        "broker.servers",
        "broker.tls",
        "security.v2.issuers",
        "security.v2.token",
        "security.v2.seed",
    ] {
        assert!(keys.contains(&key), "{key} is missing from {keys:?}");
    }
    assert!(error.0.iter().all(|problem| problem.file.ends_with("node.toml")));
}

#[test]
fn a_node_speaks_one_protocol() {
    let both = format!(
        "{SMALL}\n[security.v2]\ntoken = \"t\"\nseed = \"s\"\nissuers = {{ choria = \"00\" }}\n"
    );
    let error = load(&both).unwrap_err();
    assert_eq!(error.0[0].key, "security.v1");
}

#[test]
fn broken_toml_names_the_file() {
    let error = load("identity = ").unwrap_err();
    assert_eq!(error.0.len(), 1);
    assert!(error.to_string().contains("node.toml"));
}
