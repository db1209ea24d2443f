//! The four ways from a client on one broker to nodes on another.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    time::Duration,
};

use antiphon_lab::{
    Lab, Options, Relayed, http,
    nats::{self, Cluster, ClusterOptions},
    pki::{Pki, Profile, TlsFiles},
    ports,
    process::Life,
    relay::{Direction, Relay},
    wait,
};
use antiphon_tests::program;
use tempfile::TempDir;

use crate::process::Watched;

/// Bytes that may wait in a broker for one client, everywhere: bursts must fit.
const PENDING_BYTES: u64 = 1 << 30;
const PATIENCE: Duration = Duration::from_secs(30);

/// The four ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Flat,
    Gateways,
    Leaf,
    Fabric,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Flat, Self::Gateways, Self::Leaf, Self::Fabric];

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Flat => "flat",
            Self::Gateways => "nats-gateways",
            Self::Leaf => "leaf-node-s2",
            Self::Fabric => "fabric",
        }
    }
}

/// What the two sides are joined by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A connection of their own.
    Direct,
    /// A relay in this process, which counts bytes and delays them.
    Relayed,
}

/// One of them, running.
pub(crate) struct Place {
    pub(crate) client_url: String,
    pub(crate) nodes_url: String,
    /// The client's and the nodes' certificate.
    pub(crate) tls: TlsFiles,
    /// Everything between client and nodes.
    pub(crate) watched: Vec<Watched>,
    pub(crate) clusters: Vec<Cluster>,
    pub(crate) lab: Option<Lab>,
    relays: Vec<Relay>,
    _pki: Option<Pki>,
    _folder: Option<TempDir>,
}

impl Place {
    pub(crate) async fn up(kind: Kind, line: Line) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let place = match kind {
            Kind::Flat => flat(folder.path()).await,
            Kind::Gateways => gateways(line, folder.path()).await,
            Kind::Leaf => leaf(line, folder.path()).await,
            Kind::Fabric => fabric(line, folder.path()).await,
        };
        Self { _folder: Some(folder), ..place }
    }

    /// Lets the long-distance link take so long each way, from here on.
    pub(crate) fn set_delay(&self, delay: Duration) {
        for relay in self.relays() {
            relay.set_delay(Direction::Forward, delay);
            relay.set_delay(Direction::Backward, delay);
        }
    }

    /// Bytes that have crossed the long-distance link, both ways.
    pub(crate) fn link_bytes(&self) -> u64 {
        let both =
            |relay: &Relay| relay.bytes(Direction::Forward) + relay.bytes(Direction::Backward);
        self.relays().into_iter().map(both).sum()
    }

    pub(crate) fn relays(&self) -> Vec<&Relay> {
        match &self.lab {
            Some(lab) => lab.link_relays("eu", "us"),
            None => self.relays.iter().collect(),
        }
    }

    /// Where the client's broker is monitored.
    pub(crate) fn monitor(&self, cluster: usize) -> SocketAddr {
        let url = self.clusters[cluster].monitors().remove(0);
        let port = url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
        SocketAddr::from((Ipv4Addr::LOCALHOST, port))
    }

    fn of(pki: Pki, clusters: Vec<Cluster>, relays: Vec<Relay>) -> Self {
        let url = |cluster: &Cluster| cluster.urls().remove(0);
        Self {
            client_url: url(&clusters[0]),
            nodes_url: url(clusters.last().expect("one at least")),
            tls: pki.files("alice.mcollective"),
            watched: clusters.iter().flat_map(watched).collect(),
            clusters,
            lab: None,
            relays,
            _pki: Some(pki),
            _folder: None,
        }
    }
}

fn watched(cluster: &Cluster) -> Vec<Watched> {
    let servers = cluster.servers().iter();
    let one = |server: &nats::Server| Watched {
        pid: server.process().pid().expect("it runs"),
        is_gateway: false,
    };
    servers.map(one).collect()
}

fn keys(folder: &Path) -> Pki {
    let pki = Pki::create(folder).expect("a certificate authority");
    let profiles = [Profile::broker("broker"), Profile::client("alice.mcollective")];
    pki.issue(&profiles, &|_| ()).expect("certificates");
    pki
}

async fn server(folder: &Path, pki: &Pki, name: &str, extra: String) -> Cluster {
    let options = ClusterOptions {
        program: nats::find().expect("a nats-server"),
        folder: folder.to_owned(),
        name: name.to_owned(),
        servers: 1,
        tls: Some(pki.files("broker")),
        ping_interval: None,
        max_pending: Some(PENDING_BYTES),
        advertise: true,
        extra,
        life: Life::Owned,
    };
    Cluster::start(&options).await.expect("it comes up")
}

