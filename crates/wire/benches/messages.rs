//! What reading a recorded message costs, and what editing its headers costs.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark fails by panicking")]

use std::hint::black_box;

use antiphon_wire::{Federation, Transport};
use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const V1: &str = include_str!("../tests/vectors/v1-rpc-replies.json");
const V2: &str = include_str!("../tests/vectors/v2-ping-and-rpc.json");
/// Our region's reply subject.
const REPLY_TO: &str = "choria.federation.us.collective";

/// One recorded exchange.
struct Exchange {
    version: &'static str,
    request: Bytes,
    reply: Bytes,
}

impl Exchange {
    fn find(version: &'static str, vectors: &str, request: usize) -> Self {
        let vectors: serde_json::Value = serde_json::from_str(vectors).unwrap();
        let payload = |index: usize| {
            Bytes::from(vectors["messages"][index]["payload"].as_str().unwrap().to_owned())
        };
        Self { version, request: payload(request), reply: payload(request + 1) }
    }
}

fn exchanges() -> [Exchange; 2] {
    [Exchange::find("v1", V1, 10), Exchange::find("v2", V2, 4)]
}

fn federation() -> Federation {
    let subject =
        "mcollective.reply.74ce5a833e16d4afa24ecbc90fff8506.eb3b30c14e32484fb6c51f1b0085b";
    Federation {
        request: "eb3b30c14e32484fb6c51f1b0085b123".to_owned(),
        reply_to: format!("antiphon.return.eu.eu-1.c.0.{subject}"),
        targets: Vec::new(),
    }
}

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wire: decode");
    for Exchange { version, request, reply } in exchanges() {
        for (what, payload) in [("request", &request), ("reply", &reply)] {
            group.throughput(Throughput::Bytes(payload.len() as u64));
            group.bench_function(format!("{version} {what}: transport"), |timer| {
                timer.iter(|| Transport::decode(black_box(payload.clone())).unwrap());
            });
        }
        let transport = Transport::decode(request).unwrap();
        group.bench_function(format!("{version} request: signed head"), |timer| {
            timer.iter(|| black_box(&transport).request_head().unwrap());
        });
    }
}

fn edit(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wire: edit");
    let federation = federation();
    for Exchange { version, request, reply } in exchanges() {
        let request = Transport::decode(request).unwrap();
        group.bench_function(format!("{version} request: new way back"), |timer| {
            timer.iter(|| {
                let edit = black_box(&request).edit().reply_to(Some(REPLY_TO));
                edit.federation(Some(&federation)).finish()
            });
        });
        let reply = Transport::decode(reply).unwrap();
        let reply = reply.edit().federation(Some(&federation)).finish();
        let reply = Transport::decode(reply).unwrap();
        group.bench_function(format!("{version} reply: way back taken out"), |timer| {
            timer.iter(|| black_box(&reply).edit().federation(None).finish());
        });
    }
}

criterion_group!(benches, decode, edit);
criterion_main!(benches);
