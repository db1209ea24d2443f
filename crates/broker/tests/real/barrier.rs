//! A barrier is the server's word, not the kernel's.

use std::time::Duration;

use antiphon_broker::{BarrierId, BrokerCommand, BrokerEvent};

use crate::support::{Client, NatsServer, Relay, config};

#[tokio::test]
async fn what_was_published_before_a_barrier_has_reached_the_server_when_it_passes() {
    let server = NatsServer::start("");
    let relay = Relay::start(server.port(), Duration::from_millis(20)).await;
    let mut near = Client::connect(config(&[server.url()])).await;
    near.subscribed("a").await;
    let mut far = Client::connect(config(&[relay.url()])).await;
    let expected: Vec<String> = (0..500).map(|n| n.to_string()).collect();
    for payload in &expected {
        far.publish("a", payload.clone()).await;
    }
    far.barrier().await;
    // The near barrier is read after everything that the server had processed by now.
    assert_eq!(near.barrier().await.payloads, expected);
}

#[tokio::test]
async fn barriers_pass_in_order() {
    let server = NatsServer::start("");
    let mut client = Client::connect(config(&[server.url()])).await;
    for id in 0..100 {
        client.publish("a", "x").await;
        client.order(BrokerCommand::Barrier { id: BarrierId(id) }).await;
    }
    for expected in 0..100 {
        let event = client.next().await;
        assert!(
            matches!(event, BrokerEvent::BarrierPassed { id: BarrierId(id) } if id == expected)
        );
    }
}

#[tokio::test]
async fn a_connection_that_is_closed_has_published_everything() {
    let server = NatsServer::start("");
    let relay = Relay::start(server.port(), Duration::from_millis(5)).await;
    let mut near = Client::connect(config(&[server.url()])).await;
    near.subscribed("a").await;
    let far = Client::connect(config(&[relay.url()])).await;
    for n in 0..100 {
        far.publish("a", n.to_string()).await;
    }
    far.close().await;
    assert_eq!(near.barrier().await.payloads.len(), 100);
}
