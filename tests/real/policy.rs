//! A policy that changes while the gateways run.

use std::time::Duration;

use antiphon_lab::wait;
use antiphon_tests::{Fabric, even_costs, run};
use serde_json::Value;

const NO_DISCOVERY: &str = "[[accept]]\nname = \"quiet\"\nfrom = [\"eu\"]\nagents = [\"discovery\"]\n\
                            effect = \"deny\"\n";

/// Gives every gateway of `us` a policy; what `policy apply -o json` says, and its exit codes.
async fn apply(fabric: &Fabric, text: &str, more: &[&str]) -> Vec<(Value, Option<i32>)> {
    let file = fabric.folder().join("policy.toml");
    std::fs::write(&file, text).unwrap();
    let file = file.display().to_string();
    let mut answers = Vec::new();
    for gateway in fabric.lab.region("us").unwrap().gateways() {
        let admin = gateway.admin();
        let mut words = vec!["policy", "apply", &file, "--admin", &admin, "-o", "json"];
        words.extend(more);
        let output = run(&words).await;
        let answer = serde_json::from_slice(&output.stdout).expect("JSON");
        answers.push((answer, output.status.code()));
    }
    answers
}

fn of_region(answers: &std::collections::BTreeMap<String, u32>, region: &str) -> usize {
    answers.keys().filter(|name| name.contains(&format!(".{region}."))).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_refuses_an_agent_from_another_without_a_restart() {
    let fabric = Fabric::up(|options| {
        options.nodes = 2;
        options.gateway_settings = even_costs();
    })
    .await;
    assert_eq!(of_region(&fabric.ping("eu").await, "us"), 2);
    let tried = apply(&fabric, NO_DISCOVERY, &["--dry-run"]).await;
    let changes = tried.iter().map(|(one, _)| one["changes"].as_array().unwrap().len());
    assert!(changes.sum::<usize>() >= 1, "{tried:?}");
    assert_eq!(of_region(&fabric.ping("eu").await, "us"), 2, "a dry run changes nothing");
    let applied = apply(&fabric, NO_DISCOVERY, &[]).await;
    assert!(applied.iter().all(|(one, code)| one["applied"] == true && *code == Some(0)));
    let answers = fabric.ping("eu").await;
    assert_eq!((of_region(&answers, "us"), of_region(&answers, "ap")), (0, 2), "{answers:?}");
    assert_eq!(of_region(&fabric.ping("ap").await, "us"), 2, "ap may ask");
    let refused = apply(&fabric, "[[accept]]\nname = \"a\"\n", &[]).await;
    assert!(refused.iter().all(|(one, code)| one["applied"] == false && *code == Some(64)));
    assert_eq!(of_region(&fabric.ping("eu").await, "us"), 0, "the old one holds");
    apply(&fabric, "", &[]).await;
    assert_eq!(of_region(&fabric.ping("eu").await, "us"), 2);
    halted(&fabric).await;
    around_a_link(&fabric).await;
}

/// What a command says to one gateway, and how it ends.
async fn say(fabric: &Fabric, gateway: &str, words: &str) -> (String, Option<i32>) {
    let admin = fabric.lab.gateway(gateway).unwrap().admin();
    let words: Vec<&str> = words.split(' ').chain(["--admin", &admin]).collect();
    let output = run(&words).await;
    let said = [output.stdout, output.stderr].concat();
    (String::from_utf8_lossy(&said).into_owned(), output.status.code())
}

/// Waits until a command says this.
async fn until(fabric: &Fabric, gateway: &str, command: &str, words: &str) {
    let says = async || say(fabric, gateway, command).await.0.contains(words).then_some(());
    let found = wait::until(Duration::from_secs(20), says).await;
    assert!(found.is_some(), "{command}: {}", say(fabric, gateway, command).await.0);
}

/// A halt of one region holds in the others, which show by whom and why, until somebody resumes.
async fn halted(fabric: &Fabric) {
    let halt = "halt --collective mcollective --for 1h --reason drill";
    assert_eq!(say(fabric, "eu-1", halt).await.1, Some(0));
    for gateway in fabric.gateways() {
        until(fabric, gateway.name(), "halt list -o json", "\"in force\"").await;
    }
    let answers = fabric.ping("us").await;
    assert_eq!((answers.len(), of_region(&answers, "us")), (2, 2), "its own nodes: {answers:?}");
    until(fabric, "us-1", "status", "collective mcollective: halted in eu by").await;
    let subject = "explain mcollective.broadcast.agent.discovery";
    let (explained, code) = say(fabric, "us-1", subject).await;
    assert!(code == Some(2) && explained.contains("drill"), "{explained}");
    let nothing = say(fabric, "us-1", "resume --caller choria=nobody").await;
    assert_eq!(nothing.1, Some(2), "{}", nothing.0);
    assert_eq!(say(fabric, "us-2", "resume --collective mcollective").await.1, Some(0));
    for gateway in fabric.gateways() {
        until(fabric, gateway.name(), "halt list", "nothing is halted").await;
    }
    assert_eq!(fabric.ping("eu").await.len(), 6);
    let eu = fabric.lab.gateway("eu-1").unwrap();
    let log = std::fs::read_to_string(eu.process().log()).unwrap();
    assert!(log.contains("what=\"halt\"") && log.contains("drill"), "an audit line: {log}");
}

/// A link that is held down carries nothing, and everybody is reached all the same.
async fn around_a_link(fabric: &Fabric) {
    assert_eq!(say(fabric, "eu-1", "link down us --reason drill").await.1, Some(0));
    until(fabric, "eu-2", "links --region us", "held down").await;
    until(fabric, "us-1", "links --region eu", "held down").await;
    until(fabric, "eu-2", "routes us", "ap-").await;
    assert_eq!(fabric.ping("eu").await.len(), 6);
    let theirs = say(fabric, "us-1", "link up eu").await;
    assert_eq!(theirs.1, Some(2), "eu alone lifts it: {}", theirs.0);
    assert_eq!(say(fabric, "eu-2", "link up us").await.1, Some(0));
    until(fabric, "us-1", "halt list", "no link is held down").await;
}
