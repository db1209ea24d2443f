//! A policy that changes while the gateways run.

use antiphon_tests::{Fabric, run};
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
    let fabric = Fabric::up(|options| options.nodes = 2).await;
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
}
