//! Nodes under test, whose clock the test sets.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use antiphon_node::{Clock, Node, NodeConfig, Refusal, Server};
use serde_json::{Value, json};

use super::broker::NatsServer;
use super::{vectors, wait_for};

/// The node of the recordings.
pub(crate) const N1: &str = "n1.example.net";

/// One running node.
pub(crate) struct TestNode {
    pub(crate) server: Server,
    clock: Arc<AtomicU64>,
}

/// The configuration of the recorded node, with `more` at its end.
pub(crate) fn write_config(server: &NatsServer, more: &str) -> PathBuf {
    let facts = json!({"country": "mt", "os": {"family": "Debian"}, "mem": 512});
    std::fs::write(server.file("facts.json"), facts.to_string()).unwrap();
    std::fs::write(server.file("classes.txt"), "one\n").unwrap();
    let ca = vectors::key("ca.pem");
    let text = format!(
        r#"
        identity = "{N1}"
        collectives = ["mcollective"]
        status_file = "status.json"
        facts_file = "facts.json"
        classes_file = "classes.txt"
        broker.servers = ["{}"]
        broker.tls = {{ certificate = "{N1}.pem", key = "{N1}-key.pem", ca = "ca.pem" }}
        security.v1.ca = {ca:?}
        {more}
        "#,
        server.url()
    );
    let path = server.file("node.toml");
    std::fs::write(&path, text).unwrap();
    path
}

impl TestNode {
    /// Starts a node of this configuration file, and waits until it listens.
    pub(crate) async fn start(config: PathBuf, at_ms: u64) -> Self {
        let clock = Arc::new(AtomicU64::new(at_ms));
        let read = clock.clone();
        let config = NodeConfig::load(&config).unwrap();
        let read = Clock::new(move || Duration::from_millis(read.load(Ordering::SeqCst)));
        let server = Server::start(vec![config], read).await.unwrap();
        Self { server, clock }
    }

    pub(crate) fn node(&self) -> &Arc<Node> {
        self.server.nodes().first().unwrap()
    }

    pub(crate) fn set_clock(&self, at_ms: u64) {
        self.clock.store(at_ms, Ordering::SeqCst);
    }

    /// Messages whose fate is known: answered or refused.
    pub(crate) fn finished(&self) -> u64 {
        let stats = self.node().stats();
        let refused: u64 = Refusal::ALL.into_iter().map(|refusal| stats.refusals(refusal)).sum();
        stats.counts().replies + refused
    }

    pub(crate) async fn wait_finished(&self, count: u64) {
        wait_for("an answer or a refusal", || self.finished() >= count).await;
    }

    pub(crate) async fn stop(self) {
        self.server.stop_token().cancel();
        self.server.join().await.unwrap();
    }
}

/// What the node's status file says.
pub(crate) fn status(server: &NatsServer) -> Value {
    serde_json::from_slice(&std::fs::read(server.file("status.json")).unwrap()).unwrap()
}

/// Writes a program in shell.
pub(crate) fn write_program(path: &Path, script: &str) {
    std::fs::write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}
