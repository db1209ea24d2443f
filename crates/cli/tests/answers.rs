//! Tables and documents of the commands that ask more than a report, from fixed answers.
//!
//! `UPDATE=1 cargo test -p antiphon-cli --test answers` rewrites the files; review reads them.

use std::{fs, path::PathBuf, time::Duration};

use antiphon_cli::{
    noun::{document_of, explain, requests, trace},
    render,
    screen::Screen,
    table::Table,
};
use antiphon_core::{Explanation, PublishedView, RequestsView, Trace};
use antiphon_gateway::shell::Said;
use serde::de::DeserializeOwned;
use serde_json::Value;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn said<T: DeserializeOwned>(file: &str) -> Said<T> {
    let text = fs::read(folder().join(file)).expect("the answer is there");
    serde_json::from_slice(&text).expect("the answer is readable")
}

/// The text of a golden file; with `UPDATE=1`, written first.
fn golden(name: &str, actual: &str) -> String {
    let path = folder().join(name);
    if std::env::var_os("UPDATE").is_some_and(|value| value == "1") {
        fs::write(&path, actual).expect("golden files can be written");
    }
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn check_tables(name: &str, tables: &[Table]) {
    for width in [80, 160] {
        let screen = Screen { width: Some(width), colour: false };
        let drawn: Vec<_> = tables.iter().map(|table| render::table(table, screen)).collect();
        let actual = drawn.join("\n");
        assert_eq!(actual, golden(&format!("{name}.{width}.txt"), &actual), "{name}");
        for line in actual.lines() {
            assert!(line.chars().count() <= width.into(), "{name} at {width}: {line}");
        }
    }
}

fn check_document(name: &str, actual: &Value) {
    let text = golden(&format!("{name}.json"), &format!("{actual:#}\n"));
    assert_eq!(*actual, serde_json::from_str::<Value>(&text).expect("JSON"), "{name}");
}

#[test]
fn an_explanation_names_the_verdict_the_checks_and_every_region() {
    let said: Said<Explanation> = said("explanation.json");
    let supposed = ["down:eu-us".to_owned()];
    check_tables("explain", &explain::tables(&said.said, &supposed));
    let fields = explain::json(&said.said, &supposed);
    check_document("explain", &document_of("explain", &said, fields));
}

/// Directed with hints, refused before anything is decided, a federated client's, a node's answer.
#[test]
fn every_kind_of_message_is_explained() {
    for kind in ["directed", "refused", "federated", "reply"] {
        let said: Said<Explanation> = said(&format!("explanation-{kind}.json"));
        check_tables(&format!("explain-{kind}"), &explain::tables(&said.said, &[]));
        let fields = explain::json(&said.said, &[]);
        check_document(&format!("explain-{kind}"), &document_of("explain", &said, fields));
    }
}

#[test]
fn requests_are_listed_and_one_is_shown_in_full() {
    let said: Said<RequestsView> = said("records.json");
    check_tables("requests", &[requests::rows(&said.said, said.at)]);
    check_tables("request", &requests::detail(&said.said.requests[0], said.at));
    let fields = requests::json(&said.said);
    check_document("requests", &document_of("requests", &said, fields));
}

/// The same request at the gateway where it entered and at one that published it.
#[test]
fn what_several_gateways_remember_is_put_together() {
    let here: Said<RequestsView> = said("records.json");
    let mut there = here.clone();
    (there.gateway, there.region) = ("us-1".parse().unwrap(), "us".parse().unwrap());
    there.said.requests.truncate(1);
    let other = &mut there.said.requests[0];
    (other.asked, other.messages) = (None, 0);
    (other.sent, other.returned, other.kept_from) = (Vec::new(), Vec::new(), Vec::new());
    other.published = vec![PublishedView { region: "eu".parse().unwrap(), count: 2 }];
    let merged = requests::merge(&[there, here.clone()], 2);
    assert_eq!(merged.len(), 2, "at most so many, the latest");
    assert_eq!(merged[0].parts.len(), 2);
    assert_eq!(merged[0].request.asked, here.said.requests[0].asked);
    assert_eq!(merged[0].request.sent, here.said.requests[0].sent, "nothing counts twice");
    check_tables("request-all", &requests::detail_of_all(&merged[0], here.at));
}

#[test]
fn a_trace_names_every_hop_and_the_one_that_was_silent() {
    let text = fs::read(folder().join("traces.json")).expect("the traces are there");
    let traces: Vec<Trace> = serde_json::from_slice(&text).expect("the traces are readable");
    let delivery = trace::Delivery {
        identity: "n1.us.example.net".to_owned(),
        brokers: vec!["nats://localhost:4222".to_owned()],
        timeout: Duration::from_secs(2),
        took: None,
        error: None,
    };
    check_tables("trace", &trace::tables(&traces, Some(&delivery)));
    let said: Said<RequestsView> = said("records.json");
    check_document("trace", &document_of("trace", &said, trace::json(&traces, Some(&delivery))));
}
