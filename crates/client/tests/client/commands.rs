//! `ping` and `facts`, and what is said of requests that cannot be made.

use serde_json::{Value, json};

use crate::nodes::{among, silent};
use crate::support::{good, ok, run};

#[tokio::test(start_paused = true)]
async fn ping_shows_who_answers_and_statistics() {
    let (mut client, _) = among(&[("n1.example.net", good), ("n2.example.net", good)]).await;

    let ended = run(&mut client, "ping").await;

    assert_eq!(ended.code(), 0, "{ended:?}");
    assert!(ended.out.contains("n1.example.net                           time="), "{}", ended.out);
    assert!(ended.out.contains("\n---- ping statistics ----\n2 replies max: "), "{}", ended.out);
    assert_eq!(ended.err, "");
}

#[tokio::test(start_paused = true)]
async fn ping_ends_early_with_as_many_replies_as_expected() {
    let (mut client, _) = among(&[("n1", good), ("n2", good)]).await;
    let start = tokio::time::Instant::now();

    let one = run(&mut client, "ping --expect 1 --names").await;

    assert_eq!((one.code(), one.out.lines().count()), (0, 1));
    assert!(start.elapsed().as_secs() < 2);
    let three = run(&mut client, "ping --expect 3 -o json").await;
    assert_eq!((three.code(), &three.json()["count"]), (2, &json!(2)));
}

#[tokio::test(start_paused = true)]
async fn ping_that_nobody_answers_says_so() {
    let (mut client, _) = among(&[]).await;
    let ended = run(&mut client, "ping").await;
    assert_eq!(ended.code(), 3);
    assert_eq!(ended.result.unwrap_err().to_string(), "no responses received");
}

#[tokio::test(start_paused = true)]
async fn another_collective_is_asked_and_replies_come_on_the_main_one() {
    let (mut client, log) = among(&[("n1", good)]).await;

    let ended = run(&mut client, "req rpcutil ping -T eu").await;

    assert_eq!(ended.code(), 0);
    assert!(log.lock().unwrap().iter().all(|(subject, _)| subject.starts_with("eu.")));
    let unknown = run(&mut client, "req rpcutil ping -T us").await;
    assert_eq!(unknown.code(), 64);
    let message = unknown.result.unwrap_err().to_string();
    assert_eq!(message, "collective \"us\" is not one of mcollective, eu (client.conf)");
}

#[tokio::test(start_paused = true)]
async fn requests_that_cannot_be_made_are_explained_with_the_usage_code() {
    let (mut client, log) = among(&[("n1", good)]).await;
    for (line, message) in [
        (
            "req nosuch ping",
            "agent \"nosuch\" is not known: no nosuch.json in any folder, for libdir is not set",
        ),
        (
            "req service fly",
            "agent service has no action \"fly\"; it has start, stop, restart, status",
        ),
        ("req rpcutil get_fact", "action get_fact needs input \"fact\""),
        ("req rpcutil ping x=1", "action ping takes no input \"x\"; it takes none"),
        (
            "req puppet runonce force=perhaps",
            "input \"force\" should be a boolean, not \"perhaps\"",
        ),
        (
            "req rpcutil ping -F country",
            "fact filter \"country\" is not <fact><operator><value>, with one of <= >= < > != =~ = ==",
        ),
        ("req rpcutil ping --limit 0", "limit \"0\" is neither a number above 0 nor 1% to 100%"),
        (
            "find --dm puppetdb",
            "discovery method \"puppetdb\" is not supported; broadcast (mc), flatfile (file) and stdin are",
        ),
        ("find --dm file", "--dm flatfile needs --nodes FILE"),
        (
            "find --nodes n.txt -S true",
            "-S needs broadcast discovery and does not go with a list of nodes",
        ),
    ] {
        let ended = run(&mut client, line).await;
        assert_eq!(ended.code(), 64, "{line}");
        assert_eq!(ended.result.unwrap_err().to_string(), message);
    }
    assert!(log.lock().unwrap().is_empty());
}

fn with_fact(identity: &str, body: &Value) -> Vec<String> {
    let value = match identity {
        "n3" => json!(null),
        _ => json!("mt"),
    };
    if body == "ping" {
        silent(identity, body)
    } else {
        vec![ok(body, json!({"fact": "country", "value": value}))]
    }
}

#[tokio::test(start_paused = true)]
async fn facts_shows_the_distribution_of_values() {
    let (mut client, _) = among(&[("n1", with_fact), ("n2", with_fact), ("n3", with_fact)]).await;

    let ended = run(&mut client, "facts country").await;

    assert_eq!(ended.code(), 0);
    let head = "Report for fact: country\n\n  nil found 1 times\n  mt  found 2 times\n\nFinished processing 3 / 3 hosts in ";
    assert!(ended.out.starts_with(head), "{}", ended.out);
    let json = run(&mut client, "facts country --json").await.json();
    assert_eq!(json["mt"], json!({"count": 2, "identities": ["n1", "n2"]}));
}

#[tokio::test(start_paused = true)]
async fn an_empty_discovery_has_its_own_code() {
    let (mut client, _) = among(&[]).await;
    for line in ["find", "facts country", "req rpcutil ping"] {
        let ended = run(&mut client, line).await;
        assert_eq!(ended.code(), 3, "{line}");
        assert_eq!(ended.result.unwrap_err().to_string(), "did not discover any nodes");
    }
}
