//! The configuration of a lab's node: TOML for `antiphon node run`, facts and classes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::json;

use crate::pki::TlsFiles;

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

#[derive(Serialize)]
struct Security<'a> {
    v1: V1<'a>,
}

#[derive(Serialize)]
struct V1<'a> {
    ca: &'a Path,
}

#[derive(Serialize)]
struct Backends {
    /// Packages, services and Puppet are pretended: a lab leaves the machine alone.
    simulated: bool,
}

/// One node of protocol v1, in the collective `mcollective`.
pub(crate) struct Node<'a> {
    pub(crate) identity: &'a str,
    pub(crate) region: &'a str,
    /// Counted from 1.
    pub(crate) number: usize,
    pub(crate) servers: &'a [String],
    pub(crate) tls: &'a TlsFiles,
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
        let config = NodeConfig {
            identity: self.identity,
            collectives: ["mcollective"],
            main_collective: "mcollective",
            status_file: &files.status,
            facts_file: &files.facts,
            classes_file: &files.classes,
            broker: Broker { servers: self.servers, tls: self.tls },
            security: Security { v1: V1 { ca: &self.tls.ca } },
            backends: Backends { simulated: true },
        };
        toml::to_string(&config).expect("texts, lists and tables are TOML")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_gets_everything_it_needs_to_answer() {
        let folder = tempfile::tempdir().unwrap();
        let tls = TlsFiles { certificate: "/c".into(), key: "/k".into(), ca: "/ca".into() };
        let servers = ["nats://localhost:4222".to_owned()];
        let node = Node {
            identity: "n1.eu.example.net",
            region: "eu",
            number: 1,
            servers: &servers,
            tls: &tls,
        };

        let files = node.write(folder.path()).unwrap();

        let config: toml::Table = fs::read_to_string(&files.config).unwrap().parse().unwrap();
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
        for (key, value) in expected.parse::<toml::Table>().unwrap() {
            assert_eq!(config.get(&key), Some(&value), "{key}");
        }
        let facts: serde_json::Value =
            serde_json::from_slice(&fs::read(&files.facts).unwrap()).unwrap();
        assert_eq!(facts["region"], "eu");
    }
}
