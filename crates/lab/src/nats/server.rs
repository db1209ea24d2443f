//! One nats-server.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::NatsError;
use super::config::{Config, Ports};
use crate::process::{Process, ProcessError};

/// How long a server may take to come up on a busy machine.
const READY_LIMIT: Duration = Duration::from_secs(30);
/// How long it may take to greet a connection.
const GREETING_LIMIT: Duration = Duration::from_secs(2);

/// One server of a cluster. Dropping it kills it.
#[derive(Debug)]
pub struct Server {
    name: String,
    config: PathBuf,
    ports: Ports,
    process: Process,
}

/// The part of a server's greeting that tells servers apart.
#[derive(Deserialize)]
struct Info {
    server_name: String,
}

impl Server {
    pub(super) fn spawn(config: &Config<'_>) -> Result<Self, NatsError> {
        let (name, file) = (config.name(), config.file());
        fs::write(&file, config.text())
            .map_err(|source| NatsError::Write { path: file.clone(), source })?;
        let log = config.options.folder.join(format!("{name}.log"));
        let arguments = vec!["-c".into(), file.clone().into_os_string()];
        let process = Process::new(&name, &config.options.program, arguments, &log);
        let mut server = Self {
            name,
            config: file,
            ports: config.ports,
            process: process.with_life(config.options.life),
        };
        server.process.start()?;
        Ok(server)
    }

    /// Starts it again, after an end, in the same place; does nothing while it runs.
    ///
    /// # Errors
    /// It does not come up.
    pub async fn start(&mut self) -> Result<(), ProcessError> {
        self.process.start()?;
        self.ready().await
    }

    /// Waits until it accepts connections: our server, and no other on the same port.
    pub(super) async fn ready(&mut self) -> Result<(), ProcessError> {
        let (name, port) = (self.name.clone(), self.ports.client);
        let greeted = async || (greeting(port).await? == name).then_some(());
        self.process.ready(READY_LIMIT, "does not accept connections", greeted).await
    }

    /// Its name, as it tells clients.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where clients connect: `nats://localhost:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://localhost:{}", self.ports.client)
    }

    /// Where clients connect, on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.ports.client
    }

    /// Where it is monitored: `http://localhost:PORT`.
    #[must_use]
    pub fn monitor(&self) -> String {
        format!("http://localhost:{}", self.ports.monitor)
    }

    /// Its configuration file.
    #[must_use]
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// Its process, to pause, end or watch it.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Its process, to pause, end or watch it.
    pub fn process_mut(&mut self) -> &mut Process {
        &mut self.process
    }
}

/// The name of the server that greets on a port; `None` if none does.
async fn greeting(port: u16) -> Option<String> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    let mut line = String::new();
    let mut reader = BufReader::new(stream);
    timeout(GREETING_LIMIT, reader.read_line(&mut line)).await.ok()?.ok()?;
    let info: Info = serde_json::from_str(line.strip_prefix("INFO ")?).ok()?;
    Some(info.server_name)
}
