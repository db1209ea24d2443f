//! What a node does unasked, how it stops, and a node of protocol v2.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod harness;

use std::time::Duration;

use antiphon_wire::{Credentials, Transport};
use harness::broker::NatsServer;
use harness::caller::Caller;
use harness::client::{CLIENT, Client, Received};
use harness::nodes::{N1, TestNode, status, write_config};
use harness::vectors;
use serde_json::{Value, json};

/// The members of an object, in order, and of the object in its `data`.
fn shape(event: &str) -> Vec<String> {
    let keys =
        |value: &Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
    let event: Value = serde_json::from_str(event).unwrap();
    [keys(&event), keys(&event["data"])].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn coming_and_going_is_told_in_the_form_of_real_nodes() {
    let recorded = vectors::messages("lifecycle-and-registration.json");
    let server = NatsServer::start(&[N1, CLIENT]).await;
    let mut client = Client::connect(&server, &["choria.lifecycle.>"]).await;
    let node = TestNode::start(write_config(&server, ""), recorded[0].at_ms).await;
    let startup = client.next().await;
    node.stop().await;
    let shutdown = client.next().await;
    for (ours, theirs) in [(startup, &recorded[0]), (shutdown, &recorded[2])] {
        let text = std::str::from_utf8(&ours.payload).unwrap();
        assert_eq!(ours.subject, theirs.subject);
        assert_eq!(shape(text), shape(&theirs.payload));
        let event: Value = serde_json::from_str(text).unwrap();
        assert_eq!(event["data"]["identity"], N1);
        assert_eq!(event["id"], event["data"]["id"]);
    }
}

/// The recorded node registered a file; so does ours.
const REGISTRATION: &str = "registration.file = \"facts.json\"\nregistration.interval = \"1s\"";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn registration_is_a_request_of_the_recorded_form() {
    let recorded = &vectors::messages("lifecycle-and-registration.json")[1];
    let server = NatsServer::start(&[N1, CLIENT]).await;
    let mut client = Client::connect(&server, &["mcollective.broadcast.agent.registration"]).await;
    let config = write_config(&server, REGISTRATION);
    let node = TestNode::start(config, recorded.at_ms).await;
    let ours = client.next().await;
    assert_eq!(ours.subject, recorded.subject);
    let request = ours.transport().request().unwrap();
    let theirs = Transport::decode(recorded.payload.clone().into()).unwrap().request().unwrap();
    assert_eq!(ours.transport().reply_to(), Some("dev.null"));
    assert_eq!((request.head.agent, request.filter), (theirs.head.agent, theirs.filter));
    let body = |message: &[u8]| -> Value { serde_json::from_slice(message).unwrap() };
    let (mine, other) = (body(&request.message), body(&theirs.message));
    let keys = |body: &Value| body.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&mine), keys(&other));
    assert_eq!(mine["protocol"], other["protocol"]);
    let Credentials::X509 { pubcert } = request.proof.credentials else { panic!("v1") };
    assert!(pubcert.contains("BEGIN CERTIFICATE"), "{pubcert}");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_told_to_stop_finishes_what_runs() {
    let more = "agents.shell = true\nauthorization.enabled = false";
    let server = NatsServer::start(&[N1, CLIENT]).await;
    let mut caller = Caller::connect(&server).await;
    let node = TestNode::start(write_config(&server, more), Caller::AT_MS).await;
    caller.wait_for_startup().await;
    let (begun, go) = (server.file("begun"), server.file("go"));
    let command = format!(
        ": > {}; while [ ! -e {} ]; do :; done; echo finished",
        begun.display(),
        go.display()
    );
    let call =
        tokio::spawn(
            async move { caller.call("shell", "run", &json!({ "command": command })).await },
        );
    harness::wait_for("the command running", || begun.exists()).await;
    let stopped = tokio::spawn(node.stop());
    std::fs::write(go, "").unwrap();
    assert_eq!(call.await.unwrap()["data"]["stdout"], "finished\n");
    stopped.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_of_two_collectives_answers_in_both() {
    let server = NatsServer::start(&[N1, CLIENT]).await;
    let mut caller = Caller::connect(&server).await;
    let path = write_config(&server, "");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("[\"mcollective\"]", "[\"mcollective\", \"malta\"]"))
        .unwrap();
    let node = TestNode::start(path, Caller::AT_MS).await;
    caller.wait_for_startup().await;
    for collective in ["mcollective", "malta"] {
        caller.collective = collective;
        let told = caller.call("rpcutil", "collective_info", &json!({})).await;
        assert_eq!(told["data"]["collectives"], json!(["mcollective", "malta"]));
        let subject = format!("{collective}.broadcast.agent.rpcutil");
        let told = caller.call_on(&subject, "rpcutil", "ping", &json!({})).await;
        assert_eq!(told["statuscode"], 0);
    }
    node.stop().await;
}

/// The node of the recordings of protocol v2.
const N4: &str = "n4.example.net";

fn v2_config(server: &NatsServer) -> std::path::PathBuf {
    let issuer = std::fs::read_to_string(vectors::key("v2-issuer.public")).unwrap();
    let text = format!(
        r#"
        identity = "{N4}"
        collectives = ["choria"]
        status_file = "status.json"
        broker.servers = ["{}"]
        broker.tls = {{ certificate = "{CLIENT}.pem", key = "{CLIENT}-key.pem", ca = "ca.pem" }}
        [security.v2]
        issuers.choria = "{}"
        token = {:?}
        seed = {:?}
        "#,
        server.url(),
        issuer.trim(),
        vectors::key("v2-n4.jwt"),
        vectors::key("v2-n4.seed"),
    );
    let path = server.file("node.toml");
    std::fs::write(&path, text).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_of_protocol_v2_answers_what_a_real_one_answered() {
    let recorded = vectors::messages("v2-ping-and-rpc.json");
    let server = NatsServer::start(&[CLIENT]).await;
    let mut client = Client::connect(&server, &["choria.reply.>", "choria.lifecycle.>"]).await;
    let node = TestNode::start(v2_config(&server), recorded[0].at_ms).await;
    assert!(client.next().await.subject.contains("startup"));
    for pair in recorded.chunks(2) {
        let [request, answer] = pair else { panic!("every request was answered") };
        node.set_clock(request.at_ms);
        client.publish(&request.subject, request.payload.clone()).await;
        let ours = client.next().await;
        let theirs =
            Received { subject: answer.subject.clone(), payload: answer.payload.clone().into() };
        assert_eq!(ours.subject, theirs.subject);
        assert_eq!(ours.body(), theirs.body());
        let (mine, other) =
            (ours.transport().secure_reply().unwrap(), theirs.transport().secure_reply().unwrap());
        assert_eq!(mine.token, other.token);
        assert!(mine.signature.is_some());
    }
    // The recorded token is good for ten years, the request for a minute.
    let stale = &recorded[0];
    node.set_clock(stale.at_ms + u64::try_from(Duration::from_secs(61).as_millis()).unwrap());
    client.publish(&stale.subject, stale.payload.clone()).await;
    node.wait_finished(4).await;
    assert_eq!(node.node().stats().counts().ttlexpired, 1);
    node.stop().await;
    assert_eq!(status(&server)["stats"]["replies"], 3);
}
