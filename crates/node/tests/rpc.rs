//! Recorded calls through a real broker: our answers have the shape of a real node's.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod harness;

use antiphon_wire::Transport;
use harness::broker::NatsServer;
use harness::client::{CLIENT, Client};
use harness::nodes::{N1, TestNode, write_config};
use harness::vectors::{self, Message};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_have_the_shape_of_a_real_nodes() {
    let messages = vectors::messages("v1-rpc-replies.json");
    let server = NatsServer::start(&[N1, CLIENT]).await;
    let mut client = Client::connect(&server, &["mcollective.reply.>", "choria.>"]).await;
    let node = TestNode::start(write_config(&server, ""), messages[0].at_ms).await;
    assert!(client.next().await.subject.contains("startup"));
    for pair in messages.chunks(2) {
        let [request, answer] = pair else { panic!("every request was answered") };
        node.set_clock(request.at_ms);
        client.publish(&request.subject, request.payload.clone()).await;
        let ours = client.next().await;
        assert_eq!(ours.subject, answer.subject);
        compare(&ours.body(), &recorded_body(answer));
    }
    node.stop().await;
}

fn recorded_body(answer: &Message) -> Value {
    let transport = Transport::decode(answer.payload.clone().into()).unwrap();
    serde_json::from_slice(&transport.reply().unwrap().message).unwrap()
}

fn compare(ours: &Value, theirs: &Value) {
    let action = &theirs["action"];
    for member in ["action", "statuscode", "statusmsg"] {
        assert_eq!(ours[member], theirs[member], "{action}");
    }
    let keys = |value: &Value| {
        let members = value["data"].as_object().unwrap();
        members.iter().map(|(key, value)| (key.clone(), kind(value))).collect::<Vec<_>>()
    };
    assert_eq!(keys(ours), keys(theirs), "{action}");
    for told in ["classes", "collectives", "facts", "main_collective", "fact", "value", "values"] {
        assert_eq!(ours["data"].get(told), theirs["data"].get(told), "{action}: {told}");
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}
