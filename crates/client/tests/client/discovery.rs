//! `find`, from broadcasts and from lists; federated requests; protocol v2.

use antiphon_broker::{BrokerCommand, BrokerEvent, SubscriptionId};
use antiphon_wire::{Cluster, Transport};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::support::{Log, client, config, config_v2, good, memory, node, run, run_with};

fn twice(_: &str, _: &Value) -> Vec<String> {
    vec!["pong".to_owned(), "pong".to_owned()]
}

#[tokio::test(start_paused = true)]
async fn find_lists_nodes_once_and_warns_of_copies() {
    let (bus, log) = (memory(), Log::default());
    node(bus.connect("node"), "n1", good, &log).await;
    node(bus.connect("node"), "n2", twice, &log).await;
    let mut client = client(config(), bus.connect("alice"), &CancellationToken::new()).await;

    let ended = run(&mut client, "find -v").await;

    let mut names: Vec<_> = ended.out.lines().collect();
    names.sort_unstable();
    assert_eq!((ended.code(), names), (0, vec!["n1", "n2"]));
    assert!(ended.err.contains("warning: found more than once, and asked once: n2\n"));
    assert!(ended.err.contains("Discovered 2 nodes using the mc method in 2.00 seconds"));
    let json = run(&mut client, "find --json").await.json();
    assert_eq!(json.as_array().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_window_ends_discovery_when_answers_cease() {
    let (bus, log) = (memory(), Log::default());
    node(bus.connect("node"), "n1", good, &log).await;
    let mut client = client(config(), bus.connect("alice"), &CancellationToken::new()).await;
    let start = tokio::time::Instant::now();

    let ended = run(&mut client, "find --discovery-window").await;

    assert_eq!(ended.code(), 0);
    assert!(start.elapsed().as_millis() < 400, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn nodes_are_read_from_files_and_from_standard_input() {
    let bus = memory();
    let mut client = client(config(), bus.connect("alice"), &CancellationToken::new()).await;
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in
        [("a.txt", "n1\nn2\n"), ("a.json", "[\"n1\",\"n2\"]"), ("a.yaml", "- n1\n- n2\n")]
    {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let ended = run(&mut client, &format!("find --nodes {}", path.display())).await;
        assert_eq!(ended.out, "n1\nn2\n", "{name}");
    }
    let results =
        "{\"replies\":[{\"sender\":\"n7\",\"statuscode\":0},{\"sender\":\"n8\",\"statuscode\":1}]}";
    for line in ["find --nodes -", "find --dm stdin"] {
        assert_eq!(run_with(&mut client, line, results).await.out, "n7\n");
    }
    let narrowed = run_with(&mut client, "find --nodes - -F a=b", "n1\n").await;
    assert_eq!(narrowed.out, "n1\n");
    assert!(narrowed.err.starts_with("warning: the list of nodes is used as it is"));
    let missing = run(&mut client, "find --nodes /nonexistent/nodes").await;
    assert_eq!(missing.code(), 64);
    assert_eq!(missing.result.unwrap_err().to_string(), "cannot read /nonexistent/nodes");
}

#[tokio::test(start_paused = true)]
async fn a_federated_client_sends_targets_to_every_cluster_in_groups() {
    let bus = memory();
    let mut listener = bus.connect("listener");
    let subject = "choria.federation.>".to_owned();
    let id = SubscriptionId(1);
    listener.commands.send(BrokerCommand::Subscribe { id, subject, group: None }).await.unwrap();
    let mut config = config();
    config.federations = ["london", "paris"].map(|name| Cluster::try_from(name).unwrap()).to_vec();
    let mut client = client(config, bus.connect("alice"), &CancellationToken::new()).await;
    let nodes: Vec<_> = (0..201).map(|n| format!("n{n}")).collect();

    let ended = run_with(&mut client, "req rpcutil ping --nodes -", &nodes.join("\n")).await;

    assert_eq!(ended.code(), 3);
    let mut seen = Vec::new();
    while seen.len() < 4 {
        let Some(BrokerEvent::Message(message)) = listener.events.recv().await else { continue };
        let transport = Transport::decode(message.payload).unwrap();
        let federation = transport.federation().unwrap();
        assert_eq!(federation.request, transport.request_head().unwrap().id.as_str());
        assert!(transport.reply_to().unwrap().starts_with("mcollective.reply."));
        assert!(federation.targets[0].starts_with("mcollective.node.n"));
        seen.push((message.subject, federation.targets.len()));
    }
    let subject = |name| format!("choria.federation.{name}.federation");
    let groups = [
        (subject("london"), 200),
        (subject("paris"), 200),
        (subject("london"), 1),
        (subject("paris"), 1),
    ];
    assert_eq!(seen, groups);
}

#[tokio::test(start_paused = true)]
async fn a_v2_client_signs_with_its_seed() {
    let bus = memory();
    let mut listener = bus.connect("listener");
    let subject = "choria.broadcast.agent.discovery".to_owned();
    let id = SubscriptionId(1);
    listener.commands.send(BrokerCommand::Subscribe { id, subject, group: None }).await.unwrap();
    let mut client = client(config_v2(), bus.connect("alice"), &CancellationToken::new()).await;

    assert_eq!(run(&mut client, "ping").await.code(), 3);

    let message = loop {
        if let Some(BrokerEvent::Message(message)) = listener.events.recv().await {
            break message;
        }
    };
    let request = Transport::decode(message.payload).unwrap().request().unwrap();
    request.check_schema().unwrap();
    assert_eq!(request.head.caller.as_str(), "alice");
    assert_eq!(&*request.payload(), b"ping");
    let key = antiphon_identity::v2::Seed::from_file(
        &crate::support::vectors().join("keys/v2-alice.seed"),
    );
    let signature = request.proof.signature.unwrap();
    assert!(key.unwrap().public().verify(&request.proof.signed, &signature));
}

#[tokio::test(start_paused = true)]
async fn a_v2_request_is_answered_as_a_v1_one_is() {
    let (broker, log) = (memory(), Log::default());
    node(broker.connect("n1"), "n1", good, &log).await;
    let mut client = client(config_v2(), broker.connect("alice"), &CancellationToken::new()).await;

    let ended = run(&mut client, "req rpcutil ping -o json").await;

    assert_eq!(ended.code(), 0, "{ended:?}");
    assert_eq!(ended.json()["replies"][0]["data"]["pong"], 1_795_489_910);
    assert_eq!(ended.json()["request_stats"]["requestid"].as_str().unwrap().len(), 27);
}
