use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

use super::*;
use crate::{BarrierId, BrokerCommand, BrokerEvent, SubscriptionId};

const ONE: SubscriptionId = SubscriptionId(1);

fn publication(subject: &str, payload: &str) -> Publication {
    let payload = Bytes::copy_from_slice(payload.as_bytes());
    Publication { subject: subject.to_owned(), headers: Vec::new(), payload }
}

fn subscribe(subject: &str, group: Option<&str>) -> BrokerCommand {
    BrokerCommand::Subscribe {
        id: ONE,
        subject: subject.to_owned(),
        group: group.map(str::to_owned),
    }
}

/// An event as a short text.
fn short(event: &BrokerEvent) -> String {
    match event {
        BrokerEvent::Connected(info) => format!("connected {}", info.url),
        BrokerEvent::Message(delivery) => {
            let payload = String::from_utf8_lossy(&delivery.payload);
            format!("{} {payload}", delivery.subject)
        }
        BrokerEvent::Unsubscribed { id } => format!("unsubscribed {}", id.0),
        BrokerEvent::BarrierPassed { id } => format!("passed {}", id.0),
        BrokerEvent::Disconnected { .. }
        | BrokerEvent::ConnectFailed { .. }
        | BrokerEvent::PublishRefused { .. }
        | BrokerEvent::PermissionDenied { .. }
        | BrokerEvent::SubscriptionAllowed { .. }
        | BrokerEvent::Lagged { .. }
        | BrokerEvent::Closed => format!("{event:?}"),
    }
}

/// Connects, gives orders, and waits until they have been carried out.
async fn client(broker: &MemoryBroker, name: &str, orders: Vec<BrokerCommand>) -> Broker {
    let mut client = broker.connect(name);
    assert_eq!(next(&mut client).await, "connected nats://eu:4222");
    for order in orders {
        client.commands.send(order).await.unwrap();
    }
    client.commands.send(BrokerCommand::Barrier { id: BarrierId(0) }).await.unwrap();
    assert_eq!(next(&mut client).await, "passed 0");
    client
}

async fn next(client: &mut Broker) -> String {
    let event = timeout(Duration::from_secs(60), client.events.recv()).await.unwrap();
    short(&event.unwrap())
}

