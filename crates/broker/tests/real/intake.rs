//! The byte budget: what is held stops the reading, and nothing is lost by it.

use antiphon_broker::{Broker, BrokerEvent, Delivery};

use crate::support::{Client, NatsServer, config, pending_bytes};

const BUDGET: usize = 64 * 1024;

/// More than the kernels of both sides take in.
const MESSAGES: usize = 6_000;
const MESSAGE_BYTES: usize = 8 * 1024;

/// A message that begins with its number.
fn numbered(number: usize) -> Vec<u8> {
    let mut payload = format!("{number:08}").into_bytes();
    payload.resize(MESSAGE_BYTES, b'.');
    payload
}

fn number(delivery: &Delivery) -> usize {
    String::from_utf8_lossy(&delivery.payload[..8]).parse().unwrap()
}

fn assert_within_budget(broker: &Broker) {
    let held = broker.intake.held_bytes();
    assert!(held <= BUDGET, "{held} bytes are held");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_that_holds_messages_stops_the_reader_and_loses_nothing() {
    let server =
        NatsServer::start("http: \"127.0.0.1:-1\"\nmax_pending: 256MB\nwrite_deadline: \"60s\"");
    let mut config_of_holder = config(&[server.url()]);
    config_of_holder.intake_bytes_max = BUDGET;
    let mut holder = Client::connect(config_of_holder).await;
    holder.subscribed("a").await;
    let mut other = Client::connect(config(&[server.url()])).await;
    other.subscribed("from-holder").await;

    // What is taken in stays in the channel, and so is held.
    for n in 0..MESSAGES {
        other.publish("a", numbered(n)).await;
    }
    other.barrier().await;
    while pending_bytes(&server).await == 0 {
        assert_within_budget(&holder.broker);
    }
    assert!(holder.broker.stats.holds() > 0);

    // Writing goes on meanwhile.
    holder.publish("from-holder", "still here").await;
    assert_eq!(other.message().await.payload, "still here");

    for n in 0..MESSAGES {
        let delivery = holder.message().await;
        assert_eq!(number(&delivery), n);
        assert_within_budget(&holder.broker);
    }
    let seen = holder.barrier().await;
    assert!(seen.payloads.is_empty() && seen.others.is_empty(), "{seen:?}");
    assert_eq!(holder.broker.intake.held_bytes(), 0);
}

#[tokio::test]
async fn a_message_larger_than_the_budget_passes() {
    let server = NatsServer::start("");
    let mut config = config(&[server.url()]);
    config.intake_bytes_max = 1;
    let mut client = Client::connect(config).await;
    client.subscribed("a").await;
    for n in 0..3 {
        client.publish("a", numbered(n)).await;
    }
    for n in 0..3 {
        assert_eq!(number(&client.message().await), n);
    }
}

#[tokio::test]
async fn a_server_that_cuts_us_for_reading_slowly_makes_us_say_so() {
    let server = NatsServer::start("max_pending: 1MB\nmax_payload: 1MB\nwrite_deadline: \"1s\"");
    let mut config_of_holder = config(&[server.url()]);
    config_of_holder.intake_bytes_max = BUDGET;
    let mut holder = Client::connect(config_of_holder).await;
    holder.subscribed("a").await;
    let mut other = Client::connect(config(&[server.url()])).await;
    for n in 0..MESSAGES {
        other.publish("a", numbered(n)).await;
    }
    other.barrier().await;
    let mut taken = 0;
    let seen = holder
        .until(|event| {
            taken += usize::from(matches!(event, BrokerEvent::Message(_)));
            matches!(event, BrokerEvent::Connected(_))
        })
        .await;
    assert!(taken < MESSAGES, "{taken} of {MESSAGES} were taken");
    assert_eq!(seen.others[0], "Lagged { lost: None }");
    assert!(seen.others[1].starts_with("Disconnected"), "{:?}", seen.others);
    assert_eq!(holder.broker.stats.lagged(), 1);
}
