//! A pair of gateways as fast as they go: whole daemons and a TLS link between them over a socket, all
//! in one process of their own; their brokers are channels, so that nothing else is measured.
//!
//! Replies of about 1 kB enter on one side and leave on the other, in order, as many at a time as a
//! window lets under way.

mod channel;

use std::{
    net::SocketAddr,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use antiphon_gateway::{Clock, Daemon, LinkWorld, OwnCertificates, World, config};
use antiphon_lab::{
    pki::{Pki, Profile, TlsFiles},
    ports, wait,
};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    time::{Instant, timeout},
};

use self::channel::{Channel, Count};
use crate::{message::Replies, process::Watched};

/// Replies under way at a time.
const WINDOW: u64 = 4096;
const PATIENCE: Duration = Duration::from_secs(30);
/// Where nodes of `us` answer.
const REPLY_SUBJECT: &str = "choria.federation.us.collective";

/// Measures for so many seconds, in a process of its own: its memory is nobody else's.
pub(crate) fn measure(seconds: u64) -> Value {
    let program = std::env::current_exe().expect("our own path");
    let child = Command::new(program)
        .args(["--pair-alone", &seconds.to_string()])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .expect("our own program starts");
    let failed = || json!({ "failed": child.status.to_string() });
    serde_json::from_slice(&child.stdout).unwrap_or_else(|_| failed())
}

/// The same, here.
pub(crate) async fn run(seconds: u64) -> Value {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let pki = Pki::create(&folder.path().join("pki")).expect("a certificate authority");
    let profiles =
        ["eu", "us"].map(|region| Profile::gateway("pair", region, &format!("{region}-1")));
    pki.issue(&profiles, &|_| ()).expect("certificates");
    let seed = ports::free().expect("a port");
    let near = Side::start(folder.path(), "eu", &pki.files("eu-1"), (seed, seed)).await;
    let other = ports::free().expect("a port");
    let far = Side::start(folder.path(), "us", &pki.files("us-1"), (other, seed)).await;
    for side in [&near, &far] {
        let linked = wait::until(PATIENCE, async || side.is_linked().await.then_some(()));
        assert!(linked.await.is_some(), "the pair does not find each other");
    }
    load(&near, &far, seconds).await
}

/// One gateway and its broker.
struct Side {
    daemon: Daemon,
    broker: Channel,
}

impl Side {
    async fn start(
        folder: &Path,
        region: &str,
        files: &TlsFiles,
        (listen, seed): (u16, u16),
    ) -> Self {
        let path = folder.join(format!("{region}.toml"));
        std::fs::write(&path, settings(folder, region, files, (listen, seed))).expect("a file");
        let config = config::check(&path).unwrap_or_else(|problems| panic!("{problems}"));
        let listener = TcpListener::bind(config.link.listen).await.expect("a free port");
        let (broker, channel) = Channel::open();
        let links = LinkWorld::Sockets(listener);
        let world = World {
            clock: Clock::system(),
            seed: listen.into(),
            broker,
            monitors: None,
            links,
            enrolment: None,
            certificates: OwnCertificates::default(),
        };
        let daemon = Daemon::start(config, world).await.expect("a gateway");
        Self { daemon, broker: channel }
    }

    async fn is_linked(&self) -> bool {
        let report = self.daemon.shell().report().await.expect("the gateway runs");
        report.core.joined && report.core.links.iter().any(|link| link.state == "up")
    }
}

fn settings(folder: &Path, region: &str, files: &TlsFiles, (listen, seed): (u16, u16)) -> String {
    let TlsFiles { certificate, key, ca } = files;
    let address = SocketAddr::from(([127, 0, 0, 1], listen));
    let socket = folder.join(format!("{region}.sock"));
    format!(
        "fabric = 'pair'\nregion = '{region}'\n\
         [broker]\nservers = ['nats://localhost:4222']\n\
         [link]\nlisten = '{address}'\nadvertise = 'localhost:{listen}'\nseeds = ['localhost:{seed}']\n\
         tls = {{ certificate = {certificate:?}, key = {key:?}, ca = {ca:?} }}\n\
         [export]\ncollectives = ['mcollective']\n[admin]\nlisten = 'unix:{}'\n",
        socket.display(),
    )
}

/// Replies for so long; then whatever is under way must arrive.
async fn load(near: &Side, far: &Side, seconds: u64) -> Value {
    let replies = Replies::new();
    let process = Watched { pid: std::process::id(), is_gateway: true };
    let (began, cpu) = (Instant::now(), process.cpu());
    let count = &near.broker.count;
    let (mut sent, mut samples) = (0, Vec::new());
    while began.elapsed() < Duration::from_secs(seconds) {
        while sent - count.arrived() < WINDOW {
            far.broker.deliver(REPLY_SUBJECT, replies.payload(sent)).await;
            sent += 1;
        }
        count.moved().await;
        if began.elapsed().as_secs() as usize > samples.len() {
            samples.push((count.arrived(), process.resident_mib()));
        }
    }
    let took = began.elapsed();
    let cpu = process.cpu() - cpu;
    let arrived = count.arrived();
    wait_for(count, sent).await;
    json!({
        "seconds": took.as_secs_f64(),
        "frames": arrived,
        "frames_a_second": arrived as f64 / took.as_secs_f64(),
        "payload_bytes": replies.bytes(),
        "lost": sent - count.arrived(),
        "out_of_turn": count.out_of_turn(),
        "cpu_s": cpu,
        "cpu_us_a_frame": cpu * 1e6 / arrived as f64,
        "slowest_second": slowest(&samples),
        "resident_mib": samples.iter().map(|(_, mib)| (mib * 10.0).round() / 10.0).collect::<Vec<_>>(),
        "brokers": "channels in the process",
        "link": "TLS 1.3 over a socket",
    })
}

async fn wait_for(count: &Arc<Count>, sent: u64) {
    while count.arrived() < sent {
        if timeout(PATIENCE, count.moved()).await.is_err() {
            return;
        }
    }
}

/// The fewest frames that arrived within one second.
fn slowest(samples: &[(u64, f64)]) -> u64 {
    let pairs = samples.windows(2).map(|pair| pair[1].0 - pair[0].0);
    pairs.min().unwrap_or_default()
}
