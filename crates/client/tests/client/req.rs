//! `req` with nodes that answer well, badly, twice, late or never.

use std::time::Duration;

use antiphon_broker::Operation;
use serde_json::{Value, json};

use crate::nodes::{among, babbling, failing, on, silent, twice};
use crate::support::{good, memory, ok, run};

#[tokio::test(start_paused = true)]
async fn req_discovers_then_asks_each_node_directly() {
    let (mut client, log) = among(&[("n1.example.net", good), ("n2.example.net", good)]).await;

    let ended = run(&mut client, "req rpcutil ping -F country=mt -C one").await;

    assert_eq!(ended.code(), 0, "{ended:?}");
    assert_eq!(ended.err, "Discovering nodes using the mc method .... 2\n");
    assert!(ended.out.contains("n1.example.net\n   Timestamp: 1795489910\n"), "{}", ended.out);
    assert!(ended.out.contains("\nFinished processing 2 / 2 hosts in "), "{}", ended.out);
    let log = log.lock().unwrap();
    let mut subjects: Vec<_> = log.iter().map(|(subject, _)| subject.as_str()).collect();
    subjects.sort_unstable();
    assert_eq!(
        subjects,
        [
            "mcollective.broadcast.agent.discovery",
            "mcollective.broadcast.agent.discovery",
            "mcollective.node.n1.example.net",
            "mcollective.node.n2.example.net",
        ]
    );
    let directed: Vec<_> = log.iter().filter(|(subject, _)| subject.contains(".node.")).collect();
    assert_eq!(directed[0].1, directed[1].1);
    assert_eq!(directed[0].1.filter.agent, ["rpcutil"]);
    assert!(directed[0].1.filter.fact.is_empty());
    let discovery = log.iter().find(|(subject, _)| subject.contains(".discovery")).unwrap();
    assert_eq!(discovery.1.filter.fact[0].operator, "==");
    assert_eq!(discovery.1.filter.class, ["one"]);
}

#[tokio::test(start_paused = true)]
async fn req_shows_failures_first_and_names_who_did_not_answer() {
    let (mut client, _) = among(&[("n1", good), ("n2", failing), ("n3", silent)]).await;

    let ended = run(&mut client, "req rpcutil ping --display all").await;

    assert_eq!(ended.code(), 2);
    let (failed, good) = (ended.out.find("n2").unwrap(), ended.out.find("n1").unwrap());
    assert!(failed < good, "{}", ended.out);
    assert!(ended.out.contains("Request Aborted\n    no luck\n"), "{}", ended.out);
    assert!(ended.out.contains("Finished processing 2 / 3 hosts in 6"), "{}", ended.out);
    assert!(ended.out.ends_with("\nNo Responses from: 1\n\n    n3\n"), "{}", ended.out);
}

#[tokio::test(start_paused = true)]
async fn senders_are_names_alone_and_replies_can_be_sorted() {
    let (mut client, _) = among(&[("n3", twice), ("n1", good), ("n2", failing)]).await;
    let ended = run(&mut client, "req rpcutil ping --senders --sort").await;
    assert_eq!((ended.out.as_str(), ended.err.as_str()), ("n1\nn2\nn3\n", ""));
    let ended = run(&mut client, "req rpcutil ping --senders --display failed").await;
    assert_eq!(ended.out, "n2\n");
    let ended = run(&mut client, "req rpcutil ping -I n2 -I n1 --sort -o json").await;
    let json = ended.json();
    let senders: Vec<_> =
        json["replies"].as_array().unwrap().iter().map(|r| &r["sender"]).collect();
    assert_eq!(senders, ["n1", "n2"]);
}

