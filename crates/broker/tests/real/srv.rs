//! Brokers that DNS names, against a name server of our own.

use antiphon_broker::{BrokerConfig, BrokerEvent, Srv, SrvError};

use crate::support::{Client, NameServer, NatsServer, config};

const FIRST: &str = "_mcollective-server._tcp.example.net";
const SECOND: &str = "_x-puppet-mcollective._tcp.example.net";
const FEDERATION: &str = "_mcollective-federation_server._tcp.example.net";
const FEDERATION_SECOND: &str = "_x-puppet-mcollective_federation._tcp.example.net";

fn brokers(dns: &NameServer) -> Srv {
    Srv::brokers(Some("example.net".to_owned())).through(dns.address)
}

fn federation_brokers(dns: &NameServer) -> Srv {
    Srv::federation_brokers(Some("example.net".to_owned())).through(dns.address)
}

async fn urls(srv: Srv) -> Vec<String> {
    srv.look_up().await.unwrap().iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn the_first_name_with_records_counts_and_lower_priorities_come_first() {
    let dns = NameServer::start().await;
    assert!(urls(brokers(&dns)).await.is_empty());
    dns.set(SECOND, &[(0, 0, 4222, "old.example.net.")]);
    assert_eq!(urls(brokers(&dns)).await, ["nats://old.example.net:4222"]);
    dns.set(FIRST, &[(20, 0, 4222, "b2.example.net."), (10, 0, 4223, "b1.example.net.")]);
    assert_eq!(
        urls(brokers(&dns)).await,
        ["nats://b1.example.net:4223", "nats://b2.example.net:4222"]
    );
}

#[tokio::test]
async fn federated_clients_have_names_of_their_own() {
    let dns = NameServer::start().await;
    dns.set(FIRST, &[(0, 0, 4222, "b1.example.net.")]);
    assert!(urls(federation_brokers(&dns)).await.is_empty());
    dns.set(FEDERATION_SECOND, &[(0, 0, 4222, "fed2.example.net.")]);
    assert_eq!(urls(federation_brokers(&dns)).await, ["nats://fed2.example.net:4222"]);
    dns.set(FEDERATION, &[(0, 0, 4222, "fed1.example.net.")]);
    assert_eq!(urls(federation_brokers(&dns)).await, ["nats://fed1.example.net:4222"]);
}

#[tokio::test]
async fn a_record_that_says_there_is_no_server_names_none() {
    let dns = NameServer::start().await;
    dns.set(FIRST, &[(0, 0, 0, ".")]);
    assert!(urls(brokers(&dns)).await.is_empty());
}

#[tokio::test]
async fn a_name_server_that_fails_is_told_apart_from_one_that_knows_nothing() {
    let dns = NameServer::start().await;
    dns.fail(FIRST);
    let error = brokers(&dns).look_up().await.unwrap_err();
    assert!(matches!(&error, SrvError::LookUp { name, .. } if name.starts_with(FIRST)), "{error}");
    let bad = Srv::brokers(Some("a..b".to_owned())).through(dns.address);
    assert!(matches!(bad.look_up().await, Err(SrvError::Name { .. })));
}

#[tokio::test]
async fn a_broker_that_dns_names_is_connected_to() {
    let (dns, server) = (NameServer::start().await, NatsServer::start(""));
    dns.set(FIRST, &[(0, 0, server.port(), "localhost.")]);
    let config = BrokerConfig { srv: Some(brokers(&dns)), ..config(&[]) };
    let mut client = Client::connect(config).await;
    client.barrier().await;
}

#[tokio::test]
async fn without_records_the_configured_server_is_used() {
    let (dns, server) = (NameServer::start().await, NatsServer::start(""));
    for fails in [false, true] {
        if fails {
            dns.fail(FIRST);
        }
        let config = BrokerConfig { srv: Some(brokers(&dns)), ..config(&[server.url()]) };
        Client::connect(config).await.barrier().await;
    }
}

#[tokio::test]
async fn records_that_appear_later_are_found_without_a_restart() {
    let (dns, server) = (NameServer::start().await, NatsServer::start(""));
    let config = BrokerConfig { srv: Some(brokers(&dns)), ..config(&[]) };
    let mut client = Client::start(config);
    let event = client.next().await;
    let BrokerEvent::ConnectFailed { server: names, reason } = event else { panic!("{event:?}") };
    assert_eq!(
        (names, reason.as_str()),
        (format!("SRV records {FIRST}, {SECOND}"), "there are none")
    );
    dns.set(FIRST, &[(0, 0, server.port(), "localhost.")]);
    client.connected().await;
}
