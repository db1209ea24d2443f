use std::time::Duration;

use antiphon_core::Stop;
use tempfile::TempDir;
use tokio::{sync::mpsc, task::JoinHandle};

use super::*;
use crate::{
    OwnCertificates,
    config::{self, Tls},
    shell::{Query, SCHEMA},
    testing::{Authority, report, shell_with},
};

struct Served {
    rest: mpsc::Receiver<Query>,
    cancelled: CancellationToken,
    server: JoinHandle<()>,
}

fn served(door: Door) -> Served {
    let (shell, rest) = shell_with(report());
    let cancelled = CancellationToken::new();
    let grace = Duration::from_secs(25);
    let policies = Policies::new(config::PolicySource::default(), shell.clone());
    let service = Service::new(shell, policies, grace);
    let server = tokio::spawn(serve(door, service, cancelled.clone()));
    Served { rest, cancelled, server }
}

fn who() -> String {
    "alice@eu".to_owned()
}

async fn over_socket() -> (TempDir, Address, Served) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("eu-1.sock");
    let door = Door::open(&config::Admin::Unix { path: path.clone() }, &OwnCertificates::default())
        .await
        .unwrap();
    (folder, Address::Unix(path), served(door))
}

#[tokio::test]
async fn a_snapshot_arrives_as_json_with_its_schema() {
    let (_folder, address, _served) = over_socket().await;
    let mut client = Client::connect(&address, None).await.unwrap();
    assert_eq!(client.snapshot().await.unwrap(), report());
    let json = client.snapshot_json().await.unwrap();
    let value: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(value["schema"], SCHEMA);
    assert_eq!(value["core"]["gateway"], "eu-1");
}

#[tokio::test]
async fn a_drain_reaches_the_shell_with_its_grace() {
    let (_folder, address, mut served) = over_socket().await;
    let mut client = Client::connect(&address, None).await.unwrap();
    assert_eq!(client.drain(None, who()).await.unwrap(), Duration::from_secs(25));
    let wanted = Duration::from_millis(1500);
    assert_eq!(client.drain(Some(wanted), who()).await.unwrap(), wanted);
    for expected in [Duration::from_secs(25), wanted] {
        let Some(Query::Drain { grace }) = served.rest.recv().await else { panic!("no drain") };
        assert_eq!(grace, Some(expected));
    }
}

#[tokio::test]
async fn an_order_reaches_the_shell_with_who_gives_it() {
    let (_folder, address, mut served) = over_socket().await;
    let mut client = Client::connect(&address, None).await.unwrap();
    let stop = Stop::Link { with: "us".parse().unwrap() };
    let reason = "line under test".to_owned();
    let order = OrderGiven { stop: stop.clone(), stands: true, by: who(), reason, lasts: None };
    for (error, senseless) in [
        (OrderError::SameRegion("us".parse().unwrap()), true),
        (OrderError::NothingHolds(stop), false),
    ] {
        let answering = async {
            let Some(Query::Order(given, answer)) = served.rest.recv().await else {
                panic!("no order")
            };
            assert!(given.by.ends_with(", as alice@eu"), "{}", given.by);
            assert_eq!(OrderGiven { by: who(), ..*given }, order);
            answer.send(Err(error.clone())).unwrap();
        };
        let (answer, ()) = tokio::join!(client.order(&order), answering);
        let Err(told) = answer else { panic!("{answer:?}") };
        assert_eq!(matches!(told, AdminError::Asked(_)), senseless, "{told:?}");
        assert_eq!(matches!(told, AdminError::NoAnswer(_)), !senseless, "{told:?}");
        assert_eq!(told.to_string(), error.to_string());
    }
}

#[tokio::test]
async fn another_gateway_is_asked_by_way_of_the_shell() {
    let (_folder, address, mut served) = over_socket().await;
    let mut client = Client::connect(&address, None).await.unwrap();
    let us: antiphon_core::GatewayId = "us-1".parse().unwrap();
    for failure in [AskFailure::Late, AskFailure::Refused("busy".to_owned())] {
        let asking = client.ask(&us, "report", b"{}".to_vec(), Duration::from_secs(2));
        let answering = async {
            let Some(Query::Ask { question, answer }) = served.rest.recv().await else {
                panic!("no question")
            };
            assert_eq!((question.to, question.patience), (us.clone(), Duration::from_secs(2)));
            answer.send(Err(failure.clone())).unwrap();
        };
        let (answer, ()) = tokio::join!(asking, answering);
        assert!(matches!(answer, Err(AdminError::NoAnswer(_))), "{failure}: {answer:?}");
    }
    let wrong = client.ask(&us, "report", Vec::new(), Duration::ZERO);
    served.cancelled.cancel();
    assert!(matches!(wrong.await, Err(AdminError::Refused(_))));
}

#[tokio::test]
async fn the_socket_goes_with_the_service() {
    let (_folder, address, served) = over_socket().await;
    served.cancelled.cancel();
    served.server.await.unwrap();
    let Address::Unix(path) = &address else { panic!("not a socket") };
    assert!(!path.exists());
    assert!(matches!(Client::connect(&address, None).await, Err(AdminError::Connect { .. })));
}

async fn over_tcp(authority: &Authority) -> (Address, Served) {
    let listen = "127.0.0.1:0".parse().unwrap();
    let tls = authority.issue("gw", &[], &["localhost"]);
    let allow = ["ops.example.net".to_owned()].into();
    let door = Door::open(&config::Admin::Tcp { listen, tls, allow }, &OwnCertificates::default())
        .await
        .unwrap();
    let port = door.address().unwrap().port();
    (format!("localhost:{port}").parse().unwrap(), served(door))
}

async fn ask(address: &Address, tls: &Tls) -> Result<(), AdminError> {
    Client::connect(address, Some(tls)).await?.snapshot().await.map(|_| ())
}

#[tokio::test]
async fn over_tcp_only_configured_certificates_come_in() {
    let authority = Authority::new();
    let (address, _served) = over_tcp(&authority).await;
    let operator = authority.issue("ops", &[], &["ops.example.net"]);
    ask(&address, &operator).await.unwrap();
    let node = authority.issue("node", &[], &["node.example.net"]);
    assert!(ask(&address, &node).await.is_err());
    let stranger = Authority::new();
    let mut forged = stranger.issue("ops", &[], &["ops.example.net"]);
    forged.ca = authority.folder().join("ca.pem");
    assert!(ask(&address, &forged).await.is_err());
    let refused = Client::connect(&address, None).await;
    assert!(matches!(refused, Err(AdminError::NoCertificate { .. })));
}

#[test]
fn an_address_is_a_socket_or_a_place() {
    let unix: Address = "unix:/run/antiphon/eu-1.sock".parse().unwrap();
    assert_eq!(unix, Address::Unix("/run/antiphon/eu-1.sock".into()));
    assert_eq!(unix.to_string(), "unix:/run/antiphon/eu-1.sock");
    assert!(matches!("localhost:7441".parse(), Ok(Address::Tcp(_))));
    for bad in ["", "unix:", "/run/x.sock", "localhost"] {
        assert!(bad.parse::<Address>().is_err(), "{bad:?}");
    }
}
