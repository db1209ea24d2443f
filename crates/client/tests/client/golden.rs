//! Recorded messages: replies rendered as Choria would, requests signed as Choria signed them.

use std::fmt::Write as _;

use antiphon_client::ddl::find;
use antiphon_client::render::{Show, Style, footer, replies, results_json, summaries};
use antiphon_client::{Results, RpcReply, Signer, Stats};
use antiphon_wire::{NewSecureRequest, Transport};
use bytes::Bytes;
use serde_json::Value;

use crate::support::{config, vectors};

fn transports(file: &str) -> Vec<Transport> {
    let text = std::fs::read_to_string(vectors().join(file)).unwrap();
    let recording: Value = serde_json::from_str(&text).unwrap();
    let messages = recording["messages"].as_array().unwrap();
    let payload = |message: &Value| message["payload"].as_str().unwrap().to_owned();
    messages.iter().map(|m| Transport::decode(Bytes::from(payload(m))).unwrap()).collect()
}

#[tokio::test]
async fn the_same_request_gives_the_same_secure_request() {
    let signer = Signer::new(&config()).unwrap();
    let mut compared = 0;
    for file in ["v1-ping.json", "v1-rpc-directed.json", "v1-rpc-filtered.json"] {
        for transport in transports(file) {
            let Ok(request) = transport.request() else { continue };
            let ours = signer.secure(&request.proof.signed).await.unwrap();
            let theirs = recorded(&transport);
            assert_eq!(serde_json::from_slice::<Value>(&ours).unwrap(), theirs, "{file}");
            compared += 1;
        }
    }
    assert!(compared > 4);
}

/// The secure request of a transport.
fn recorded(transport: &Transport) -> Value {
    let data = data_encoding::BASE64.decode(transport.data().as_bytes()).unwrap();
    serde_json::from_slice(&data).unwrap()
}

/// What every recorded action looks like. `UPDATE=1` rewrites the file; a reader judges the change.
#[test]
fn recorded_replies_render_as_expected() {
    let mut rendered = String::new();
    let messages = transports("v1-rpc-replies.json");
    for pair in messages.chunks(2) {
        let [request, reply] = pair else { panic!("requests and replies alternate") };
        let (results, action) = results(request, reply);
        writeln!(rendered, "$ req {} {}", results.agent, results.action).unwrap();
        rendered.push_str(&replies(&results, &action, Show::Described, false, Style::Plain));
        rendered.push_str(&summaries(&results, &action, Style::Plain));
        rendered.push_str(&footer(&results.stats, Style::Plain));
        rendered.push('\n');
    }
    compare("v1-rpc-replies.txt", &rendered);
}

#[test]
fn recorded_replies_as_json_have_choria_s_shape() {
    let messages = transports("v1-rpc-replies.json");
    let (mut results, action) = results(&messages[10], &messages[11]);
    results.stats.start = std::time::UNIX_EPOCH;
    compare("v1-get-fact.json", &results_json(&results, &action));
}

fn results(request: &Transport, reply: &Transport) -> (Results, antiphon_client::ddl::Action) {
    let request = request.request().unwrap();
    let body: Value = serde_json::from_slice(&request.message).unwrap();
    let agent = body["agent"].as_str().unwrap().to_owned();
    let action = body["action"].as_str().unwrap().to_owned();
    let reply = RpcReply::read(&reply.reply().unwrap());
    let mut stats = Stats::new(request.head.id.to_string(), ["n1.example.net"].into_iter());
    stats.count(&reply);
    let described = find(&agent, &[]).unwrap().action(&action).unwrap().clone();
    (Results { agent, action, replies: vec![reply], stats }, described)
}

fn compare(file: &str, rendered: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, rendered).unwrap();
    }
    assert_eq!(rendered, std::fs::read_to_string(&path).unwrap(), "{}", path.display());
}

/// The builder of secure requests keeps the signed text verbatim, whatever it is.
#[test]
fn a_built_request_is_read_back_as_it_was_signed() {
    let request = r#"{"protocol":"choria:request:1","message":"\u00e9 \"x\""}"#;
    let secure =
        NewSecureRequest::X509 { request: request.as_bytes(), signature: b"s", pubcert: "p" };
    let value: Value = serde_json::from_slice(&secure.encode().unwrap()).unwrap();
    assert_eq!(value["message"], request);
}
