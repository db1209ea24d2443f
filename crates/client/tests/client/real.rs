//! Whole commands against a real nats-server with mutual TLS: for what the in-memory broker cannot show.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use antiphon_broker::{Broker, BrokerConfig, TlsOptions};
use antiphon_client::cli::{PingArgs, ReqArgs};
use antiphon_client::render::Style;
use antiphon_client::{Console, Environment};
use antiphon_identity::Credentials;
use antiphon_identity::tls::broker_client_config;
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::signing::{Parse as _, server_certificate};
use crate::support::{Log, Written, good, node, vectors};

/// A nats-server of our own, ended when dropped.
struct Server {
    process: Child,
    folder: TempDir,
    port: u16,
}

impl Server {
    /// Starts one that demands a certificate of the test CA.
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = server_certificate();
        std::fs::write(folder.path().join("server.pem"), certificate).unwrap();
        std::fs::write(folder.path().join("server-key.pem"), key).unwrap();
        let here = folder.path().display();
        let ca = vectors().join("keys/ca.pem");
        let text = format!(
            "listen: \"127.0.0.1:-1\"\nports_file_dir: \"{here}\"\n\
             tls {{ cert_file: \"{here}/server.pem\", key_file: \"{here}/server-key.pem\", ca_file: \"{}\", verify: true }}\n",
            ca.display()
        );
        let config = folder.path().join("nats.conf");
        std::fs::write(&config, text).unwrap();
        let process = Command::new(nats_server())
            .arg("-c")
            .arg(config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let port = port(folder.path(), process.id());
        Self { process, folder, port }
    }

    /// Alice's configuration, in Choria's format.
    fn client_config(&self) -> PathBuf {
        let keys = vectors().join("keys");
        let keys = keys.display();
        let text = format!(
            "identity = shell1.example.net\ncollectives = mcollective\ndiscovery_timeout = 2\n\
             plugin.choria.middleware_hosts = localhost:{}\nplugin.security.provider = file\n\
             plugin.security.file.certificate = {keys}/alice.mcollective.pem\n\
             plugin.security.file.key = {keys}/alice.mcollective-key.pem\n\
             plugin.security.file.ca = {keys}/ca.pem\n",
            self.port
        );
        let path = self.folder.path().join("client.conf");
        std::fs::write(&path, text).unwrap();
        path
    }

    /// A connection of node n1's.
    fn connect_node(&self, shutdown: &CancellationToken) -> Broker {
        let keys = vectors().join("keys");
        let own = Credentials::from_files(
            &keys.join("n1.example.net.pem"),
            &keys.join("n1.example.net-key.pem"),
            &keys.join("ca.pem"),
        )
        .unwrap();
        let url = format!("nats://localhost:{}", self.port).parse().unwrap();
        let mut config = BrokerConfig::new(vec![url], "n1.example.net");
        let tls = broker_client_config(own.trust(), Some(&own));
        config.tls = Some(TlsOptions::fixed(Arc::new(tls)));
        antiphon_broker::connect(config, shutdown.clone()).unwrap()
    }
}

impl Server {
    /// Ends the process; the folder stays.
    fn stop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

fn nats_server() -> PathBuf {
    let named = std::env::var_os("NATS_SERVER").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = std::env::split_paths(&path).map(|folder| folder.join("nats-server"));
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let cached = home.join(".cache/antiphon/nats-server");
    named
        .into_iter()
        .chain(in_path)
        .chain([cached])
        .find(|candidate| candidate.is_file())
        .expect("this test needs nats-server: `make nats-server` fetches it, or set NATS_SERVER")
}

/// The port that the server chose, from the file that it writes.
fn port(folder: &Path, pid: u32) -> u16 {
    let file = folder.join(format!("nats-server_{pid}.ports"));
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        if let Ok(ports) = serde_json::from_str::<Value>(&text) {
            let url = ports["nats"][0].as_str().unwrap();
            return url.rsplit(':').next().unwrap().parse().unwrap();
        }
        assert!(Instant::now() < deadline, "nats-server does not start");
        std::thread::yield_now();
    }
}

/// A console, and what is written to it.
fn console() -> (Console, Written, Written) {
    let (out, err) = (Written::default(), Written::default());
    let console = Console {
        out: Box::new(out.clone()),
        err: Box::new(err.clone()),
        input: Box::new(std::io::empty()),
        style: Style::Plain,
        progress: false,
        stop: CancellationToken::new(),
    };
    (console, out, err)
}

fn environment() -> Environment {
    let name = ("MCOLLECTIVE_CERTNAME".to_owned(), "alice.mcollective".to_owned());
    Environment::new([name], "/nonexistent".into())
}

fn code(exit: ExitCode) -> String {
    format!("{exit:?}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ping_and_req_reach_a_node_through_a_real_broker() {
    let (server, log, shutdown) = (Server::start(), Log::default(), CancellationToken::new());
    node(server.connect_node(&shutdown), "n1.example.net", good, &log).await;
    let config = server.client_config();
    let config = config.to_str().unwrap();

    let (mut ping_console, out, err) = console();
    let ping = PingArgs::parse(&["--config", config, "--expect", "1"]);
    let exit = ping.run(&mut ping_console, &environment()).await;
    assert_eq!(code(exit), code(ExitCode::SUCCESS), "{}", err.text());
    assert!(out.text().starts_with("n1.example.net  "), "{}", out.text());

    let (mut req_console, out, err) = console();
    let req = ReqArgs::parse(&[
        "--config",
        config,
        "rpcutil",
        "ping",
        "--discovery-window",
        "-o",
        "json",
    ]);
    let exit = req.run(&mut req_console, &environment()).await;
    assert_eq!(code(exit), code(ExitCode::SUCCESS), "{}", err.text());
    let json: Value = serde_json::from_str(&out.text()).unwrap();
    assert_eq!(json["replies"][0]["data"]["pong"], 1_795_489_910);
    shutdown.cancel();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_ping_still_shows_its_statistics() {
    let (server, log, shutdown) = (Server::start(), Log::default(), CancellationToken::new());
    node(server.connect_node(&shutdown), "n1.example.net", good, &log).await;
    let config = server.client_config();
    let (mut console, out, err) = console();
    let (stop, seen) = (console.stop.clone(), out.clone());
    tokio::spawn(async move {
        while seen.text().is_empty() {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    });

    let line = ["--config", config.to_str().unwrap(), "--timeout", "300"];
    let exit = PingArgs::parse(&line).run(&mut console, &environment()).await;

    assert_eq!(code(exit), code(ExitCode::SUCCESS), "{}", err.text());
    assert!(out.text().contains("\n1 replies max: "), "{}", out.text());
    shutdown.cancel();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_not_there_is_named() {
    let mut server = Server::start();
    let config = server.client_config();
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text + "plugin.choria.network.connect_timeout = 1s\n").unwrap();
    let (mut console, _, err) = console();
    let ping = PingArgs::parse(&["--config", config.to_str().unwrap()]);
    let port = server.port;
    server.stop();

    let exit = ping.run(&mut console, &environment()).await;

    assert_eq!(code(exit), code(ExitCode::from(2)));
    let start = format!("error: cannot connect to nats://localhost:{port} within 1s: ");
    assert!(err.text().starts_with(&start), "{}", err.text());
    assert_eq!(err.text().lines().count(), 1);
}
