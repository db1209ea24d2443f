//! What operators ask about single messages, on a whole fabric and with a link cut.

use std::time::Duration;

use antiphon_lab::{Relayed, wait};
use antiphon_tests::{Fabric, even_costs, run};
use serde_json::Value;

const SUBJECT: &str = "mcollective.broadcast.agent.discovery";

/// What a gateway answers to a command, and the exit code.
async fn ask(fabric: &Fabric, gateway: &str, arguments: &[&str]) -> (Value, i32) {
    let admin = fabric.lab.gateway(gateway).unwrap().admin();
    let output = run(&[arguments, &["--admin", &admin, "-o", "json"]].concat()).await;
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
    let (explanation, code) = ask(&fabric, "eu-1", &["explain", SUBJECT]).await;
    assert_eq!(code, 0, "{explanation}");
    let hops = next_hops(&explanation);
    assert_eq!(hops.iter().map(|(region, _)| region.as_str()).collect::<Vec<_>>(), ["ap", "us"]);

    let (supposed, code) =
        ask(&fabric, "eu-1", &["explain", SUBJECT, "--what-if", "down:eu-us,down:us-ap"]).await;
    assert_eq!(code, 2, "{supposed}");
    assert_eq!(next_hops(&supposed)[1], ("us".to_owned(), String::new()));

    fabric.ping("eu").await;
    let (requests, _) = ask(&fabric, "eu-1", &["requests"]).await;
    let (other, _) = ask(&fabric, "eu-2", &["requests"]).await;
    let both = [&requests, &other].map(|one| one["requests"].as_array().unwrap().clone());
    let asked: Vec<Value> =
        both.concat().into_iter().filter(|one| one["asked"].is_object()).collect();
    let [request] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!(request["asked"]["subject"], SUBJECT);
    let sent: Vec<&str> = request["sent"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["region"].as_str().unwrap())
        .collect();
    assert_eq!(sent, ["ap", "us"]);
    let came: u64 = both
        .concat()
        .iter()
        .filter(|one| one["request"] == request["request"])
        .flat_map(|one| one["returned"].as_array().unwrap().clone())
        .map(|one| one["published"].as_u64().unwrap())
        .sum();
    assert_eq!(came, 4, "two nodes of each of two regions: {asked:?}");

    let (trace, code) = ask(&fabric, "eu-1", &["trace", "us"]).await;
    assert_eq!(code, 0, "{trace}");
    let hops = trace["traces"][0]["hops"].as_array().unwrap();
    assert!(hops.len() >= 2 && hops.iter().any(|hop| hop["broker_us"].is_u64()), "{trace}");
    fabric.conserved().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_link_cut_the_way_around_is_explained_and_traced() {
    let fabric = Fabric::up(|options| {
        options.relayed = Relayed::Links;
        options.gateway_settings = even_costs();
    })
    .await;
    for relay in fabric.lab.link_relays("eu", "us") {
        relay.cut();
    }
    let around = wait::until(Duration::from_secs(20), async || {
        let (explanation, code) = ask(&fabric, "eu-1", &["explain", SUBJECT]).await;
        let (_, peer) = next_hops(&explanation).into_iter().find(|(region, _)| region == "us")?;
        (code == 0 && peer.starts_with("ap")).then_some(())
    });
    assert!(around.await.is_some(), "us is reached by way of ap");
    let (trace, code) = ask(&fabric, "eu-1", &["trace", "us"]).await;
    assert_eq!(code, 0, "{trace}");
    let mut out: Vec<&str> = trace["traces"][0]["hops"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|hop| hop["way"] == "out")
        .map(|hop| hop["region"].as_str().unwrap())
        .collect();
    // Within a region the nearer way may lead from sibling to sibling.
    out.dedup();
    assert_eq!(out, ["eu", "ap", "us"], "{trace}");
}
