//! Many replies at once.

use std::time::Duration;

use antiphon_tests::{Caller, Fabric, Peer, pong};
use tokio::time::Instant;

/// One request, `count` answers in one go from the other region.
async fn burst(fabric: &Fabric, number: u64, count: usize) {
    let mut node = Peer::connect(&fabric.lab, "us").await;
    node.subscribe("mcollective.broadcast.agent.discovery").await;
    let mut client = Peer::connect(&fabric.lab, "eu").await;
    let (request, reply_to) = Caller::new(&fabric.lab).ping(number);
    client.subscribe(&reply_to).await;
    client.publish("mcollective.broadcast.agent.discovery", request).await;
    let deadline = Instant::now() + Duration::from_secs(10);
    let request = node.message(deadline).await.expect("the request crosses").payload;
    let answering = tokio::spawn(async move {
        for number in 0..count {
            let (subject, answer) = pong(&format!("n{number}.example.net"), &request);
            node.publish(&subject, answer).await;
        }
        node.barrier().await;
    });
    let answers = client.answers(count, Duration::from_secs(60)).await;
    answering.await.unwrap();
    assert_eq!(answers.len(), count, "every answer");
    assert!(answers.values().all(|copies| *copies == 1), "each once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_replies_arrives_whole() {
    let fabric = Fabric::up(|options| {
        options.regions = 2;
        options.nodes = 0;
    })
    .await;
    burst(&fabric, 1, 2_000).await;
    burst(&fabric, 2, 20_000).await;
    fabric.conserved().await;
}
