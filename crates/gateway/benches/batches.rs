//! What a link does to frames: encoding, packing and compressing a batch, and the way back. Replies as
//! recorded, from as many nodes as there are frames.

#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]
#![allow(clippy::indexing_slicing, reason = "a benchmark fails by panicking")]

#[path = "../src/link/compress/corpus.rs"]
mod corpus;

use std::hint::black_box;

use antiphon_gateway::link::{Compression, Compressor, Expander};
use antiphon_proto::{
    decode_sequenced, encode_end,
    v1::{Batch, SequencedFrame},
};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

use corpus::Recorded;

/// Largest batch that a link sends.
const BYTES_MAX: usize = 28 << 20;
/// Frames in a batch: a quiet link's, and a busy one's.
const FRAMES: [u64; 2] = [1, 64];
/// Batches before it is measured, so that the window is full of the like.
const BEFORE: u64 = 8;

/// Batches as one end sends them, the first with the beginning of the window.
fn batches(recorded: &Recorded, frames: u64, count: u64) -> Vec<Vec<SequencedFrame>> {
    (0..count).map(|index| recorded.frames(index * frames, frames)).collect()
}

fn compress(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("link: by the frame");
    for (name, recorded) in [("v1", Recorded::v1()), ("v2", Recorded::v2())] {
        for frames in FRAMES {
            group.throughput(Throughput::Elements(frames));
            let batches = batches(&recorded, frames, BEFORE + 1);
            let (before, last) = batches.split_at(batches.len() - 1);
            let warm = || {
                let mut compressor = Compressor::default();
                let sent = before.iter().map(|one| compressor.batch(one.clone(), false));
                let sent: Vec<Batch> = sent.collect();
                (compressor, sent)
            };
            group.bench_function(format!("{name}: pack and compress, {frames} a batch"), |timer| {
                let setup = || (warm().0, last[0].clone());
                timer.iter_batched_ref(
                    setup,
                    |(compressor, frames)| compressor.batch(std::mem::take(frames), false),
                    BatchSize::PerIteration,
                );
            });
            let (mut compressor, sent) = warm();
            let batch = compressor.batch(last[0].clone(), false);
            assert!(!batch.compressed.is_empty(), "it must shrink");
            group.bench_function(format!("{name}: expand and unpack, {frames} a batch"), |timer| {
                let setup = || {
                    let mut expander = Expander::new(Compression::Zstd, BYTES_MAX);
                    sent.iter().for_each(|one| drop(expander.frames(one.clone()).unwrap()));
                    (expander, batch.clone())
                };
                timer.iter_batched_ref(
                    setup,
                    |(expander, batch)| expander.frames(std::mem::take(batch)).unwrap().count(),
                    BatchSize::PerIteration,
                );
            });
        }
    }
}

fn frames(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("link: one frame");
    group.throughput(Throughput::Elements(1));
    let frame = Recorded::v1().frames(1, 1).remove(0);
    group.bench_function("from protobuf", |timer| {
        timer.iter(|| decode_sequenced(black_box(&frame).clone()).frame.unwrap());
    });
    let end = decode_sequenced(frame).frame.unwrap().end;
    group.bench_function("to protobuf", |timer| timer.iter(|| encode_end(black_box(&end))));
}

criterion_group!(benches, compress, frames);
criterion_main!(benches);
