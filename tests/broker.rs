//! The broker adapter against real `nats-server`s, some of them far away.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "a test may say what it counted")]

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use antiphon_broker::{
    Auth, BrokerCommand, BrokerConfig, BrokerEvent, Operation, Publication, RefusedPublish, Secret,
    TlsOptions,
};
use antiphon_identity::{Credentials, tls};
use antiphon_lab::{
    pki::{Pki, Profile},
    relay::{Direction, Relay},
};
use antiphon_tests::{Connection, Nats};
use bytes::Bytes;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const SUBJECT: &str = "work.item";

/// A server reached through a relay that delays each direction.
async fn far(nats: &Nats, delay: Duration) -> (Relay, BrokerConfig) {
    let relay = Relay::start(nats.address()).await.unwrap();
    relay.set_delay(Direction::Forward, delay);
    relay.set_delay(Direction::Backward, delay);
    let server = format!("nats://127.0.0.1:{}", relay.address().port()).parse().unwrap();
    // What the cluster names would lead past the relay.
    let config = BrokerConfig { discover: false, ..BrokerConfig::new(vec![server], "far") };
    (relay, config)
}

fn note(seen: &mut BTreeMap<Bytes, u32>, payloads: Vec<Bytes>) {
    for payload in payloads {
        *seen.entry(payload).or_default() += 1;
    }
}

/// A server with mutual TLS, and a configuration whose certificate can be renewed.
async fn secured(
    folder: &std::path::Path,
) -> (Nats, Pki, BrokerConfig, watch::Sender<Arc<rustls::ClientConfig>>) {
    let pki = Pki::create(folder).unwrap();
    pki.issue(&[Profile::broker("server"), Profile::client("member")], &|_| {}).unwrap();
    let files = pki.files("server");
    let nats = Nats::start(|options| options.tls = Some(files)).await;
    let (renew, latest) = watch::channel(credentials(&pki));
    let mut config = nats.config();
    config.tls = Some(TlsOptions::renewed(latest));
    (nats, pki, config, renew)
}

