//! Many nodes in one process.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod harness;

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::time::Duration;

use antiphon_node::{Clock, Emulation, NodeConfig, Server};
use harness::broker::NatsServer;
use harness::client::{CLIENT, Client};
use harness::nodes::{N1, write_config};
use harness::vectors;

const NODES: usize = 2000;

/// What 2000 nodes may take.
const RESIDENT_KIB_MAX: u64 = 200 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_nodes_each_answer_a_ping_in_little_memory() {
    let ping = &vectors::messages("v1-ping.json")[0];
    let at = Duration::from_millis(ping.at_ms);
    let server = NatsServer::start(&[N1, CLIENT]).await;
    let mut client = Client::connect(&server, &["mcollective.reply.>", "choria.lifecycle.>"]).await;
    let config = NodeConfig::load(&write_config(&server, "backends.simulated = true")).unwrap();
    let emulation = Emulation { nodes: NonZeroUsize::new(NODES).unwrap(), connections: None };
    let nodes = Server::emulate(&config, emulation, Clock::new(move || at)).await.unwrap();
    let mut started = 0;
    while started < NODES {
        started += usize::from(client.next().await.subject.contains(".startup."));
    }

    client.publish(&ping.subject, ping.payload.clone()).await;
    let mut names = BTreeSet::new();
    while names.len() < NODES {
        let pong = client.next().await;
        if pong.subject.contains(".lifecycle.") {
            continue; // Some of them say that they are alive.
        }
        assert_eq!(pong.body(), "pong");
        assert!(
            names.insert(pong.transport().sender().unwrap().to_owned()),
            "an answer came twice"
        );
    }
    assert!(names.contains("n1-1.example.net") && names.contains("n1-2000.example.net"));
    let resident = resident_kib();
    assert!(resident < RESIDENT_KIB_MAX, "{resident} KiB");
    nodes.stop_token().cancel();
    nodes.join().await.unwrap();
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
