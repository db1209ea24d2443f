//! Hand-made requests of which it was recorded whether a real node answers: what this crate decides of it.
#![allow(clippy::unwrap_used, reason = "a recorded message is good or the test fails")]
#![allow(clippy::indexing_slicing, reason = "likewise")]

mod common;

use antiphon_wire::{FaultKind, SchemaError, Transport};
use bytes::Bytes;
use serde_json::Value;

/// What this crate says of a payload.
#[derive(Debug, PartialEq)]
enum Verdict {
    NoTransport(FaultKind),
    NoReplySubject,
    NoRequest(FaultKind),
    BreaksSchema(SchemaError),
    /// It is for signatures, clocks and filters to decide.
    Accepted,
}

fn verdict(payload: &str) -> Verdict {
    let transport = match Transport::decode(Bytes::copy_from_slice(payload.as_bytes())) {
        Ok(transport) => transport,
        Err(error) => return Verdict::NoTransport(error.kind()),
    };
    if transport.reply_to().is_none() {
        return Verdict::NoReplySubject;
    }
    let head = transport.request_head();
    match transport.request() {
        Err(error) => {
            assert_eq!(head, Err(error.clone()));
            Verdict::NoRequest(error.kind())
        }
        Ok(request) => {
            assert_eq!(head.as_ref(), Ok(&request.head));
            request.check_schema().map_or_else(Verdict::BreaksSchema, |()| Verdict::Accepted)
        }
    }
}

fn cases() -> Vec<Value> {
    let cases = common::json("node-behaviour.json")["cases"].as_array().unwrap().clone();
    assert_eq!(cases.len(), 71);
    cases
}

#[test]
fn what_a_node_answered_is_accepted() {
    for case in cases().iter().filter(|case| case["answered"] == true) {
        assert_eq!(
            verdict(case["payload"].as_str().unwrap()),
            Verdict::Accepted,
            "{}",
            case["case"]
        );
    }
}

#[test]
fn what_no_node_answers_is_refused_for_its_reason_or_left_to_others() {
    let missing = |member| Verdict::BreaksSchema(SchemaError::FilterIncomplete { member });
    for case in cases().iter().filter(|case| case["answered"] == false) {
        let name = case["case"].as_str().unwrap();
        let expected = match name {
            "transport: headers missing" | "transport: headers null" => {
                assert_eq!(case["node_crashes"], true);
                Verdict::NoTransport(FaultKind::HeadersMissing)
            }
            "transport: protocol unknown" => Verdict::NoTransport(FaultKind::UnknownProtocol),
            "headers: reply-to missing" => Verdict::NoReplySubject,
            "data: base64 without padding" | "data: garbage" => {
                Verdict::NoRequest(FaultKind::BadField)
            }
            "envelope: ttl 29" => {
                Verdict::BreaksSchema(SchemaError::TtlTooShort { ttl_secs: 29, min_secs: 30 })
            }
            "envelope: requestid 31" => {
                Verdict::BreaksSchema(SchemaError::RequestIdLength { chars: 31 })
            }
            "envelope: filter.agent absent" => missing("agent"),
            "envelope: filter.fact absent" => missing("fact"),
            _ => Verdict::Accepted,
        };
        assert_eq!(verdict(case["payload"].as_str().unwrap()), expected, "{name}");
    }
}

#[test]
fn federation_null_is_none_and_an_empty_object_is_there() {
    for case in cases() {
        let name = case["case"].as_str().unwrap();
        let Some(echoed) = case.get("federation") else { continue };
        let payload = Bytes::from(case["payload"].as_str().unwrap().to_owned());
        let transport = Transport::decode(payload).unwrap();
        assert_eq!(transport.federation().is_some(), echoed.is_object(), "{name}");
        if let Some(federation) = transport.federation() {
            assert_eq!(federation.request, echoed["req"].as_str().unwrap_or_default(), "{name}");
            assert_eq!(
                federation.reply_to,
                echoed["reply-to"].as_str().unwrap_or_default(),
                "{name}"
            );
        }
    }
}