#[tokio::test(start_paused = true)]
async fn copies_of_a_reply_are_unexpected() {
    let (mut client, _) = among(&[("n1", twice), ("n2", silent)]).await;

    let ended = run(&mut client, "req rpcutil ping -o json").await;

    let stats = &ended.json()["request_stats"];
    assert_eq!(stats["responses"], 2);
    assert_eq!(stats["unexpected_responses"], json!(["n1"]));
    assert_eq!(stats["no_responses"], json!(["n2"]));
    assert_eq!(ended.json()["replies"].as_array().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn replies_that_make_no_sense_are_told_and_end_nothing() {
    let (mut client, _) = among(&[("n1", babbling), ("n2", good)]).await;

    let ended = run(&mut client, "req rpcutil ping").await;

    assert_eq!(ended.code(), 2);
    assert!(ended.err.contains("warning: a reply is no Choria message: "), "{}", ended.err);
    assert!(ended.out.contains("Unknown Request Status"), "{}", ended.out);
    assert!(ended.out.contains("the reply is not the JSON of an RPC reply: "), "{}", ended.out);
}

fn hostile(identity: &str, body: &Value) -> Vec<String> {
    if body == "ping" {
        return silent(identity, body);
    }
    let data = json!({"pong": "\u{1b}[2Jgone", "deep": [[[{"a": null}]]]});
    vec![ok(body, data); 3]
}

#[tokio::test(start_paused = true)]
async fn a_node_cannot_steer_the_terminal() {
    let (mut client, _) = among(&[("n1", hostile)]).await;
    let ended = run(&mut client, "req rpcutil ping").await;
    assert!(ended.out.contains("Timestamp: \u{fffd}[2Jgone"), "{}", ended.out);
    assert!(!ended.out.contains('\u{1b}'));
}

#[tokio::test(start_paused = true)]
async fn literal_identities_are_asked_without_discovery() {
    let (mut client, log) = among(&[("n1", good), ("n2", good)]).await;

    let ended = run(&mut client, "req rpcutil ping -I n1 -I n1 -I n9").await;

    assert_eq!(ended.code(), 2);
    assert!(ended.out.contains("Finished processing 1 / 2 hosts"), "{}", ended.out);
    assert!(ended.out.contains("No Responses from: 1\n\n    n9\n"), "{}", ended.out);
    assert_eq!(log.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn batches_share_a_request_id_and_wait_for_each_other() {
    let (mut client, log) = among(&[("n1", good), ("n2", silent), ("n3", good)]).await;
    let start = tokio::time::Instant::now();

    let line = "req rpcutil ping -I n1 -I n2 -I n3 --batch 1 --batch-sleep 10";
    let ended = run(&mut client, line).await;

    assert_eq!(ended.code(), 2);
    // Two pauses of 10 s, and 4 s for the node that is silent.
    assert_eq!(start.elapsed().as_secs(), 24);
    let log = log.lock().unwrap();
    let ids: std::collections::BTreeSet<_> = log.iter().map(|(_, r)| r.head.id.clone()).collect();
    assert_eq!((log.len(), ids.len()), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn a_limit_asks_the_first_nodes_by_name() {
    let (mut client, _) = among(&[("n3", good), ("n1", good), ("n2", good)]).await;
    let ended = run(&mut client, "req rpcutil ping --limit 1 -o json").await;
    assert_eq!(ended.json()["replies"][0]["sender"], "n1");
    assert_eq!(ended.json()["request_stats"]["discovered"], 1);
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_prints_what_has_arrived() {
    let (mut client, log) = among(&[("n1", good), ("n2", silent)]).await;
    let stop = client.stop.clone();
    tokio::spawn(async move {
        while log.lock().unwrap().len() < 2 {
            tokio::task::yield_now().await;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        stop.cancel();
    });

    let ended = run(&mut client, "req rpcutil ping -I n1 -I n2").await;

    assert_eq!(ended.code(), 2);
    assert!(ended.out.contains("Finished processing 1 / 2 hosts in 1"), "{}", ended.out);
}

#[tokio::test(start_paused = true)]
async fn answers_outlive_a_broker_that_is_lost() {
    let broker = memory();
    let (mut client, log) = on(&broker, &[("n1", good), ("n2", good)]).await;
    tokio::spawn(async move {
        while log.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        broker.stop();
    });

    let line = "req rpcutil ping -I n1 -I n2 --batch 1 --batch-sleep 10";
    let ended = run(&mut client, line).await;

    assert_eq!(ended.code(), 2, "{ended:?}");
    assert!(ended.out.contains("Finished processing 1 / 2 hosts in 1"), "{}", ended.out);
    for told in [
        "warning: the broker connection was lost: ",
        "warning: cannot publish on mcollective.node.n2: the connection is lost\n",
    ] {
        assert!(ended.err.contains(told), "{}", ended.err);
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_broker_denies_is_named() {
    let broker = memory();
    let (mut client, _) = on(&broker, &[]).await;
    broker.deny("alice", Operation::Publish, "mcollective.node.>");
    broker.deny("alice", Operation::Subscribe, "eu.reply.>");
    for (line, start) in [
        ("req rpcutil ping -I n1", "the broker does not let us publish on mcollective.node.n1"),
        ("ping -T eu", "the broker does not let us subscribe to eu.reply."),
    ] {
        let ended = run(&mut client, line).await;
        assert_eq!(ended.code(), 2);
        let told = ended.result.unwrap_err().to_string();
        assert!(told.starts_with(start), "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_after_an_interrupt() {
    for (line, subject, asked) in [
        ("req rpcutil ping", ".discovery", 1),
        ("facts country", ".discovery", 1),
        ("req rpcutil ping -I n1 -I n2 --batch 1 --batch-sleep 60", ".node.", 1),
    ] {
        let (mut client, log) = among(&[("n1", good), ("n2", good)]).await;
        let (stop, seen) = (client.stop.clone(), log.clone());
        tokio::spawn(async move {
            while !seen.lock().unwrap().iter().any(|(to, _)| to.contains(subject)) {
                tokio::task::yield_now().await;
            }
            stop.cancel();
        });

        let ended = run(&mut client, line).await;

        assert_eq!(ended.code(), 2, "{line}");
        let log = log.lock().unwrap();
        let directed = log.iter().filter(|(to, _)| to.contains(".node.")).count();
        assert!(directed <= asked - usize::from(subject == ".discovery"), "{line}: {directed}");
    }
}

#[tokio::test(start_paused = true)]
async fn replies_to_another_subject_are_not_awaited() {
    let (mut client, log) = among(&[("n1", good)]).await;

    let ended = run(&mut client, "req rpcutil ping -I n1 --reply-to acme.answers").await;

    assert_eq!(ended.code(), 0);
    assert_eq!(ended.out.trim().len(), 32);
    let seen = log.lock().unwrap().iter().map(|(_, r)| r.head.id.to_string()).collect::<Vec<_>>();
    assert!(seen.is_empty() || seen == [ended.out.trim()]);
}

#[tokio::test(start_paused = true)]
async fn a_service_is_asked_once_and_its_first_reply_ends_it() {
    let (mut client, log) = among(&[("n1", good), ("n2", good)]).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("choria/agent")).unwrap();
    let ddl = json!({"metadata": {"name": "signer", "timeout": 3, "service": true},
        "actions": [{"action": "sign", "display": "always"}]});
    std::fs::write(folder.path().join("choria/agent/signer.json"), ddl.to_string()).unwrap();
    client.config.libraries = vec![folder.path().to_owned()];

    let ended = run(&mut client, "req signer sign -o json").await;

    assert_eq!(ended.code(), 0, "{ended:?}");
    assert_eq!(ended.json()["replies"].as_array().unwrap().len(), 1);
    assert_eq!(log.lock().unwrap()[0].0, "mcollective.broadcast.service.signer");
}
