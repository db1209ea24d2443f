//! Edits change what they are asked to, and no other byte.
#![allow(clippy::unwrap_used, reason = "the transports are made to be good")]
#![allow(clippy::indexing_slicing, reason = "likewise")]

mod common;

use antiphon_wire::{Federation, Transport, Version};
use bytes::Bytes;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};

/// How a version spells `[reply-to, seen-by, federation, req, federation.reply-to, target]`.
fn names(version: Version) -> [&'static str; 6] {
    match version {
        Version::V1 => ["reply-to", "seen-by", "federation", "req", "reply-to", "target"],
        Version::V2 => ["reply", "trace", "federation", "request", "reply", "targets"],
    }
}

/// A transport as text: known and unknown members in any order, with white space of any kind.
fn transport() -> impl Strategy<Value = String> {
    let space = || select(&["", "", " ", "\n  ", "\t", " \r\n"][..]);
    let version = prop_oneof![Just(Version::V1), Just(Version::V2)];
    (version, space(), space(), any::<bool>()).prop_flat_map(
        move |(version, outer, inner, data_first)| {
            headers(version, inner).prop_map(move |headers| {
                let protocol = match version {
                    Version::V1 => "choria:transport:1",
                    Version::V2 => "io.choria.protocol.v2.transport",
                };
                let mut members = [
                    format!("\"protocol\":{outer}\"{protocol}\""),
                    format!("\"data\":{outer}\"ZGF0YQ==\""),
                    format!("\"headers\"{outer}:{headers}"),
                    "\"x\":[{\"headers\":null}]".to_owned(),
                ];
                if !data_first {
                    members.swap(1, 2);
                }
                format!("{outer}{{{outer}{}{outer}}}{outer}", members.join(&format!(",{outer}")))
            })
        },
    )
}

fn headers(version: Version, space: &'static str) -> impl Strategy<Value = String> {
    let [reply_to, seen_by, federation, ..] = names(version);
    let hops = prop_oneof![
        Just("null".to_owned()),
        Just(format!("[{space}]")),
        Just(format!("[{space}[\"a\",{space}\"b\"]{space}]")),
        Just("[[\"a\",\"b\",\"c\",4],null,[]]".to_owned()),
    ];
    let federations = select(&["null", "{}", "{ \"req\" : \"1\", \"request\":\"1\" }"][..]);
    let replies = select(&["null", "\"\"", "\"a.b\"", "\"a\\u002eb\""][..]);
    (replies, hops, federations).prop_flat_map(move |(r, h, f)| {
        let members = vec![
            format!("\"{reply_to}\"{space}:{space}{r}"),
            format!("\"{seen_by}\":{space}{h}"),
            format!("\"{federation}\":{space}{f}"),
            "\"mc_sender\":\"s\"".to_owned(),
            "\"federation \":{\"federation\":1}".to_owned(),
            "\"z\":null".to_owned(),
        ];
        let some = subsequence(members, 0..=6).prop_shuffle();
        some.prop_map(move |members| {
            format!("{{{space}{}{space}}}", members.join(&format!("{space},{space}")))
        })
    })
}

fn federation() -> impl Strategy<Value = Federation> {
    let text = || select(&["", "id", "a.<b>&\"\u{2028}\u{e9}\\"][..]).prop_map(str::to_owned);
    (text(), text(), vec(text(), 0..3)).prop_map(|(request, reply_to, targets)| Federation {
        request,
        reply_to,
        targets,
    })
}

/// An edit, as values.
#[derive(Clone, Debug)]
struct Changes {
    reply_to: Option<Option<&'static str>>,
    federation: Option<Option<Federation>>,
    hops: usize,
}

fn changes() -> impl Strategy<Value = Changes> {
    let reply_to = option::of(option::of(select(&["r.s", "\u{e9}\n"][..])));
    (reply_to, option::of(option::of(federation())), 0..3_usize)
        .prop_map(|(reply_to, federation, hops)| Changes { reply_to, federation, hops })
}

const HOP: [&str; 3] = ["nats://in", "eu-1", "nats://out"];

fn edited(transport: &Transport, changes: &Changes) -> Bytes {
    let mut edit = transport.edit();
    if let Some(reply_to) = changes.reply_to {
        edit = edit.reply_to(reply_to);
    }
    if let Some(federation) = &changes.federation {
        edit = edit.federation(federation.as_ref());
    }
    (0..changes.hops).fold(edit, |edit, _| edit.append_seen_by(HOP)).finish()
}