/// Everything that has been handed over once a barrier has passed.
async fn until_barrier(client: &mut Broker) -> Vec<String> {
    client.commands.send(BrokerCommand::Barrier { id: BarrierId(99) }).await.unwrap();
    let mut heard = Vec::new();
    loop {
        match next(client).await {
            passed if passed == "passed 99" => return heard,
            event => heard.push(event),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_plain_subscription_and_one_member_of_a_group_take_a_message() {
    let broker = MemoryBroker::new("eu", 1);
    let mut plain = client(&broker, "plain", vec![subscribe("a.*", None)]).await;
    let mut first = client(&broker, "first", vec![subscribe("a.>", Some("g"))]).await;
    let mut second = client(&broker, "second", vec![subscribe("a.b", Some("g"))]).await;
    for payload in ["1", "2", "3"] {
        broker.publish(&publication("a.b", payload)).unwrap();
    }
    assert_eq!(until_barrier(&mut plain).await, ["a.b 1", "a.b 2", "a.b 3"]);
    // Seed 1: the second member is the first to have its turn.
    assert_eq!(until_barrier(&mut first).await, ["a.b 2"]);
    assert_eq!(until_barrier(&mut second).await, ["a.b 1", "a.b 3"]);
    assert_eq!(broker.interest()[0].connection, "first");
}

#[tokio::test(start_paused = true)]
async fn what_was_published_before_a_leave_arrives_before_its_end() {
    let broker = MemoryBroker::new("eu", 0);
    let mut client = client(&broker, "c", vec![subscribe("a", None)]).await;
    broker.publish(&publication("a", "1")).unwrap();
    client.commands.send(BrokerCommand::Unsubscribe { id: ONE }).await.unwrap();
    assert_eq!(next(&mut client).await, "a 1");
    assert_eq!(next(&mut client).await, "unsubscribed 1");
    broker.publish(&publication("a", "2")).unwrap();
    assert!(until_barrier(&mut client).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_outage_refuses_publications_and_keeps_subscriptions() {
    let broker = MemoryBroker::new("eu", 0);
    let mut client = client(&broker, "c", vec![subscribe("a", None)]).await;
    broker.stop();
    assert_eq!(next(&mut client).await, "Disconnected { reason: \"stopped\" }");
    client.commands.send(BrokerCommand::Publish(publication("a", "1"))).await.unwrap();
    let refused = next(&mut client).await;
    assert_eq!(refused, "PublishRefused { subject: \"a\", reason: Disconnected }");
    broker.start();
    assert_eq!(next(&mut client).await, "connected nats://eu:4222");
    client.commands.send(BrokerCommand::Publish(publication("a", "2"))).await.unwrap();
    assert_eq!(next(&mut client).await, "a 2");
}

#[tokio::test(start_paused = true)]
async fn a_denial_comes_before_the_barrier_after_it() {
    let broker = MemoryBroker::new("eu", 0);
    broker.deny("c", Operation::Publish, "a.>");
    broker.deny("c", Operation::Subscribe, "b.>");
    let mut client = client(&broker, "c", Vec::new()).await;
    client.commands.send(BrokerCommand::Publish(publication("a.b", "1"))).await.unwrap();
    client.commands.send(subscribe("b.>", None)).await.unwrap();
    let denied = [
        "PermissionDenied { operation: Publish, subject: \"a.b\" }",
        "PermissionDenied { operation: Subscribe, subject: \"b.>\" }",
    ];
    assert_eq!(until_barrier(&mut client).await, denied);
}

#[tokio::test(start_paused = true)]
async fn what_breaks_a_rule_of_the_protocol_is_refused() {
    let broker = MemoryBroker::new("eu", 0);
    let refused = |publication: &Publication| broker.publish(publication).unwrap_err();
    assert_eq!(refused(&publication("a.*", "")), RefusedPublish::BadSubject);
    let large = publication("a", &"x".repeat(MAX_PAYLOAD + 1));
    assert_eq!(refused(&large), RefusedPublish::TooLarge { max_payload: MAX_PAYLOAD });
    let mut odd = publication("a", "");
    odd.headers.push(("a b".to_owned(), String::new()));
    assert_eq!(refused(&odd), RefusedPublish::BadHeaders);
}

#[tokio::test(start_paused = true)]
async fn held_messages_stop_delivery_until_they_are_released() {
    let broker = MemoryBroker::new("eu", 0);
    let limits = MemoryLimits { intake_bytes_max: 1, ..MemoryLimits::default() };
    let mut client = broker.connect_with("c", limits);
    assert_eq!(next(&mut client).await, "connected nats://eu:4222");
    client.commands.send(subscribe("a", None)).await.unwrap();
    client.commands.send(BrokerCommand::Barrier { id: BarrierId(0) }).await.unwrap();
    assert_eq!(next(&mut client).await, "passed 0");
    broker.publish(&publication("a", "1")).unwrap();
    broker.publish(&publication("a", "2")).unwrap();
    let Some(BrokerEvent::Message(first)) = client.events.recv().await else { panic!() };
    let nothing = timeout(Duration::from_secs(9), client.events.recv()).await;
    assert!(nothing.is_err(), "{nothing:?}");
    drop(first);
    assert_eq!(next(&mut client).await, "a 2");
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_that_does_not_read_is_cut_and_told() {
    let broker = MemoryBroker::new("eu", 0);
    let limits = MemoryLimits { queue_len_max: 1, ..MemoryLimits::default() };
    let mut client = broker.connect_with("c", limits);
    client.commands.send(subscribe("a", None)).await.unwrap();
    while broker.interest().is_empty() {
        tokio::task::yield_now().await;
    }
    for _ in 0..=PENDING_MAX {
        broker.publish(&publication("a", "")).unwrap();
    }
    assert_eq!(next(&mut client).await, "connected nats://eu:4222");
    let told = [next(&mut client).await, next(&mut client).await, next(&mut client).await];
    assert_eq!(told[0], format!("Lagged {{ lost: Some({PENDING_MAX}) }}"));
    assert_eq!(told[1], "Disconnected { reason: \"slow consumer\" }");
    assert_eq!(told[2], "connected nats://eu:4222");
    assert_eq!(next(&mut client).await, "a ");
}

#[tokio::test(start_paused = true)]
async fn closing_hands_over_what_waits_and_says_goodbye() {
    let broker = MemoryBroker::new("eu", 0);
    let mut client = client(&broker, "c", vec![subscribe("a", None)]).await;
    client.commands.send(BrokerCommand::Publish(publication("a", "1"))).await.unwrap();
    client.commands.send(BrokerCommand::Close).await.unwrap();
    assert_eq!(next(&mut client).await, "a 1");
    assert_eq!(next(&mut client).await, "Closed");
    client.task.await.unwrap();
    assert!(broker.interest().is_empty());
}
