//! TLS: with certificates on both sides, never silently without.

use std::sync::Arc;

use antiphon_broker::{BrokerConfig, BrokerEvent, TlsOptions};
use rustls::ClientConfig;
use tokio::sync::watch;

use crate::support::{Client, NatsServer, Pki, config};

fn tls(server: &NatsServer, tls: Arc<ClientConfig>) -> BrokerConfig {
    let mut config = config(&[format!("nats://localhost:{}", server.port())]);
    config.tls = Some(TlsOptions::fixed(tls));
    config
}

/// The reason of the first failed attempt.
async fn failure(config: BrokerConfig) -> String {
    let event = Client::start(config).next().await;
    let BrokerEvent::ConnectFailed { reason, .. } = event else { panic!("no failure: {event:?}") };
    reason
}

#[tokio::test]
async fn messages_pass_over_mutual_tls() {
    let pki = Pki::new();
    let server = NatsServer::start(&pki.server_section(&["localhost"]));
    let mut client = Client::connect(tls(&server, pki.client("gw"))).await;
    client.subscribed("a.*").await;
    let large = "x".repeat(900_000);
    client.publish("a.b", large.clone()).await;
    client.publish("a.c", "small").await;
    assert_eq!(client.message().await.payload, large.as_bytes());
    assert_eq!(client.message().await.payload, "small");
    let seen = client.close().await;
    assert!(seen.others.is_empty(), "{seen:?}");
}

#[tokio::test]
async fn tls_may_start_before_the_server_says_anything() {
    if NatsServer::version() < [2, 10] {
        return; // Servers before 2.10 cannot do it.
    }
    let pki = Pki::new();
    let section =
        pki.server_section(&["localhost"]).replace("verify:", "handshake_first: true, verify:");
    let server = NatsServer::start(&section);
    let mut config = tls(&server, pki.client("gw"));
    config.tls = Some(TlsOptions::fixed(pki.client("gw")).handshake_first());
    Client::connect(config).await;
}

#[tokio::test]
async fn a_server_of_another_name_or_authority_is_refused() {
    let pki = Pki::new();
    let server = NatsServer::start(&pki.server_section(&["elsewhere.example.net"]));
    let reason = failure(tls(&server, pki.client("gw"))).await;
    assert!(reason.contains("not valid for name"), "{reason}");
    let server = NatsServer::start(&pki.server_section(&["localhost"]));
    let reason = failure(tls(&server, Pki::new().client("gw"))).await;
    assert!(reason.contains("invalid peer certificate"), "{reason}");
}

#[tokio::test]
async fn a_client_without_a_certificate_is_refused_until_it_is_renewed() {
    let pki = Pki::new();
    let server = NatsServer::start(&pki.server_section(&["localhost"]));
    let (renew, renewed) = watch::channel(pki.nobody());
    let mut config = tls(&server, pki.nobody());
    config.tls = Some(TlsOptions::renewed(renewed));
    let mut client = Client::start(config);
    assert!(matches!(client.next().await, BrokerEvent::ConnectFailed { .. }));
    renew.send(pki.client("gw")).unwrap();
    client.connected().await;
}

#[tokio::test]
async fn neither_side_goes_without_tls_if_the_other_wants_it() {
    let pki = Pki::new();
    let secure = NatsServer::start(&pki.server_section(&["localhost"]));
    let reason = failure(config(&[secure.url()])).await;
    assert_eq!(reason, "the server requires TLS, and none is configured");
    let plain = NatsServer::start("");
    let reason = failure(tls(&plain, pki.client("gw"))).await;
    assert_eq!(reason, "the server offers no TLS, and TLS is configured");
}
