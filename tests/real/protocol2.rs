//! Protocol v2: tokens and ed25519, through the fabric.

use std::collections::BTreeMap;

use antiphon_tests::{Fabric, run};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn nodes_and_clients_of_protocol_v2_find_each_other() {
    let fabric = Fabric::up(|options| {
        options.regions = 2;
        options.nodes = 1;
        options.v2_nodes = 2;
    })
    .await;
    let dir = fabric.lab.dir().display().to_string();
    let place = ["--lab", &dir, "--region", "eu", "--protocol", "v2", "-o", "json"];
    let request = ["req", "rpcutil", "get_fact", "fact=region", "--discovery-timeout", "5"];
    let arguments: Vec<&str> = request.iter().chain(&place).copied().collect();
    let output = run(&arguments).await;
    let value: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let mut regions: BTreeMap<&str, u32> = BTreeMap::new();
    for reply in value["replies"].as_array().expect("replies") {
        assert_eq!(reply["statuscode"], 0, "{reply}");
        *regions.entry(reply["data"]["value"].as_str().expect("a region")).or_default() += 1;
    }
    assert_eq!(regions, [("eu", 2), ("us", 2)].into());
    fabric.conserved().await;
}
