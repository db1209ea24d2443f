//! Leaving a queue group loses nothing, however far the server is.

use std::{collections::BTreeMap, time::Duration};

use antiphon_broker::{BrokerCommand, BrokerEvent};
use tokio::sync::oneshot;

use crate::support::{Client, NatsServer, Relay, config};

/// How often the member leaves and comes back.
const ROUNDS: usize = 40;

/// How far each member is from the server, one way.
const DELAY: Duration = Duration::from_millis(4);

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_leaves_and_rejoins_under_load_loses_nothing_and_repeats_nothing() {
    let server = NatsServer::start("");
    let relay = Relay::start(server.port(), DELAY).await;
    let mut stays = Client::connect(config(&[relay.url()])).await;
    let mut wanders = Client::connect(config(&[relay.url()])).await;
    stays.subscribe("work", Some("g")).await;
    stays.barrier().await;
    let (stop, stopped) = oneshot::channel();
    let publisher = tokio::spawn(publish(server.url(), stopped));
    let collector = tokio::spawn(collect(stays));

    let mut wanderer_took = Vec::new();
    for _ in 0..ROUNDS {
        let id = wanders.subscribe("work", Some("g")).await;
        wanderer_took.extend(wanders.barrier().await.payloads);
        // Messages flow before it leaves again.
        wanderer_took.extend(wanders.until(|_| true).await.payloads);
        wanderer_took.extend(wanders.leave(id).await.payloads);
    }
    stop.send(()).unwrap();
    let published = publisher.await.unwrap();
    let stayer_took = collector.await.unwrap();

    let mut times = BTreeMap::<String, u32>::new();
    for payload in wanderer_took.iter().chain(&stayer_took) {
        *times.entry(payload.clone()).or_default() += 1;
    }
    let lost: Vec<u64> = (0..published).filter(|n| !times.contains_key(&n.to_string())).collect();
    let twice = times.values().filter(|times| **times != 1).count();
    assert!(lost.is_empty(), "{} of {published} were lost: {lost:?}", lost.len());
    assert_eq!((twice, times.len() as u64), (0, published));
    assert!(wanderer_took.len() >= ROUNDS && !stayer_took.is_empty(), "both were at work");
}

/// Publishes numbers until told to stop, and then a last word; returns how many numbers there were.
async fn publish(url: String, mut stopped: oneshot::Receiver<()>) -> u64 {
    let mut publisher = Client::connect(config(&[url])).await;
    let mut count = 0;
    while stopped.try_recv().is_err() {
        for _ in 0..20 {
            publisher.publish("work", count.to_string()).await;
            count += 1;
        }
        publisher.barrier().await;
    }
    publisher.publish("work", "last").await;
    publisher.barrier().await;
    count
}

/// What the member took that stays, up to the last word.
async fn collect(mut client: Client) -> Vec<String> {
    let mut taken = Vec::new();
    loop {
        let delivery = client.message().await;
        match String::from_utf8(delivery.payload.to_vec()).unwrap() {
            last if last == "last" => return taken,
            payload => taken.push(payload),
        }
    }
}

#[tokio::test]
async fn a_leave_that_the_connection_did_not_survive_ends_with_it() {
    let server = NatsServer::start("");
    let relay = Relay::start(server.port(), DELAY).await;
    let mut client = Client::connect(config(&[relay.url()])).await;
    let gone = client.subscribe("gone", None).await;
    client.subscribed("stays").await;
    // The network swallows the UNSUB; no PONG will come back.
    relay.mute();
    client.order(BrokerCommand::Unsubscribe { id: gone }).await;
    while client.broker.commands.capacity() < client.broker.commands.max_capacity() {
        tokio::task::yield_now().await;
    }
    relay.cut();
    let seen = client.until(|event| matches!(event, BrokerEvent::Connected(_))).await;
    assert!(seen.others[0].starts_with("Disconnected"), "{seen:?}");
    assert_eq!(seen.others[1], format!("Unsubscribed {{ id: {gone:?} }}"));
    let publisher = Client::connect(config(&[server.url()])).await;
    client.barrier().await;
    publisher.publish("gone", "1").await;
    publisher.publish("stays", "2").await;
    assert_eq!(client.message().await.subject, "stays");
}
