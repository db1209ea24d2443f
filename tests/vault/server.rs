//! An OpenBao with TLS, an audit log, and a PKI set up as for operators.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use antiphon_identity::{
    CredentialFiles, Credentials, IdentityError,
    vault::{KeyType, SecretId, Subject, VaultConfig},
};
use antiphon_lab::{
    pki::{Pki, Profile},
    ports, wait,
};
use antiphon_tests::workspace_root;
use serde_json::Value;
use tempfile::TempDir;

/// How long anything may take before a test gives up on it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// The gateway that tests are.
pub(crate) const URI: &str = "antiphon://acme/eu/eu-1";
/// Its role of the PKI, and its AppRole.
pub(crate) const ROLE: &str = "antiphon-gateway-eu";

/// A server; it ends with this.
pub(crate) struct Bao {
    folder: TempDir,
    port: u16,
    process: Child,
    root: String,
    unseal: String,
    /// Where commands are run from now on.
    pub(crate) namespace: Option<String>,
}

impl Bao {
    /// Starts one, unseals it and sets up the fabric `acme` with the region `eu`.
    pub(crate) async fn up() -> Self {
        let bao = Self::bare().await;
        bao.set_up(&["--fabric", "acme", "--region", "eu:gw.eu.example.net"]);
        bao
    }

    /// Starts one and unseals it.
    pub(crate) async fn bare() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pki = Pki::create(&folder.path().join("tls")).unwrap();
        pki.issue(&[Profile::broker("bao")], &|_| ()).unwrap();
        let (port, process) = start(folder.path(), &pki);
        let (root, unseal) = (String::new(), String::new());
        let mut bao = Self { folder, port, process, root, unseal, namespace: None };
        // Another may have taken a port between its choice and its use.
        let mut attempts = 1;
        while !bao.answers().await {
            let taken = bao.log().contains("address already in use");
            assert!(taken && attempts < ports::ATTEMPTS, "{}", bao.log());
            attempts += 1;
            (bao.port, bao.process) = start(bao.folder(), &pki);
        }
        let made =
            bao.run(&["operator", "init", "-key-shares=1", "-key-threshold=1", "-format=json"]);
        let made: Value = serde_json::from_str(&made).unwrap();
        bao.root = made["root_token"].as_str().unwrap().to_owned();
        bao.unseal = made["unseal_keys_b64"][0].as_str().unwrap().to_owned();
        bao.unseal().await;
        bao
    }

    pub(crate) async fn unseal(&self) {
        self.run(&["operator", "unseal", &self.unseal]);
        // Unsealed is not yet active.
        let active = wait::until(PATIENCE, async || {
            self.command(&["secrets", "list"]).output().unwrap().status.success().then_some(())
        });
        assert!(active.await.is_some(), "{}", self.log());
    }

    pub(crate) fn seal(&self) {
        self.run(&["operator", "seal"]);
    }

    /// Ends it as a crash does.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Runs `deploy/vault/setup`, and gives what it says.
    pub(crate) fn set_up(&self, arguments: &[&str]) -> String {
        said(self.set_up_by(Path::new(&program()), arguments))
    }

    /// The same with another program in the place of `bao`.
    pub(crate) fn set_up_by(&self, program: &Path, arguments: &[&str]) -> Output {
        let mut command = Command::new(workspace_root().join("deploy/vault/setup"));
        command.args(arguments).env("VAULT", program);
        self.told(&mut command).output().unwrap()
    }

    /// A script in the place of `bao`, which finds that as `$bao`.
    pub(crate) fn instead(&self, script: &str) -> PathBuf {
        let file = self.folder().join("instead");
        fs::write(&file, format!("#!/usr/bin/env bash\nbao='{}'\n{script}\n", program())).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        file
    }

    /// Runs `bao` as root, and gives what it says.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        said(self.command(arguments).output().unwrap())
    }

    /// The same, not run yet.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.args(arguments);
        self.told(&mut command);
        command
    }

    /// A client's settings, with a secret id in a file.
    pub(crate) fn config(&self) -> VaultConfig {
        let secret = self.run(&["write", "-f", "-field=secret_id", &self.approle("secret-id")]);
        self.config_with(&secret, false)
    }

    pub(crate) fn config_with(&self, secret: &str, wrapped: bool) -> VaultConfig {
        let file = self.folder().join("secret-id");
        fs::write(&file, secret).unwrap();
        let role_id = self.run(&["read", "-field=role_id", &self.approle("role-id")]);
        VaultConfig {
            address: self.address().parse().unwrap(),
            namespace: None,
            ca: Some(self.ca()),
            auth_mount: "approle".to_owned(),
            role_id: role_id.trim().to_owned(),
            secret_id: Some(SecretId { file, wrapped }),
            mount: "pki".to_owned(),
            role: ROLE.to_owned(),
            subject: Subject { uris: vec![URI.to_owned()], ..Subject::default() },
            ttl: None,
            key_type: KeyType::EcdsaP256,
        }
    }

    /// What the AppRole of tests has under `what`.
    pub(crate) fn approle(&self, what: &str) -> String {
        format!("auth/approle/role/{ROLE}/{what}")
    }

    pub(crate) fn address(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.folder().join("tls/ca.pem")
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where a test has its certificates.
    pub(crate) fn files(&self) -> CredentialFiles {
        let file = |name: &str| self.folder().join("gateway").join(name);
        CredentialFiles::new(file("gw.pem"), file("gw-key.pem"), file("ca.pem"))
    }

    /// Every request and answer, in the clear.
    pub(crate) fn audit(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.folder().join("audit.log")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// How often something was asked for.
    pub(crate) fn asked(&self, path: &str) -> usize {
        let asked = |line: &&Value| line["type"] == "request" && line["request"]["path"] == path;
        self.audit().iter().filter(asked).count()
    }

    fn told<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env("BAO_NAMESPACE", self.namespace.as_deref().unwrap_or_default())
            .env("VAULT_ADDR", self.address())
            .env("BAO_ADDR", self.address())
            .env("BAO_CACERT", self.ca())
            .env("VAULT_TOKEN", &self.root)
            .env("BAO_TOKEN", &self.root)
            .env("HOME", self.folder())
    }

    /// Whether the server says how it is, before it ends or time is up.
    async fn answers(&mut self) -> bool {
        let answered = wait::until(PATIENCE, async || {
            let status = self.command(&["status", "-format=json"]).output().unwrap();
            let answered = String::from_utf8_lossy(&status.stdout).contains("initialized");
            (answered || self.process.try_wait().unwrap().is_some()).then_some(answered)
        });
        answered.await.unwrap_or_default()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder().join("log")).unwrap_or_default()
    }
}

