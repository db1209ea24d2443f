//! Who listens, read from real servers, and what that spares the fabric.

use std::{collections::BTreeSet, time::Duration};

use antiphon_broker::{Monitors, SubscriptionId};
use antiphon_lab::wait;
use antiphon_tests::{Connection, Fabric, Nats, Peer, collectives, vector};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

const PATIENCE: Duration = Duration::from_secs(30);

fn monitors(urls: &[String]) -> Monitors {
    Monitors::new(urls.iter().map(|url| url.parse().unwrap()).collect(), None)
}

/// A connection with a few subscriptions, as small as it can be.
async fn listener(url: &str, subjects: &[String]) -> TcpStream {
    let mut stream = TcpStream::connect(url.trim_start_matches("nats://")).await.unwrap();
    let mut orders = "CONNECT {\"verbose\":false}\r\n".to_owned();
    for (sid, subject) in subjects.iter().enumerate() {
        orders += &format!("SUB {subject} {sid}\r\n");
    }
    stream.write_all((orders + "PING\r\n").as_bytes()).await.unwrap();
    let mut heard = Vec::new();
    while !heard.ends_with(b"PONG\r\n") {
        assert!(stream.read_buf(&mut heard).await.unwrap() > 0, "the server hung up");
    }
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_of_every_server_of_a_cluster_is_read() {
    let nats = Nats::start(|options| options.servers = 2).await;
    let urls = nats.cluster.urls();
    let mut wanted = BTreeSet::new();
    let mut listeners = Vec::new();
    for number in 0..1_300 {
        let url = if number < 1_200 { &urls[0] } else { &urls[1] };
        let subject = format!("mcollective.node.n{number}.example.net");
        listeners.push(listener(url, &[subject.clone(), "x.>".to_owned()]).await);
        wanted.insert(subject);
    }
    let all = nats.cluster.monitors();
    let mut found = BTreeSet::new();
    let coverage = monitors(&all)
        .read(|subject| {
            found.extend(subject.starts_with("mcollective.").then(|| subject.to_owned()));
        })
        .await;
    assert_eq!(found, wanted);
    assert_eq!((coverage.servers, coverage.problem), (2, None));
    let coverage = monitors(&all[..1]).read(|_| {}).await;
    assert!(coverage.problem.is_some_and(|one| one.contains("no monitor is configured")));
    let gone = ["http://localhost:9".to_owned(), all[0].clone(), all[1].clone()];
    let coverage = monitors(&gone).read(|_| {}).await;
    assert_eq!(coverage.servers, 2, "the others are read all the same");
    assert!(coverage.problem.is_some_and(|one| one.contains("localhost:9")));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_listens_to_exactly_a_subject_is_asked_of_every_server() {
    let nats = Nats::start(|options| options.servers = 2).await;
    let subject = "mcollective.broadcast.service.registry";
    let config = |index: usize| {
        let url = nats.cluster.urls()[index].parse().unwrap();
        let mut config = nats.config();
        (config.servers, config.discover) = (vec![url], false);
        config
    };
    let monitors = monitors(&nats.cluster.monitors());
    let mut gateway = Connection::open(config(0)).await;
    gateway.subscribe("mcollective.broadcast.service.*", Some("antiphon_lab")).await;
    gateway.settle().await;
    let (listeners, coverage) = monitors.listeners(subject).await;
    assert_eq!((listeners.len(), coverage.problem), (0, None), "wildcards are not meant");
    let mut service = Connection::open(config(1)).await;
    let _: SubscriptionId = service.subscribe(subject, Some("registry")).await;
    service.settle().await;
    let (listeners, _) = monitors.listeners(subject).await;
    assert_eq!(listeners[0].group, "registry");
}

/// Whether one gateway knows everything of every region.
async fn is_complete(gateway: &antiphon_lab::Gateway, regions: usize, nodes: usize) -> bool {
    let holdings = collectives(gateway).await;
    let of = holdings.iter().find(|one| one["collective"] == "mcollective");
    let regions_of = of.and_then(|one| one["regions"].as_array()).cloned().unwrap_or_default();
    let complete = |one: &&Value| {
        one["hints"]["complete"] == true && one["hints"]["identities"] == nodes as u64
    };
    regions_of.iter().filter(complete).count() == regions
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directed_request_goes_where_its_node_is() {
    let fabric = Fabric::up(|options| {
        options.gateway_settings = toml::from_str("[hints]\npoll = '1s'").unwrap();
    })
    .await;
    for gateway in fabric.gateways() {
        let known = wait::until(PATIENCE, async || is_complete(gateway, 3, 2).await.then_some(()));
        assert!(known.await.is_some(), "{}: {:?}", gateway.name(), collectives(gateway).await);
    }
    let us = fabric.lab.region("us").unwrap();
    let identity = us.nodes()[0].identities()[0].clone();
    let mut client = Peer::connect(&fabric.lab, "eu").await;
    let mut spies =
        [Peer::connect(&fabric.lab, "us").await, Peer::connect(&fabric.lab, "ap").await];
    let (_, request) = vector("v1-rpc-directed.json", 0);
    for spy in &mut spies {
        spy.subscribe("mcollective.node.>").await;
    }
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let [us, ap] = &mut spies;
    // One after the other: each gateway of the region takes some, and they keep no order together.
    client.publish(&format!("mcollective.node.{identity}"), request.clone()).await;
    let first = us.message(deadline).await.expect("it goes to us");
    assert!(first.subject.ends_with(&identity), "{}", first.subject);
    client.publish("mcollective.node.nobody.example.net", request).await;
    for spy in [&mut *us, &mut *ap] {
        let next = spy.message(deadline).await.expect("nobody is looked for everywhere");
        assert!(next.subject.ends_with("nobody.example.net"), "{}", next.subject);
    }
    fabric.conserved().await;
    // All that was published has been confirmed by then: a copy too many is on its way to a spy.
    for spy in [us, ap] {
        let soon = tokio::time::Instant::now() + Duration::from_millis(300);
        let more = spy.message(soon).await;
        assert!(more.is_none(), "{more:?}");
    }
}
