//! Recorded requests through a real broker: the node answers, or keeps silent, as a real one did.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod harness;

use harness::broker::NatsServer;
use harness::client::{CLIENT, Client, Received};
use harness::nodes::{N1, TestNode, status, write_config};
use harness::vectors::{self, Case};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_answers_what_a_real_node_answered() {
    let cases = vectors::node_behaviour();
    let server = NatsServer::start(&[N1, CLIENT]).await;
    let mut client = Client::connect(&server, &["mcollective.reply.>", "choria.lifecycle.>"]).await;
    let node = TestNode::start(write_config(&server, ""), cases[0].at_ms).await;
    assert_eq!(client.next().await.subject, "choria.lifecycle.event.startup.server");

    let mut wrong = Vec::new();
    let mut sent = 0;
    for case in &cases {
        node.set_clock(case.at_ms);
        let copies = if case.case == "twice the same bytes" { 2 } else { 1 };
        for _ in 0..copies {
            client.publish("mcollective.broadcast.agent.rpcutil", case.payload.clone()).await;
        }
        sent += copies;
        node.wait_finished(sent).await;
        let mut replies = Vec::new();
        while replies.len() < case.replies {
            replies.push(client.next().await);
        }
        replies.extend(client.settle().await);
        wrong.extend(differences(case, &replies));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    check_counters(&node, cases.len() as u64);
    node.stop().await;
    assert_eq!(client.next().await.subject, "choria.lifecycle.event.shutdown.server");
    let status = status(&server);
    assert_eq!(status["identity"], N1);
    assert_eq!(status["connected_server"], server.url());
    assert_eq!(status["stats"]["total"], sent);
}

/// One more message than cases: one was sent twice.
fn check_counters(node: &TestNode, cases: u64) {
    let counts = node.node().stats().counts();
    assert_eq!(counts.total, cases + 1);
    assert_eq!(counts.ttlexpired, 2);
}

fn differences(case: &Case, replies: &[Received]) -> Option<String> {
    let name = &case.case;
    if replies.len() != case.replies {
        return Some(format!("{name}: {} replies instead of {}", replies.len(), case.replies));
    }
    let reply = replies.first()?;
    let expected = case.body.as_deref().unwrap_or_default();
    let body = reply.body();
    let code = body.as_str().map_or_else(|| body["statuscode"].to_string(), str::to_owned);
    if !expected.starts_with(&code) {
        return Some(format!("{name}: {body} instead of {expected}"));
    }
    let transport = reply.transport();
    assert_eq!(transport.sender(), Some(N1), "{name}");
    assert_eq!(transport.reply_to(), None, "{name}");
    let hops = transport.seen_by().len();
    if case.seen.is_some_and(|seen| seen != hops) {
        return Some(format!("{name}: {hops} hops"));
    }
    let headers: Value = serde_json::from_slice(&reply.payload).unwrap();
    let federation = headers["headers"].get("federation").cloned();
    if case.seen.is_some() && federation != case.federation.clone().filter(|f| !f.is_null()) {
        return Some(format!("{name}: federation {federation:?}"));
    }
    None
}
