//! Random bytes, and recorded messages with parts changed, through every way in.
#![allow(clippy::unwrap_used, reason = "a recorded message is good or the test fails")]
#![allow(clippy::indexing_slicing, reason = "likewise")]

mod common;
mod entry_points;

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Every text of the recorded messages: transports, secure layers, requests and replies.
static LAYERS: LazyLock<Vec<Bytes>> = LazyLock::new(|| {
    let mut layers = Vec::new();
    for message in common::transports() {
        let transport = message.transport();
        layers.push(message.payload.clone());
        layers.push(STANDARD.decode(transport.data()).unwrap().into());
        layers.push(match message.is_request() {
            true => transport.request().unwrap().proof.signed,
            false => transport.secure_reply().unwrap().hashed,
        });
    }
    for case in common::json("node-behaviour.json")["cases"].as_array().unwrap() {
        layers.push(case["payload"].as_str().unwrap().to_owned().into());
    }
    layers
});

/// Pieces that parsers stumble over.
const PIECES: &[&str] = &[
    "\"",
    "\\",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "null",
    "\"headers\":null,",
    "\"HEADERS\":{},",
    "\\u0000",
    "\\ud800",
    "\u{17f}",
    "\u{212a}",
    "1e999",
    "-0",
    "9223372036854775808",
    " ",
    "\n",
    "\"federation\":{},",
    "\"reply-to\":\"x\",",
    "{\"a\":",
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    "=",
    "\u{feff}",
    "\u{0}",
];

#[derive(Clone, Debug)]
enum Mutation {
    Overwrite(Index, u8),
    Insert(Index, &'static str),
    Remove(Index, usize),
    Repeat(Index, usize),
    Cut(Index),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Mutation::Overwrite(at, byte)),
        (any::<Index>(), select(PIECES)).prop_map(|(at, piece)| Mutation::Insert(at, piece)),
        (any::<Index>(), 1..40_usize).prop_map(|(at, count)| Mutation::Remove(at, count)),
        (any::<Index>(), 1..60_usize).prop_map(|(at, count)| Mutation::Repeat(at, count)),
        any::<Index>().prop_map(Mutation::Cut),
    ]
}

fn mutate(bytes: &mut Vec<u8>, mutation: &Mutation) {
    let part = |at: usize, count: usize, len: usize| at..(at + count).min(len);
    let len = bytes.len();
    if len == 0 {
        return;
    }
    match mutation {
        Mutation::Overwrite(at, byte) => bytes[at.index(len)] = *byte,
        Mutation::Insert(at, piece) => {
            let at = at.index(len);
            bytes.splice(at..at, piece.bytes());
        }
        Mutation::Remove(at, count) => drop(bytes.drain(part(at.index(len), *count, len))),
        Mutation::Repeat(at, count) => {
            let again = bytes[part(at.index(len), *count, len)].to_vec();
            let at = at.index(len);
            bytes.splice(at..at, again);
        }
        Mutation::Cut(at) => bytes.truncate(at.index(len)),
    }
}

/// A recorded text with some parts changed.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    (any::<Index>(), vec(mutation(), 0..4)).prop_map(|(which, mutations)| {
        let mut bytes = LAYERS[which.index(LAYERS.len())].to_vec();
        mutations.iter().for_each(|mutation| mutate(&mut bytes, mutation));
        bytes
    })
}

/// Pieces of JSON in any order, in what looks like a transport.
fn jsonish() -> impl Strategy<Value = Vec<u8>> {
    vec(select(PIECES), 0..30).prop_map(|pieces| {
        let soup = pieces.concat();
        format!(r#"{{"protocol":"choria:transport:1","data":"e30=","headers":{{{soup}}}}}"#)
            .into_bytes()
    })
}

/// Tokens that subjects of Choria are made of, and others.
fn subjectish() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        select(&["choria", "mcollective", "broadcast", "agent", "service", "node", "reply"][..]),
        select(&["federation", "collective", "lifecycle", "event", "startup", "server", "1"][..]),
        select(
            &["74ce5a833e16d4afa24ecbc90fff8506", "3MXB6MywF3TaXxLFKmJyUU98H5W", "", "*", ">"][..]
        ),
        select(&["a b", "\u{e9}", "\u{a0}", "\r\n", "n1", "$JS", "_INBOX"][..]),
    ];
    vec(token, 0..7).prop_map(|tokens| tokens.join("."))
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..300)) {
        entry_points::transport(&bytes);
        entry_points::request(&bytes);
        entry_points::reply(&bytes);
    }

    #[test]
    fn mutated_messages_keep_the_invariants_of_a_transport(bytes in mutated()) {
        entry_points::transport(&bytes);
    }

    #[test]
    fn soups_of_json_keep_the_invariants_of_a_transport(bytes in jsonish()) {
        entry_points::transport(&bytes);
    }

    #[test]
    fn mutated_messages_keep_the_invariants_of_a_request(bytes in mutated()) {
        entry_points::request(&bytes);
    }

    #[test]
    fn mutated_messages_keep_the_invariants_of_a_reply(bytes in mutated()) {
        entry_points::reply(&bytes);
    }

    #[test]
    fn subjects_survive_parsing(text in prop_oneof![subjectish(), "\\PC{0,80}", any::<String>()]) {
        entry_points::subject(&text);
    }
}

#[test]
fn every_recorded_text_keeps_all_invariants() {
    for bytes in LAYERS.iter() {
        entry_points::transport(bytes);
        entry_points::request(bytes);
        entry_points::reply(bytes);
    }
}