impl Drop for Bao {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// Any certificate will do.
pub(crate) fn any(_: &Credentials) -> Result<(), IdentityError> {
    Ok(())
}

fn program() -> String {
    std::env::var("OPENBAO").expect("OPENBAO names the program: make test-vault sets it")
}

/// Gives the port that it listens on.
fn start(folder: &Path, pki: &Pki) -> (u16, Child) {
    // Of its own accord it takes the next port for its cluster, which another test may have been given.
    let (port, cluster) = (ports::free().unwrap(), ports::free().unwrap());
    let (tls, shown) = (pki.files("bao"), folder.display());
    let (certificate, key) = (tls.certificate.display(), tls.key.display());
    let config = format!(
        r#"
storage "inmem" {{}}
listener "tcp" {{
  address = "127.0.0.1:{port}"
  cluster_address = "127.0.0.1:{cluster}"
  tls_cert_file = "{certificate}"
  tls_key_file = "{key}"
}}
audit "file" "test" {{
  options {{
    file_path = "{shown}/audit.log"
    log_raw = "true"
  }}
}}
api_addr = "https://localhost:{port}"
"#
    );
    fs::write(folder.join("server.hcl"), config).unwrap();
    let log = fs::File::create(folder.join("log")).unwrap();
    let mut command = Command::new(program());
    command.arg("server").arg("-config").arg(folder.join("server.hcl"));
    command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    (port, command.spawn().unwrap())
}

pub(crate) fn said(output: Output) -> String {
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    out.into_owned()
}
