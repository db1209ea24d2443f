//! Every file of the example of three regions, read as its program reads it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use antiphon_client::config::{Config, Source};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType, string::Ia5String,
};
use tempfile::TempDir;

/// A machine's `/etc/antiphon` or `/etc/nats`, with certificates of the names that are needed.
struct Machine {
    folder: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { folder, issuer }
    }

    fn issue(&self, name: &str, dns: &str, uri: Option<&str>) {
        let mut params = CertificateParams::new(vec![dns.to_owned()]).unwrap();
        let uri = uri.map(|uri| SanType::URI(Ia5String::try_from(uri).unwrap()));
        params.subject_alt_names.extend(uri);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        fs::write(self.folder.path().join(format!("{name}.pem")), certificate.pem()).unwrap();
        let key_file = self.folder.path().join(format!("{name}-key.pem"));
        fs::write(&key_file, key.serialize_pem()).unwrap();
        private(&key_file);
    }

    /// Puts a file there, with the paths in it made those of this folder.
    fn put(&self, file: &Path) -> PathBuf {
        let here = self.folder.path().display().to_string();
        let text = fs::read_to_string(file).unwrap();
        let text = text.replace("/etc/antiphon", &here).replace("/etc/nats", &here);
        let path = self.folder.path().join(file.file_name().unwrap());
        fs::write(&path, text).unwrap();
        path
    }
}

#[test]
fn gateways_are_configured_without_a_problem() {
    let mut seen = 0;
    for (region, folder) in regions() {
        for number in [1, 2] {
            let gateway = format!("{region}-{number}");
            let machine = Machine::new();
            let uri = format!("antiphon://acme/{region}/{gateway}");
            let uri = (region != "us").then_some(uri.as_str());
            machine.issue("gateway", &format!("{gateway}.example.net"), uri);
            machine.put(&folder.join("policy.toml"));
            let file = machine.put(&folder.join(&gateway).join("gateway.toml"));
            let config = antiphon_gateway::config::check(&file).unwrap();
            assert_eq!(config.gateway.to_string(), gateway);
            assert_eq!(config.region.to_string(), region);
            seen += 1;
        }
    }
    assert_eq!(seen, 6);
}

#[test]
fn brokers_take_their_configuration() {
    let Some(server) = nats_server() else {
        panic!("nats-server is missing: run `make test`");
    };
    for (region, folder) in regions() {
        for number in [1, 2, 3] {
            let machine = Machine::new();
            machine.issue("server", &format!("broker{number}.{region}.example.net"), None);
            let file = machine.put(&folder.join(format!("broker{number}/nats-server.conf")));
            let tested = Command::new(&server).arg("-t").arg("-c").arg(&file).output().unwrap();
            let said = String::from_utf8_lossy(&tested.stderr);
            assert!(tested.status.success(), "{region} broker{number}: {said}");
        }
    }
}

#[test]
fn nodes_and_clients_are_configured_without_a_problem() {
    for (region, folder) in regions() {
        let machine = Machine::new();
        machine.issue("node", &format!("web1.{region}.example.net"), None);
        machine.issue("alice", "alice.mcollective", None);
        let node = machine.put(&folder.join("node.toml"));
        antiphon_node::config::NodeConfig::load(&node).unwrap();
        let client = Source::File(machine.put(&folder.join("client.toml")));
        Config::load(&client, &[], &antiphon_client::Environment::default()).unwrap();
    }
}

fn regions() -> Vec<(String, PathBuf)> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/examples/three-regions");
    ["eu", "us", "ap"].map(|region| (region.to_owned(), top.join(region))).into()
}

fn nats_server() -> Option<PathBuf> {
    antiphon_lab::nats::find().ok()
}

fn private(file: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
}