async fn flat(folder: &Path) -> Place {
    let pki = keys(folder);
    let only = server(folder, &pki, "a", String::new()).await;
    Place::of(pki, vec![only], Vec::new())
}

/// Lines that name certificates, for links between servers.
fn tls(pki: &Pki) -> String {
    let files = pki.files("broker");
    format!(
        "tls {{ cert_file: {:?}, key_file: {:?}, ca_file: {:?}, timeout: 5 }}",
        files.certificate, files.key, files.ca
    )
}

/// A port that somebody will listen on, and the one at which others reach it.
struct Door {
    listens: u16,
    reached: u16,
    relay: Option<Relay>,
}

impl Door {
    async fn new(line: Line) -> Self {
        let listens = ports::free().expect("a port");
        match line {
            Line::Direct => Self { listens, reached: listens, relay: None },
            Line::Relayed => {
                let to = SocketAddr::from((Ipv4Addr::LOCALHOST, listens));
                let relay = Relay::start(to).await.expect("a relay");
                Self { listens, reached: relay.address().port(), relay: Some(relay) }
            }
        }
    }
}

/// Each server dials the other at its door, and tells of itself as being there.
async fn gateways(line: Line, folder: &Path) -> Place {
    let pki = keys(folder);
    let (a, b) = (Door::new(line).await, Door::new(line).await);
    let block = |name: &str, own: &Door, other: &str, there: &Door| {
        format!(
            "gateway {{\n name: {name}\n listen: \"127.0.0.1:{}\"\n advertise: \"localhost:{}\"\n {}\n \
             gateways: [ {{ name: {other}, urls: [\"nats://localhost:{}\"] }} ]\n}}\n",
            own.listens,
            own.reached,
            tls(&pki),
            there.reached,
        )
    };
    let one = server(folder, &pki, "a", block("a", &a, "b", &b)).await;
    let other = server(folder, &pki, "b", block("b", &b, "a", &a)).await;
    let relays = [a, b].into_iter().filter_map(|door| door.relay).collect();
    let place = Place::of(pki, vec![one, other], relays);
    for cluster in 0..2 {
        joined(place.monitor(cluster), "/gatewayz", "\"outbound_gateways\":{\"").await;
    }
    place
}

/// The nodes' server is a leaf of the client's, compressed as NATS does by itself from 10 ms on.
async fn leaf(line: Line, folder: &Path) -> Place {
    let pki = keys(folder);
    let door = Door::new(line).await;
    let tls = tls(&pki);
    let hub = format!(
        "leafnodes {{\n listen: \"127.0.0.1:{}\"\n compression: s2_fast\n {tls}\n}}\n",
        door.listens,
    );
    let remote = format!(
        "leafnodes {{ remotes: [ {{ urls: [\"tls://localhost:{}\"], compression: s2_fast, {tls} }} ] }}\n",
        door.reached,
    );
    let one = server(folder, &pki, "a", hub).await;
    let other = server(folder, &pki, "b", remote).await;
    let place = Place::of(pki, vec![one, other], door.relay.into_iter().collect());
    joined(place.monitor(0), "/leafz", "\"leafnodes\":1").await;
    place
}

async fn joined(monitor: SocketAddr, path: &str, sign: &str) {
    let seen = wait::until(PATIENCE, async || {
        let body = http::get(monitor, path).await?.body;
        let dense: String = body.split_whitespace().collect();
        dense.contains(sign).then_some(())
    });
    assert!(seen.await.is_some(), "{path} does not show {sign}");
}

/// Two regions with a gateway each.
async fn fabric(line: Line, folder: &Path) -> Place {
    let mut options = Options::new(&folder.join("lab"), &program());
    options.regions = 2;
    options.gateways = 1;
    options.nodes = 0;
    options.relayed = match line {
        Line::Direct => Relayed::Nothing,
        Line::Relayed => Relayed::Links,
    };
    options.broker_pending = Some(PENDING_BYTES);
    let lab = Lab::up(&options, std::sync::Arc::new(())).await.expect("a lab");
    let url = |region: &str| lab.region(region).expect("a region").broker().urls().remove(0);
    let gateways = lab.regions().iter().flat_map(antiphon_lab::Region::gateways);
    let mut all: Vec<Watched> =
        lab.regions().iter().flat_map(|region| watched(region.broker())).collect();
    all.extend(gateways.map(|gateway| Watched {
        pid: gateway.process().pid().expect("it runs"),
        is_gateway: true,
    }));
    Place {
        client_url: url("eu"),
        nodes_url: url("us"),
        tls: lab.pki().files("alice.mcollective"),
        watched: all,
        clusters: Vec::new(),
        lab: Some(lab),
        relays: Vec::new(),
        _pki: None,
        _folder: None,
    }
}
