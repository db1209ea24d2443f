//! What must not, or cannot, be sent.

use std::time::Duration;

use antiphon_broker::{Auth, BrokerCommand, BrokerEvent, Publication, Secret};
use bytes::Bytes;

use crate::support::{Client, NatsServer, config};

#[tokio::test]
async fn a_denied_operation_is_told_before_the_next_barrier_and_the_connection_stays() {
    let permissions =
        "permissions: { publish: { deny: \"secret.>\" }, subscribe: { deny: \"hidden.>\" } }";
    let user = format!("{{ user: gw, password: p, {permissions} }}");
    let server = NatsServer::start(&format!("authorization {{ users: [ {user} ] }}"));
    let mut config = config(&[server.url()]);
    let password = Secret::Text("p".to_owned());
    config.auth = Auth::Password { user: "gw".to_owned(), password };
    let mut client = Client::connect(config).await;
    client.publish("secret.a", "x").await;
    client.subscribe("hidden.>", Some("g")).await;
    let denied = [
        "PermissionDenied { operation: Publish, subject: \"secret.a\" }",
        "PermissionDenied { operation: Subscribe, subject: \"hidden.>\" }",
    ];
    assert_eq!(client.barrier().await.others, denied);
    client.subscribed("open").await;
    client.publish("open", "x").await;
    assert_eq!(client.message().await.subject, "open");
}

#[tokio::test]
async fn a_subscription_that_permissions_take_away_comes_back_when_they_allow_it() {
    let denying = |subject: &str| {
        let permissions = format!("permissions: {{ subscribe: {{ deny: \"{subject}\" }} }}");
        let user = format!("{{ user: gw, password: p, {permissions} }}");
        format!("authorization {{ users: [ {user} ] }}")
    };
    let server = NatsServer::start(&denying("nothing"));
    let mut config = config(&[server.url()]);
    let password = Secret::Text("p".to_owned());
    config.auth = Auth::Password { user: "gw".to_owned(), password };
    config.ping_interval = Duration::from_millis(500);
    let mut client = Client::connect(config).await;
    client.subscribe("work.>", Some("g")).await;
    client.barrier().await;
    server.reload(&denying("work.>"));
    client.until(|event| matches!(event, BrokerEvent::PermissionDenied { .. })).await;
    server.reload(&denying("nothing"));
    client.until(|event| matches!(event, BrokerEvent::SubscriptionAllowed { .. })).await;
    client.publish("work.a", "x").await;
    assert_eq!(client.message().await.subject, "work.a");
    assert!(client.barrier().await.payloads.is_empty(), "once");
}

#[tokio::test]
async fn what_the_server_would_not_take_never_leaves() {
    let server = NatsServer::start("max_payload: 1024");
    let mut client = Client::connect(config(&[server.url()])).await;
    client.subscribed(">").await;
    client.publish("a", vec![b'x'; 1025]).await;
    client.publish("a.*", "x").await;
    client.publish("a\r\nPUB b 1\r\nx", "x").await;
    client.publish("a", vec![b'x'; 1024]).await;
    let seen = client.barrier().await;
    assert_eq!((seen.payloads.len(), seen.others.len()), (1, 3), "{seen:?}");
    assert!(seen.others[0].contains("TooLarge { max_payload: 1024 }"), "{seen:?}");
    assert!(seen.others[1..].iter().all(|refused| refused.contains("BadSubject")), "{seen:?}");
}

#[tokio::test]
async fn headers_arrive_as_they_were_sent() {
    let server = NatsServer::start("");
    let mut client = Client::connect(config(&[server.url()])).await;
    client.subscribed("a").await;
    let headers = vec![
        ("Antiphon-Origin".to_owned(), "eu/eu-1".to_owned()),
        ("Second".to_owned(), "a: b".to_owned()),
    ];
    let (subject, payload) = ("a".to_owned(), Bytes::from_static(b"x"));
    let publication = Publication { subject, headers: headers.clone(), payload };
    client.order(BrokerCommand::Publish(publication)).await;
    let delivery = client.message().await;
    assert_eq!((delivery.headers, &delivery.payload[..]), (headers, &b"x"[..]));
}

#[tokio::test]
async fn without_a_connection_publications_are_refused_and_subscriptions_remembered() {
    let mut server = NatsServer::start("");
    let mut client = Client::connect(config(&[server.url()])).await;
    server.kill();
    client.until(|event| matches!(event, BrokerEvent::Disconnected { .. })).await;
    client.subscribe("a", None).await;
    client.publish("a", "1").await;
    let refused = |event: &BrokerEvent| matches!(event, BrokerEvent::PublishRefused { .. });
    let seen = client.until(refused).await;
    assert!(seen.others.last().unwrap().contains("reason: Disconnected"), "{seen:?}");
    let _server = server.restart();
    client.connected().await;
    client.barrier().await;
    client.publish("a", "2").await;
    assert_eq!(client.message().await.payload, "2");
}