fn credentials(pki: &Pki) -> Arc<rustls::ClientConfig> {
    let files = pki.files("member");
    let own = Credentials::from_files(&files.certificate, &files.key, &files.ca).unwrap();
    Arc::new(tls::broker_client_config(own.trust(), Some(&own)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_renewed_under_load_loses_and_doubles_nothing_of_a_lone_member() {
    const RENEWALS: u64 = 10;
    let folder = tempfile::tempdir().unwrap();
    let (_nats, pki, config, renew) = secured(folder.path()).await;
    let publisher = Connection::open(config.clone()).await;
    let mut lone = Connection::open(config).await;
    lone.subscribe(SUBJECT, Some("g")).await;
    lone.settle().await;
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let publishing = tokio::spawn(async move {
        let mut tick = tokio::time::interval(Duration::from_millis(1));
        let mut number = 0_u32;
        while !stopped.is_cancelled() {
            tick.tick().await;
            for _ in 0..5 {
                publisher.publish(SUBJECT, number.to_string()).await;
                number += 1;
            }
        }
        (publisher, number)
    });
    let mut seen = BTreeMap::new();
    for round in 1..=RENEWALS {
        renew.send_replace(credentials(&pki));
        while lone.broker.stats.handovers() < round {
            note(&mut seen, lone.settle().await);
        }
    }
    stop.cancel();
    let (mut publisher, published) = publishing.await.unwrap();
    publisher.settle().await;
    note(&mut seen, lone.settle().await);
    let doubled = seen.values().filter(|count| **count != 1).count();
    println!("{RENEWALS} renewals, {published} messages, {} taken, {doubled} doubled", seen.len());
    assert_eq!((seen.len(), doubled), (published as usize, 0));
    assert_eq!(lone.broker.stats.connects(), 1, "the shell saw one connection");
    assert!(publisher.broker.stats.handovers() > 0, "it publishes over others too");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_that_the_server_refuses_leaves_the_connection_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (_nats, _pki, config, renew) = secured(folder.path()).await;
    let mut member = Connection::open(config).await;
    member.subscribe(SUBJECT, Some("g")).await;
    member.settle().await;
    let strange = tempfile::tempdir().unwrap();
    let strange = Pki::create(strange.path()).unwrap();
    strange.issue(&[Profile::client("member")], &|_| {}).unwrap();
    renew.send_replace(credentials(&strange));
    member.until(|event| matches!(event, BrokerEvent::ConnectFailed { .. })).await;
    member.publish(SUBJECT, "still here").await;
    assert_eq!(member.settle().await, ["still here"]);
    assert_eq!((member.broker.stats.connects(), member.broker.stats.handovers()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_leaves_and_comes_back_under_load_loses_and_doubles_nothing() {
    const ROUNDS: u32 = 40;
    let nats = Nats::start(|_| {}).await;
    let (_relay, config) = far(&nats, Duration::from_millis(2)).await;
    let mut steady = Connection::open(config.clone()).await;
    steady.subscribe(SUBJECT, Some("g")).await;
    steady.settle().await;
    let mut fickle = Connection::open(config).await;
    let publisher = Connection::open(nats.config()).await;
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let publishing = tokio::spawn(async move {
        // A steady load, so that there is always something in flight when the member leaves.
        let mut tick = tokio::time::interval(Duration::from_millis(1));
        let mut count = 0_usize;
        while !stopped.is_cancelled() {
            tick.tick().await;
            for _ in 0..20 {
                publisher.publish(SUBJECT, count.to_string()).await;
                count += 1;
            }
        }
        (publisher, count)
    });
    let mut seen = BTreeMap::new();
    for _ in 0..ROUNDS {
        let id = fickle.subscribe(SUBJECT, Some("g")).await;
        note(&mut seen, fickle.settle().await);
        fickle.order(BrokerCommand::Unsubscribe { id }).await;
        let left = |event: &BrokerEvent| matches!(event, BrokerEvent::Unsubscribed { id: gone } if *gone == id);
        note(&mut seen, fickle.until(left).await.1);
    }
    stop.cancel();
    let (mut publisher, published) = publishing.await.unwrap();
    publisher.settle().await;
    note(&mut seen, steady.settle().await);
    assert_eq!(seen.len(), published);
    assert!(seen.values().all(|copies| *copies == 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_barrier_passes_when_the_server_has_everything() {
    let nats = Nats::start(|_| {}).await;
    let (_relay, config) = far(&nats, Duration::from_millis(5)).await;
    let mut listener = Connection::open(nats.config()).await;
    listener.subscribe(SUBJECT, None).await;
    listener.settle().await;
    let mut publisher = Connection::open(config).await;
    for number in 0..1000 {
        publisher.publish(SUBJECT, number.to_string()).await;
    }
    publisher.settle().await;
    assert_eq!(listener.settle().await.len(), 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_outlives_a_restart_of_the_server_and_nothing_is_buffered() {
    let mut nats = Nats::start(|_| {}).await;
    let mut connection = Connection::open(nats.config()).await;
    connection.subscribe(SUBJECT, None).await;
    connection.settle().await;
    nats.cluster.servers_mut()[0].process_mut().kill();
    connection.until(|event| matches!(event, BrokerEvent::Disconnected { .. })).await;
    connection.publish(SUBJECT, "lost").await;
    let refused = |event: &BrokerEvent| {
        matches!(event, BrokerEvent::PublishRefused { reason: RefusedPublish::Disconnected, .. })
    };
    connection.until(refused).await;
    nats.cluster.servers_mut()[0].start().await.unwrap();
    connection.until(|event| matches!(event, BrokerEvent::Connected(_))).await;
    connection.publish(SUBJECT, "kept").await;
    assert_eq!(connection.settle().await, ["kept"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_at_the_start_is_waited_for() {
    let mut nats = Nats::start(|_| {}).await;
    nats.cluster.servers_mut()[0].process_mut().kill();
    let mut connection = Connection::begin(nats.config());
    connection.until(|event| matches!(event, BrokerEvent::ConnectFailed { .. })).await;
    nats.cluster.servers_mut()[0].start().await.unwrap();
    connection.until(|event| matches!(event, BrokerEvent::Connected(_))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_followed_to_another_server() {
    let mut nats = Nats::start(|options| options.servers = 3).await;
    let one = nats.config().servers[..1].to_vec();
    let config = BrokerConfig { servers: one, ..nats.config() };
    let mut connection = Connection::open(config).await;
    nats.cluster.servers_mut()[0].process_mut().kill();
    connection.until(|event| matches!(event, BrokerEvent::Disconnected { .. })).await;
    let (event, _) = connection.until(|event| matches!(event, BrokerEvent::Connected(_))).await;
    let BrokerEvent::Connected(info) = event else { unreachable!() };
    assert_ne!(info.name, nats.cluster.servers()[0].name());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_holds_the_server_back_and_nothing_is_lost() {
    const MESSAGES: usize = 2_000;
    const BUDGET: usize = 64 * 1024;
    let nats = Nats::start(|_| {}).await;
    let config = BrokerConfig { intake_bytes_max: BUDGET, ..nats.config() };
    let mut slow = Connection::open(config).await;
    slow.subscribe(SUBJECT, None).await;
    slow.settle().await;
    let mut publisher = Connection::open(nats.config()).await;
    for _ in 0..MESSAGES {
        publisher.publish(SUBJECT, vec![b'x'; 4096]).await;
    }
    publisher.settle().await;
    let mut held = Vec::new();
    let mut received = 0;
    while received < MESSAGES {
        let message = |event: &BrokerEvent| matches!(event, BrokerEvent::Message(_));
        let (BrokerEvent::Message(delivery), _) = slow.until(message).await else { unreachable!() };
        received += 1;
        held.push(delivery.hold);
        assert!(slow.broker.intake.held_bytes() <= BUDGET);
        if slow.broker.intake.held_bytes() + 5000 > BUDGET {
            held.clear();
        }
    }
    assert_eq!(received, MESSAGES);
}

#[tokio::test(flavor = "multi_thread")]
async fn permissions_and_sizes_are_told_by_subject() {
    let nats = Nats::start(|options| {
        options.extra = r#"
            max_payload: 1000
            authorization { users = [ { user: u, password: p, permissions: {
                publish: "good.>", subscribe: "good.>" } } ] }
        "#
        .to_owned();
    })
    .await;
    let password = Secret::Text("p".to_owned());
    let auth = Auth::Password { user: "u".to_owned(), password };
    let mut connection = Connection::open(nats.config_as(auth)).await;
    connection.publish("bad.one", "x").await;
    let denied = |wanted: Operation| move |event: &BrokerEvent| matches!(event, BrokerEvent::PermissionDenied { operation, subject } if *operation == wanted && subject == "bad.one");
    connection.until(denied(Operation::Publish)).await;
    connection.subscribe("bad.one", None).await;
    connection.until(denied(Operation::Subscribe)).await;
    let large = Publication {
        subject: "good.one".to_owned(),
        headers: vec![("K".to_owned(), "v".to_owned())],
        payload: Bytes::from(vec![0; 990]),
    };
    connection.order(BrokerCommand::Publish(large)).await;
    connection.publish("bad subject", "x").await;
    for wanted in [RefusedPublish::TooLarge { max_payload: 1000 }, RefusedPublish::BadSubject] {
        let refused = |event: &BrokerEvent| matches!(event, BrokerEvent::PublishRefused { reason, .. } if *reason == wanted);
        connection.until(refused).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_open_the_door_and_wrong_ones_do_not() {
    let nats =
        Nats::start(|options| options.extra = "authorization { token: \"t0ken\" }".to_owned())
            .await;
    let token = |text: &str| Auth::Token { token: Secret::Text(text.to_owned()) };
    Connection::open(nats.config_as(token("t0ken"))).await;
    let mut refused = Connection::begin(nats.config_as(token("wrong")));
    let failed = |event: &BrokerEvent| matches!(event, BrokerEvent::ConnectFailed { reason, .. } if reason.contains("Authorization"));
    refused.until(failed).await;
}
