//! Servers come and go.

use std::{net::TcpListener, time::Duration};

use antiphon_broker::BrokerEvent;

use crate::support::{Client, NatsServer, Relay, config};

#[tokio::test]
async fn a_broker_that_is_away_at_the_start_is_reported_and_tried_again() {
    let mut server = NatsServer::start("");
    server.kill();
    let mut client = Client::start(config(&[server.url()]));
    for _ in 0..3 {
        let event = client.next().await;
        let BrokerEvent::ConnectFailed { server: url, reason } = event else { panic!("{event:?}") };
        assert_eq!(url, server.url());
        assert!(reason.starts_with("cannot open a TCP connection"), "{reason}");
    }
    let _server = server.restart();
    client.connected().await;
}

#[tokio::test]
async fn a_server_that_takes_the_call_and_says_nothing_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = config(&[format!("127.0.0.1:{}", silent.local_addr().unwrap().port())]);
    config.connect_timeout = Duration::from_millis(50);
    let event = Client::start(config).next().await;
    let BrokerEvent::ConnectFailed { reason, .. } = event else { panic!("{event:?}") };
    assert_eq!(reason, "no answer in time");
}

#[tokio::test]
async fn a_server_that_comes_back_is_subscribed_again() {
    let server = NatsServer::start("");
    let mut client = Client::connect(config(&[server.url()])).await;
    let left = client.subscribed("left").await;
    client.subscribed("kept").await;
    client.leave(left).await;
    let server = server.restart();
    let seen = client.until(|event| matches!(event, BrokerEvent::Connected(_))).await;
    assert!(seen.others[0].starts_with("Disconnected"), "{seen:?}");
    client.barrier().await;
    let publisher = Client::connect(config(&[server.url()])).await;
    publisher.publish("left", "1").await;
    publisher.publish("kept", "2").await;
    assert_eq!(client.message().await.subject, "kept");
}

#[tokio::test]
async fn the_loss_of_a_server_moves_the_connection_within_its_cluster() {
    let mut first = NatsServer::start_member("n1", None);
    let second = NatsServer::start_member("n2", Some(&first));
    let third = NatsServer::start_member("n3", Some(&first));
    // Only the first is configured; the others are heard of.
    let mut client = Client::connect(config(&[first.url()])).await;
    client.subscribed("a").await;
    await_cluster(&[&first, &second, &third]).await;
    // What the first told of the others is read before this passes.
    client.barrier().await;
    first.kill();
    let info = client.connected().await;
    assert!(["n2", "n3"].contains(&info.name.as_str()), "{info:?}");
    assert_eq!(info.cluster.as_deref(), Some("c"));
    client.barrier().await;
    client.publish("a", "1").await;
    assert_eq!(client.message().await.payload, "1");
}

#[tokio::test]
async fn a_lame_duck_is_left_before_it_dies() {
    let first = NatsServer::start_member("n1", None);
    let second = NatsServer::start_member("n2", Some(&first));
    let mut client = Client::connect(config(&[first.url(), second.url()])).await;
    client.subscribed("a").await;
    await_cluster(&[&first, &second]).await;
    first.retire();
    let seen = client.until(|event| matches!(event, BrokerEvent::Connected(_))).await;
    assert_eq!(seen.others[0], "Disconnected { reason: \"the server is about to stop\" }");
    client.barrier().await;
    client.publish("a", "1").await;
    assert_eq!(client.message().await.payload, "1");
}

#[tokio::test]
async fn a_silent_connection_is_given_up_after_two_pings() {
    let server = NatsServer::start("");
    let relay = Relay::start(server.port(), Duration::ZERO).await;
    let mut config = config(&[relay.url()]);
    config.ping_interval = Duration::from_millis(50);
    let mut client = Client::connect(config).await;
    relay.mute();
    let seen = client.until(|event| matches!(event, BrokerEvent::Disconnected { .. })).await;
    assert!(seen.others[0].contains("no sign of life"), "{seen:?}");
}

/// Waits until every server forwards to every other: a message reaches one client of each.
async fn await_cluster(servers: &[&NatsServer]) {
    for server in servers {
        let mut probe = Client::connect(config(&[server.url()])).await;
        probe.subscribed("probe").await;
        for other in servers {
            let sender = Client::connect(config(&[other.url()])).await;
            while probe.broker.events.is_empty() {
                sender.publish("probe", "x").await;
                tokio::task::yield_now().await;
            }
            probe.barrier().await;
        }
    }
}
