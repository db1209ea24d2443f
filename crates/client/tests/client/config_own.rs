//! Configuration in our own format and from a lab, and what is said of bad ones.

use std::time::Duration;

use antiphon_client::config::{Protocol, Security, Source};
use antiphon_client::one_line;

use crate::config::{Files, environment, load};

const OWN: &str = r#"
identity = "shell1.example.net"
collectives = ["mcollective"]
[broker]
servers = ["nats://localhost:4222"]
[security.v1]
certificate = "alice.pem"
key = "alice-key.pem"
ca = "ca.pem"
[discovery]
timeout = "3s"
"#;

#[test]
fn our_own_format_reads_paths_from_its_folder() {
    let files = Files::new();
    let config = files.load("client.toml", OWN).unwrap();
    assert_eq!(config.discovery_timeout, Duration::from_secs(3));
    assert_eq!(config.tls.unwrap().ca, files.0.path().join("ca.pem"));
}

#[test]
fn our_own_format_tells_what_is_wrong() {
    let files = Files::new();
    for (text, problem) in [
        (
            OWN.replace("identity", "idnetity"),
            "client.toml is malformed: line 2: unknown field `idnetity`",
        ),
        (
            OWN.replace("localhost:4222", "localhost"),
            "client.toml: broker.servers: \"nats://localhost\" is not host:port",
        ),
        (OWN.replace("[\"mcollective\"]", "[]"), "client.toml: collectives is empty"),
        (
            OWN.replace("[discovery]", "[security.v2]\ntoken = \"t\"\nseed = \"s\"\n[discovery]"),
            "client.toml: exactly one of security.v1 and security.v2 is needed",
        ),
        (
            OWN.replace("[security.v1]", "user = \"u\"\n[security.v1]"),
            "client.toml: broker.user and broker.password_file go together",
        ),
    ] {
        let told = files.problem("client.toml", &text);
        assert!(told.starts_with(problem), "{told}");
        assert_eq!(told.lines().count(), 1);
    }
}

#[test]
fn a_lab_offers_its_client_and_the_brokers_of_a_region() {
    let files = Files::new();
    files.write(
        "lab.json",
        r#"{"fabric":"lab","client":{"certificate":"/c","key":"/k","ca":"/ca","token":"/t","seed":"/s"},
            "regions":{"eu":{"brokers":["nats://localhost:1"]},"us":{"brokers":["nats://localhost:2"]}}}"#,
    );
    let lab = |region: Option<&str>, protocol| Source::Lab {
        folder: files.0.path().to_owned(),
        region: region.map(str::to_owned),
        protocol,
    };
    let load = |source| load(&source, &[], &environment(&[]));

    let first = load(lab(None, Protocol::V1)).unwrap();
    assert_eq!(
        (first.brokers, first.main_collective.as_str()),
        (vec!["nats://localhost:1".to_owned()], "mcollective")
    );
    let second = load(lab(Some("us"), Protocol::V2)).unwrap();
    assert_eq!(
        (second.brokers, second.main_collective.as_str()),
        (vec!["nats://localhost:2".to_owned()], "choria")
    );
    assert_eq!(second.security, Security::V2 { token: "/t".into(), seed: "/s".into() });
    let unknown = one_line(&load(lab(Some("ap"), Protocol::V1)).unwrap_err());
    assert!(unknown.ends_with("lab.json: regions has no \"ap\"; it has eu, us"), "{unknown}");
}
