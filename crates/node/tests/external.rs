//! External agents: programs that answer through files, as plain agents and as a service.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod harness;

use std::num::NonZeroUsize;
use std::time::Duration;

use antiphon_node::{Clock, Emulation, NodeConfig, Server};
use harness::broker::NatsServer;
use harness::caller::Caller;
use harness::client::CLIENT;
use harness::nodes::{N1, TestNode, write_config, write_program};
use serde_json::json;

/// An agent in shell, as Choria starts them: files in, files out.
const EXTERNAL: &str = r#"
case "$CHORIA_EXTERNAL_PROTOCOL" in
  *activation_request) echo '{"activate":true}' > "$CHORIA_EXTERNAL_REPLY" ;;
  *rpc_request) read -r request < "$CHORIA_EXTERNAL_REQUEST"
    case "$request" in
      *fail*) echo '{"statuscode":1,"statusmsg":"as you wish"}' > "$2" ;;
      *) printf '{"data":{"caller_seen":%s}}' true > "$2" ;;
    esac ;;
esac"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn external_agents_answer_through_files() {
    let ddl = json!({
        "metadata": {"name": "hello", "timeout": 5, "provider": "external", "version": "1.0.0"},
        "actions": [{"action": "say", "input": {"mode": {"type": "string", "optional": true}}}],
    });
    let server = NatsServer::start(&[N1, CLIENT]).await;
    let folder = server.file("programs");
    std::fs::create_dir(&folder).unwrap();
    write_program(&folder.join("hello"), EXTERNAL);
    std::fs::write(folder.join("hello.json"), ddl.to_string()).unwrap();
    let more = format!("agents.external = {folder:?}\nauthorization.enabled = false");
    let mut caller = Caller::connect(&server).await;
    let node = TestNode::start(write_config(&server, &more), Caller::AT_MS).await;
    caller.wait_for_startup().await;
    let said = caller.call("hello", "say", &json!({})).await;
    assert_eq!((&said["statuscode"], &said["data"]), (&json!(0), &json!({"caller_seen": true})));
    let failed = caller.call("hello", "say", &json!({"mode": "fail"})).await;
    assert_eq!((&failed["statuscode"], &failed["statusmsg"]), (&json!(1), &json!("as you wish")));
    let unknown = caller.call("hello", "shout", &json!({})).await;
    assert_eq!(unknown["statuscode"], 2);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_is_answered_by_one_node_of_all() {
    let ddl = json!({
        "metadata": {"name": "hello", "timeout": 5, "provider": "external", "service": true},
        "actions": [{"action": "say", "input": {}}],
    });
    let server = NatsServer::start(&[N1, CLIENT]).await;
    let folder = server.file("programs");
    std::fs::create_dir(&folder).unwrap();
    write_program(&folder.join("hello"), EXTERNAL);
    std::fs::write(folder.join("hello.json"), ddl.to_string()).unwrap();
    let more = format!("agents.external = {folder:?}\nauthorization.enabled = false");
    let config = NodeConfig::load(&write_config(&server, &more)).unwrap();
    let mut caller = Caller::connect(&server).await;
    let emulation = Emulation { nodes: NonZeroUsize::new(5).unwrap(), connections: None };
    let at = Duration::from_millis(Caller::AT_MS);
    let nodes = Server::emulate(&config, emulation, Clock::new(move || at)).await.unwrap();
    for _ in nodes.nodes() {
        caller.wait_for_startup().await;
    }
    let subject = "mcollective.broadcast.service.hello";
    let said = caller.call_on(subject, "hello", "say", &json!({})).await;
    assert_eq!(said["statuscode"], 0);
    let received: u64 = nodes.nodes().iter().map(|node| node.stats().counts().total).sum();
    assert_eq!(received, 1);
    nodes.stop_token().cancel();
    nodes.join().await.unwrap();
}