/// The obvious way: parse all, change the tree.
fn model(text: &str, version: Version, changes: &Changes) -> Value {
    let mut tree: Value = serde_json::from_str(text).unwrap();
    let headers = tree["headers"].as_object_mut().unwrap();
    let [reply_to, seen_by, federation, req, fed_reply_to, targets] = names(version);
    let mut set = |key: &str, value: Option<Value>| match value {
        Some(value) => drop(headers.insert(key.to_owned(), value)),
        None => drop(headers.remove(key)),
    };
    if let Some(change) = changes.reply_to {
        set(reply_to, change.map(Value::from));
    }
    if let Some(change) = &changes.federation {
        set(
            federation,
            change.as_ref().map(|federation| {
                let mut object = Map::new();
                let members = [(req, &federation.request), (fed_reply_to, &federation.reply_to)];
                for (key, value) in members.into_iter().filter(|(_, value)| !value.is_empty()) {
                    object.insert(key.to_owned(), json!(value));
                }
                if !federation.targets.is_empty() {
                    object.insert(targets.to_owned(), json!(federation.targets));
                }
                object.into()
            }),
        );
    }
    if changes.hops > 0 {
        let hops = headers.entry(seen_by).or_insert(Value::Null);
        if hops.is_null() {
            *hops = json!([]);
        }
        hops.as_array_mut().unwrap().extend((0..changes.hops).map(|_| json!(HOP)));
    }
    tree
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 3000,
        max_global_rejects: 100_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn an_edit_does_what_changing_the_parsed_tree_does(text in transport(), changes in changes()) {
        let original = Transport::decode(text.clone().into()).unwrap();
        let edited = edited(&original, &changes);
        let tree: Value = serde_json::from_slice(&edited).unwrap();
        prop_assert_eq!(tree, model(&text, original.version(), &changes));
        prop_assert!(Transport::decode(edited).is_ok());
    }

    #[test]
    fn an_edit_that_is_undone_gives_the_same_bytes(text in transport(), federation in federation()) {
        let original = Transport::decode(text.into()).unwrap();
        // What the edits of this test cannot restore: a header that is there, yet says nothing, or says it with
        // escapes, and a federation object.
        prop_assume!(original.edit().reply_to(original.reply_to()).federation(None).finish() == original.payload());
        let there = original.edit().reply_to(Some("choria.federation.eu.collective"));
        let there = Transport::decode(there.federation(Some(&federation)).finish()).unwrap();
        prop_assert_ne!(there.payload(), original.payload());
        let back = there.edit().reply_to(original.reply_to()).federation(None).finish();
        prop_assert_eq!(&back, original.payload());
    }
}

#[test]
fn the_way_there_and_back_gives_every_recorded_message_again() {
    for message in common::transports() {
        let original = message.transport();
        let federation = Federation {
            request: "4cfb6f9893c94b78bb869e7c9026da94".into(),
            reply_to: "antiphon.eu.x".into(),
            targets: Vec::new(),
        };
        let there = original.edit().reply_to(Some("choria.federation.eu.collective"));
        let there = Transport::decode(there.federation(Some(&federation)).finish()).unwrap();
        assert_eq!(there.federation(), Some(&federation));
        assert_eq!(there.data(), original.data());
        let back = there.edit().reply_to(original.reply_to()).federation(original.federation());
        assert_eq!(back.finish(), message.payload);
    }
}

#[test]
fn an_edit_that_asks_for_nothing_shares_the_payload() {
    let message = common::transports().remove(0);
    let transport = message.transport();
    assert_eq!(transport.edit().finish().as_ptr(), message.payload.as_ptr());
}

#[test]
fn commas_are_right_whatever_is_removed() {
    let edited = |headers: &str| {
        let text = format!(r#"{{"protocol":"choria:transport:1","data":"","headers":{headers}}}"#);
        let transport = Transport::decode(text.into()).unwrap();
        let edited = transport.edit().reply_to(None).federation(None).finish();
        let text = String::from_utf8(edited.to_vec()).unwrap();
        text.split_once("headers\":").unwrap().1.strip_suffix('}').unwrap().to_owned()
    };
    let (r, f) = (r#""reply-to": "x""#, r#""federation" :{}"#);
    for (headers, expected) in [
        (format!("{{{r}}}"), "{}"),
        (format!("{{ {r} , {f} }}"), "{  }"),
        (format!("{{{r},{f},\"a\":1}}"), "{\"a\":1}"),
        (format!("{{\"a\":1,{r},{f}}}"), "{\"a\":1}"),
        (format!("{{{r},\"a\":1,{f}}}"), "{\"a\":1}"),
        (format!("{{{r}, \"a\":1 , {f}, \"b\":2 }}"), "{\"a\":1, \"b\":2 }"),
        (format!("{{\"a\":1 , {f} , \"b\":2}}"), "{\"a\":1 , \"b\":2}"),
    ] {
        assert_eq!(edited(&headers), expected, "{headers}");
    }
}
