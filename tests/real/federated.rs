//! A client that speaks to Choria's Federation Broker.

use std::time::Duration;

use antiphon_tests::{Fabric, Peer, echo, pong, vector};
use antiphon_wire::Transport;
use tokio::time::Instant;

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

/// The recorded federated request `file`, asked of `region` by a client in eu: what the node there
/// saw, and what came back.
async fn ask(fabric: &Fabric, region: &str, subject: &str, file: &str) -> (Transport, Transport) {
    let mut node = Peer::connect(&fabric.lab, region).await;
    node.subscribe(subject).await;
    let mut client = Peer::connect(&fabric.lab, "eu").await;
    let (_, request) = vector(file, 0);
    let reply_to = Transport::decode(request.clone()).unwrap().reply_to().unwrap().to_owned();
    client.subscribe(&reply_to).await;
    client.publish(&format!("choria.federation.{region}.federation"), request).await;
    let got = node.message(soon()).await.expect("the request arrives");
    let request = Transport::decode(got.payload).unwrap();
    let (subject, answer) = echo("n1.example.net", &request, b"pong");
    node.publish(&subject, answer).await;
    let answer = client.message(soon()).await.expect("the answer comes back");
    (request, Transport::decode(answer.payload).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_federated_client_is_answered_as_by_choria() {
    let fabric = Fabric::up(|options| {
        options.regions = 2;
        options.nodes = 0;
    })
    .await;
    let (_, at_node) = vector("v1-federated-ping.json", 2);
    let (_, at_client) = vector("v1-federated-ping.json", 9);
    let recorded_request = Transport::decode(at_node).unwrap();
    let recorded_answer = Transport::decode(at_client).unwrap();
    let recorded_hops = vector("v1-federated-ping.json", 5).1;
    let recorded_hops = Transport::decode(recorded_hops).unwrap().seen_by().len();
    for region in ["us", "eu"] {
        let broadcast = "mcollective.broadcast.agent.discovery";
        let (request, answer) = ask(&fabric, region, broadcast, "v1-federated-ping.json").await;
        assert_eq!(request.seen_by().len(), recorded_request.seen_by().len());
        assert!(request.seen_by().iter().all(|hop| hop.len() == 3), "{:?}", request.seen_by());
        assert!(request.federation().unwrap().targets.is_empty());
        assert_eq!(answer.seen_by().len(), recorded_hops);
        assert!(answer.federation().is_none());
        assert_eq!(answer.reply_to(), None);
    }
    assert!(recorded_answer.federation().is_some() || recorded_answer.seen_by().len() >= 3);
    let subject = "mcollective.node.n1.example.net";
    let (request, _) = ask(&fabric, "us", subject, "v1-federated-directed.json").await;
    assert_eq!(request.seen_by().len(), 2);
    let subject = "choria.broadcast.agent.discovery";
    let (request, answer) = ask(&fabric, "us", subject, "v2-federated.json").await;
    assert_eq!((request.seen_by().len(), answer.seen_by().len()), (2, 4));
    fabric.conserved().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ordinary_client_sees_the_nodes_own_bytes() {
    let fabric = Fabric::up(|options| {
        options.regions = 2;
        options.nodes = 0;
    })
    .await;
    let mut node = Peer::connect(&fabric.lab, "us").await;
    node.subscribe("mcollective.broadcast.agent.discovery").await;
    let mut client = Peer::connect(&fabric.lab, "eu").await;
    let (subject, request) = vector("v1-ping.json", 0);
    let reply_to = Transport::decode(request.clone()).unwrap().reply_to().unwrap().to_owned();
    client.subscribe(&reply_to).await;
    client.publish(&subject, request.clone()).await;
    let got = node.message(soon()).await.expect("the request crosses");
    let sent = Transport::decode(request).unwrap();
    let seen = Transport::decode(got.payload.clone()).unwrap();
    assert_eq!(seen.data(), sent.data(), "signed bytes are untouched");
    let (subject, answer) = pong("n1.example.net", &got.payload);
    node.publish(&subject, answer.clone()).await;
    let back = client.message(soon()).await.expect("the answer comes back");
    assert_eq!(back.subject, reply_to);
    let back = Transport::decode(back.payload).unwrap();
    assert_eq!(back.data(), Transport::decode(answer).unwrap().data());
    assert!(back.federation().is_none());
    fabric.conserved().await;
}
