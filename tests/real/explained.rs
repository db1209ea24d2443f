//! What operators ask about single messages, on a whole fabric and with a link cut.

use antiphon_tests::{Fabric, run};
use serde_json::Value;

const SUBJECT: &str = "mcollective.broadcast.agent.discovery";

/// What a command answers, and its exit code.
async fn ask(fabric: &Fabric, arguments: &[&str]) -> (Value, i32) {
    let dir = fabric.lab.dir().display().to_string();
    let output = run(&[arguments, &["--lab", &dir, "-o", "json"]].concat()).await;
    let error = String::from_utf8_lossy(&output.stderr);
    let value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{error}"));
    (value, output.status.code().unwrap())
}

fn next_hops(explanation: &Value) -> Vec<(String, String)> {
    let candidates = explanation["candidates"].as_array().unwrap().iter();
    let asked = candidates.filter(|one| one["asked"] == true);
    let hop = |one: &Value| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (text(&one["region"]), text(&one["way"]["peer"]))
    };
    asked.map(hop).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_explained_before_and_accounted_for_after() {
    let fabric = Fabric::up(|_| {}).await;
    let (explanation, code) = ask(&fabric, &["explain", SUBJECT]).await;
    assert_eq!(code, 0, "{explanation}");
    let hops = next_hops(&explanation);
    assert_eq!(hops.iter().map(|(region, _)| region.as_str()).collect::<Vec<_>>(), ["ap", "us"]);

    let (supposed, code) =
        ask(&fabric, &["explain", SUBJECT, "--what-if", "down:eu-us,down:us-ap"]).await;
    assert_eq!(code, 2, "{supposed}");
    assert_eq!(next_hops(&supposed)[1], ("us".to_owned(), String::new()));

    fabric.ping("eu").await;
    let (requests, _) = ask(&fabric, &["requests"]).await;
    let (other, _) = ask(&fabric, &["requests", "--gateway", "eu-2"]).await;
    let both = [&requests, &other].map(|one| one["requests"].as_array().unwrap().clone());
    let asked: Vec<Value> =
        both.concat().into_iter().filter(|one| one["asked"].is_object()).collect();
    let [request] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!(request["asked"]["subject"], SUBJECT);
    let sent: Vec<&str> =
        request["sent"].as_array().unwrap().iter().map(|one| one["region"].as_str().unwrap()).collect();
    assert_eq!(sent, ["ap", "us"]);
    let came: u64 = both
        .concat()
        .iter()
        .filter(|one| one["request"] == request["request"])
        .flat_map(|one| one["returned"].as_array().unwrap().clone())
        .map(|one| one["published"].as_u64().unwrap())
        .sum();
    assert_eq!(came, 4, "two nodes of each of two regions: {asked:?}");
    fabric.conserved().await;
}
