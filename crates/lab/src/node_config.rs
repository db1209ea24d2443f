//! The configuration of a lab's node: TOML for `antiphon node run`, facts and classes.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::json;

use crate::names;
use crate::pki::{ORGANISATION, ServerCredentials, TlsFiles};

/// What nodes play, in turn.
const ROLES: [&str; 3] = ["web", "db", "cache"];

/// Where the files of one node are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NodeFiles {
    pub(crate) config: PathBuf,
    /// Exists as soon as the node has reached its broker.
    pub(crate) status: PathBuf,
    facts: PathBuf,
    classes: PathBuf,
}

/// What a node is told. The names are those of the file's keys.
#[derive(Serialize)]
struct NodeConfig<'a> {
    identity: &'a str,
    collectives: [&'a str; 1],
    main_collective: &'a str,
    status_file: &'a Path,
    facts_file: &'a Path,
    classes_file: &'a Path,
    broker: Broker<'a>,
    security: Security<'a>,
    backends: Backends,
}

#[derive(Serialize)]
struct Broker<'a> {
    servers: &'a [String],
    tls: &'a TlsFiles,
}

/// One table within: a node speaks one protocol.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Security<'a> {
    V1(V1<'a>),
    V2(V2<'a>),
}

#[derive(Serialize)]
struct V1<'a> {
    ca: &'a Path,
}

#[derive(Serialize)]
struct V2<'a> {
    token: &'a Path,
    seed: &'a Path,
    /// Public keys by the organisation that tokens name.
    issuers: BTreeMap<&'a str, &'a str>,
}

#[derive(Serialize)]
struct Backends {
    /// Packages, services and Puppet are pretended: a lab leaves the machine alone.
    simulated: bool,
}

/// What a node speaks.
#[derive(Clone, Debug)]
pub(crate) enum Protocol {
    /// Certificates; the collective `mcollective`.
    V1,
    /// Tokens; the collective `choria`.
    V2 {
        /// Its own.
        credentials: ServerCredentials,
        /// The public key of the issuer of callers' tokens, 64 hex digits.
        issuer: String,
    },
}

/// One node.
pub(crate) struct Node<'a> {
    pub(crate) identity: &'a str,
    pub(crate) region: &'a str,
    /// Counted from 1.
    pub(crate) number: usize,
    pub(crate) servers: &'a [String],
    pub(crate) tls: &'a TlsFiles,
    pub(crate) protocol: &'a Protocol,
}

impl Protocol {
    /// The collective of nodes that speak it: Choria's default.
    fn collective(&self) -> &'static str {
        match self {
            Self::V1 => names::COLLECTIVE_V1,
            Self::V2 { .. } => names::COLLECTIVE_V2,
        }
    }
}

impl Node<'_> {
    /// Writes its files into `folder`; the state of an earlier life is removed.
    pub(crate) fn write(&self, folder: &Path) -> io::Result<NodeFiles> {
        let file = |ending: &str| folder.join(format!("{}{ending}", self.identity));
        let files = NodeFiles {
            config: file(".toml"),
            status: file(".json"),
            facts: file("-facts.json"),
            classes: file("-classes.txt"),
        };
        if files.status.exists() {
            fs::remove_file(&files.status)?;
        }
        let role = ROLES.iter().cycle().nth(self.number).expect("the cycle has no end");
        let facts = json!({
            "region": self.region,
            "role": role,
            "os": { "family": "Debian", "name": "Debian", "release": { "major": "13" } },
            "networking": { "fqdn": self.identity },
        });
        fs::write(&files.facts, format!("{facts:#}\n"))?;
        fs::write(&files.classes, format!("roles::{role}\nprofiles::base\n"))?;
        fs::write(&files.config, self.config(&files))?;
        Ok(files)
    }

    fn config(&self, files: &NodeFiles) -> String {
        let collective = self.protocol.collective();
        let config = NodeConfig {
            identity: self.identity,
            collectives: [collective],
            main_collective: collective,
            status_file: &files.status,
            facts_file: &files.facts,
            classes_file: &files.classes,
            broker: Broker { servers: self.servers, tls: self.tls },
            security: self.security(),
            backends: Backends { simulated: true },
        };
        toml::to_string(&config).expect("texts, lists and tables are TOML")
    }

    fn security(&self) -> Security<'_> {
        match self.protocol {
            Protocol::V1 => Security::V1(V1 { ca: &self.tls.ca }),
            Protocol::V2 { credentials, issuer } => Security::V2(V2 {
                token: &credentials.token,
                seed: &credentials.seed,
                issuers: [(ORGANISATION, issuer.as_str())].into(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a node of this protocol is told, and its facts.
    fn written(protocol: &Protocol) -> (toml::Table, serde_json::Value) {
        let folder = tempfile::tempdir().unwrap();
        let tls = TlsFiles { certificate: "/c".into(), key: "/k".into(), ca: "/ca".into() };
        let servers = ["nats://localhost:4222".to_owned()];
        let identity = "n1.eu.example.net";
        let (region, number) = ("eu", 1);
        let node = Node { identity, region, number, servers: &servers, tls: &tls, protocol };
        let files = node.write(folder.path()).unwrap();
        let config = fs::read_to_string(&files.config).unwrap().parse().unwrap();
        (config, serde_json::from_slice(&fs::read(&files.facts).unwrap()).unwrap())
    }

    fn assert_holds(config: &toml::Table, expected: &str) {
        for (key, value) in expected.parse::<toml::Table>().unwrap() {
            assert_eq!(config.get(&key), Some(&value), "{key}");
        }
    }

    #[test]
    fn a_node_gets_everything_it_needs_to_answer() {
        let (config, facts) = written(&Protocol::V1);
        let expected = r#"
            identity = "n1.eu.example.net"
            collectives = ["mcollective"]
            main_collective = "mcollective"
            [broker]
            servers = ["nats://localhost:4222"]
            tls = { certificate = "/c", key = "/k", ca = "/ca" }
            [security.v1]
            ca = "/ca"
            [backends]
            simulated = true
        "#;
        assert_holds(&config, expected);
        assert_eq!(facts["region"], "eu");
    }

    #[test]
    fn a_node_of_protocol_v2_has_a_token_and_knows_the_issuer() {
        let credentials = ServerCredentials { token: "/t".into(), seed: "/s".into() };
        let (config, _) = written(&Protocol::V2 { credentials, issuer: "00ff".to_owned() });
        let expected = r#"
            collectives = ["choria"]
            main_collective = "choria"
            [security.v2]
            token = "/t"
            seed = "/s"
            issuers = { choria = "00ff" }
        "#;
        assert_holds(&config, expected);
    }
}
