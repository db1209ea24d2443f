//! nats-server processes.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

/// How long a server may take to listen.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// A server of our own, ended with this value.
#[derive(Debug)]
pub(crate) struct NatsServer {
    process: Child,
    folder: TempDir,
    config: String,
    ports: Value,
}

impl NatsServer {
    /// Starts a server on free ports of 127.0.0.1; `config` is what its file says beside the client port.
    pub(crate) fn start(config: &str) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), config, -1)
    }

    /// Starts a member of a cluster, which knows the others by way of `seed`.
    pub(crate) fn start_member(name: &str, seed: Option<&Self>) -> Self {
        let routes = seed.map(|seed| format!("\"{}\"", seed.address("cluster")));
        let routes = routes.unwrap_or_default();
        let name = format!("server_name: {name}\n");
        let cluster = "name: c, host: 127.0.0.1, port: -1, no_advertise: false";
        Self::start(&format!("{name}cluster {{ {cluster}, routes: [{routes}] }}"))
    }

    fn start_in(folder: TempDir, config: &str, port: i32) -> Self {
        let ports = folder.path().join("ports");
        fs::remove_dir_all(&ports).ok();
        fs::create_dir(&ports).unwrap();
        let file = configure(folder.path(), config, port);
        let mut command = Command::new(binary());
        command.arg("-c").arg(&file).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().unwrap();
        let config = config.to_owned();
        let mut server = Self { process, folder, config, ports: Value::Null };
        server.ports = server.await_ports(&ports);
        server
    }

    /// The server writes its ports once it listens.
    fn await_ports(&mut self, folder: &Path) -> Value {
        let deadline = Instant::now() + START_TIMEOUT;
        while Instant::now() < deadline {
            let files = fs::read_dir(folder).unwrap().filter_map(Result::ok);
            let texts = files.filter_map(|file| fs::read_to_string(file.path()).ok());
            if let Some(ports) = texts.filter_map(|text| serde_json::from_str(&text).ok()).next() {
                return ports;
            }
            if let Ok(Some(status)) = self.process.try_wait() {
                panic!("nats-server ended with {status}: {}", self.log());
            }
            thread::yield_now();
        }
        panic!("nats-server does not listen: {}", self.log());
    }

    /// `nats://127.0.0.1:port`.
    pub(crate) fn url(&self) -> String {
        self.address("nats").replace("tls://", "nats://")
    }

    /// The port for clients.
    pub(crate) fn port(&self) -> u16 {
        self.url().rsplit(':').next().unwrap().parse().unwrap()
    }

    /// The first address of a kind, as the server tells it: `nats`, `monitoring`, `cluster`.
    pub(crate) fn address(&self, kind: &str) -> String {
        self.ports[kind][0].as_str().unwrap_or_else(|| panic!("{kind}: {}", self.ports)).to_owned()
    }

    /// Major and minor version of the servers.
    pub(crate) fn version() -> [u32; 2] {
        let output = Command::new(binary()).arg("--version").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (_, version) = text.trim().rsplit_once('v').unwrap();
        let mut numbers = version.split('.').map(|number| number.parse().unwrap());
        [numbers.next().unwrap(), numbers.next().unwrap()]
    }

    /// Ends the process at once.
    pub(crate) fn kill(&mut self) {
        self.process.kill().ok();
        self.process.wait().unwrap();
    }

    /// Starts it again on the port that it had.
    pub(crate) fn restart(mut self) -> Self {
        self.kill();
        let (port, config) = (i32::from(self.port()), self.config.clone());
        let folder = std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap());
        Self::start_in(folder, &config, port)
    }

    /// Makes it a lame duck.
    pub(crate) fn retire(&self) {
        self.signal("ldm");
    }

    /// Has it read another configuration.
    pub(crate) fn reload(&self, config: &str) {
        configure(self.folder.path(), config, -1);
        self.signal("reload");
    }

    fn signal(&self, name: &str) {
        let signal = format!("{name}={}", self.process.id());
        let status = Command::new(binary()).arg("--signal").arg(signal).status().unwrap();
        assert!(status.success());
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("nats.log")).unwrap_or_default()
    }
}

/// Writes a server's configuration; `config` is what it says beside where it listens.
fn configure(folder: &Path, config: &str, port: i32) -> PathBuf {
    let file = folder.join("nats.conf");
    let (log, ports) = (folder.join("nats.log"), folder.join("ports"));
    let own = format!("host: 127.0.0.1\nport: {port}\nports_file_dir: \"{}\"\n", ports.display());
    fs::write(&file, format!("{own}log_file: \"{}\"\n{config}\n", log.display())).unwrap();
    file
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// `$NATS_SERVER`, or the one on `PATH`, or the project's own.
fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("NATS_SERVER") {
        return path.into();
    }
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let home = std::env::var_os("HOME").unwrap_or_default();
    let own = Path::new(&home).join(".cache/antiphon");
    let folders = std::env::split_paths(&on_path).chain([own]);
    let mut found = folders.map(|folder| folder.join("nats-server")).filter(|file| file.is_file());
    found.next().expect(
        "these tests need nats-server: set NATS_SERVER, or put it on PATH or into ~/.cache/antiphon \
         (go install github.com/nats-io/nats-server/v2@latest, or apt-get install nats-server)",
    )
}
