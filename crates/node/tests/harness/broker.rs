//! A nats-server with mutual TLS, and the certificates to reach it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::Value;
use tempfile::TempDir;

use super::vectors;

/// A running server; it ends with this value.
pub(crate) struct NatsServer {
    process: Child,
    pub(crate) port: u16,
    pub(crate) folder: TempDir,
}

impl NatsServer {
    /// Starts one on a free port. Certificates for `names` are put beside its own.
    pub(crate) async fn start(names: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        issue(folder.path(), names);
        let file = |name: &str| folder.path().join(name).display().to_string();
        let config = format!(
            "listen: \"127.0.0.1:-1\"\nports_file_dir: {:?}\n\
             tls {{ cert_file: {:?}, key_file: {:?}, ca_file: {:?}, verify: true }}\n",
            folder.path(),
            file("localhost.pem"),
            file("localhost-key.pem"),
            file("ca.pem"),
        );
        let path = folder.path().join("nats.conf");
        std::fs::write(&path, config).unwrap();
        let log = std::fs::File::create(folder.path().join("nats.log")).unwrap();
        let process = Command::new(program())
            .arg("-c")
            .arg(path)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut server = Self { process, port: 0, folder };
        let ports = server.file(&format!("nats-server_{}.ports", server.pid()));
        let listens = || {
            server.port = told(&ports).unwrap_or_default();
            server.port != 0
        };
        super::wait_for("the broker listening", listens).await;
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://localhost:{}", self.port)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        let _ended = self.process.kill().and_then(|()| self.process.wait());
    }
}

/// The port for clients in the file in which a server tells where it listens.
fn told(file: &Path) -> Option<u16> {
    let ports: Value = serde_json::from_slice(&std::fs::read(file).ok()?).ok()?;
    ports.pointer("/nats/0")?.as_str()?.rsplit(':').next()?.parse().ok()
}

/// `$NATS_SERVER`, else `PATH`, else the project's cache.
fn program() -> PathBuf {
    if let Some(program) = std::env::var_os("NATS_SERVER") {
        return program.into();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join("nats-server"));
    let cached = std::env::home_dir().map(|home| home.join(".cache/antiphon/nats-server"));
    on_path.chain(cached).find(|file| file.is_file()).expect(
        "no nats-server: set NATS_SERVER, put one on PATH, or `go install github.com/nats-io/nats-server/v2@latest`",
    )
}

/// A CA, a certificate for `localhost`, and one for each name.
fn issue(folder: &Path, names: &[&str]) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "Test CA");
    let key = KeyPair::generate().unwrap();
    let ca = params.self_signed(&key).unwrap();
    std::fs::write(folder.join("ca.pem"), ca.pem()).unwrap();
    let issuer = Issuer::new(params, key);
    for name in names.iter().chain(&["localhost"]) {
        let key = key_of(name);
        let mut params = CertificateParams::new(vec![(*name).to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, *name);
        let certificate = params.signed_by(&key, &issuer).unwrap();
        std::fs::write(folder.join(format!("{name}.pem")), certificate.pem()).unwrap();
        std::fs::write(folder.join(format!("{name}-key.pem")), key.serialize_pem()).unwrap();
    }
}

/// The recorded node has its RSA key, with which it signs requests of its own; others get one.
fn key_of(name: &str) -> KeyPair {
    match std::fs::read_to_string(vectors::key(&format!("{name}-key.pem"))) {
        Ok(key) => KeyPair::from_pem(&key).unwrap(),
        Err(_) => KeyPair::generate().unwrap(),
    }
}
