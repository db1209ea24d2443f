mod bombs;

use std::time::Instant as Clock;

use proptest::{collection::vec, prelude::*};

use super::{
    super::expand::{ExpandError, Expander},
    corpus::{Recorded, noise},
    *,
};

const BYTES_MAX: usize = 28 << 20;

/// Both ends of one direction.
struct Direction {
    compressor: Compressor,
    expander: Expander,
}

impl Direction {
    fn new() -> Self {
        let expander = Expander::new(Compression::Zstd, BYTES_MAX);
        Self { compressor: Compressor::default(), expander }
    }

    /// Carries a batch across; its bytes on the way.
    fn carry(&mut self, frames: Vec<SequencedFrame>) -> usize {
        self.carry_full(frames, false)
    }

    fn carry_full(&mut self, frames: Vec<SequencedFrame>, full: bool) -> usize {
        let batch = self.compressor.batch(frames.clone(), full);
        let bytes = batch.encoded_len();
        let received = self.expander.frames(batch).unwrap().collect::<Result<Vec<_>, _>>();
        assert_eq!(received.unwrap(), frames);
        bytes
    }
}

fn plain_bytes(frames: &[SequencedFrame]) -> usize {
    Batch { frames: frames.to_vec(), ..Batch::default() }.encoded_len()
}

fn incompressible(number: u64, bytes: usize) -> Vec<SequencedFrame> {
    let end = noise(number, 9, bytes).into();
    vec![SequencedFrame { number, end, ..SequencedFrame::default() }]
}

/// Bytes of a reply on the link, framing of gRPC, HTTP/2 and TLS included, after the first batch.
fn bytes_a_reply(recorded: &Recorded, batch: u64) -> f64 {
    const REPLIES: u64 = 1024;
    /// gRPC 5, HTTP/2 9, TLS 22, the length of a message's body 4: at most, one record a batch.
    const FRAMING: usize = 40;
    let mut direction = Direction::new();
    direction.carry(recorded.frames(0, batch));
    let batches = (1..REPLIES / batch).map(|index| recorded.frames(index * batch, batch));
    let bytes: usize = batches.map(|frames| direction.carry(frames) + FRAMING).sum();
    bytes as f64 / (REPLIES - batch) as f64
}

/// `cargo test -p antiphon-gateway replies_cost -- --nocapture` prints the table.
#[test]
fn replies_cost_little_more_than_what_only_their_node_can_say() {
    for (name, recorded, bytes_max) in
        [("v1", Recorded::v1(), 140.0), ("v2", Recorded::v2(), 300.0)]
    {
        println!("{name}: payload {} bytes", recorded.payload(1).len());
        for batch in [1, 16, 64, 256] {
            let bytes = bytes_a_reply(&recorded, batch);
            println!("{name}: {bytes:6.1} bytes a reply in batches of {batch}");
            assert!(batch == 1 || bytes < bytes_max, "{name} in batches of {batch}: {bytes}");
        }
    }
}

#[test]
fn a_second_batch_profits_from_the_first() {
    let (mut direction, recorded) = (Direction::new(), Recorded::v1());
    let first = direction.carry(recorded.frames(0, 1));
    let second = direction.carry(recorded.frames(1, 1));
    assert!(second * 3 < first, "{first} bytes, then {second}");
}

#[test]
fn what_does_not_shrink_goes_as_it_is_and_the_window_ends() {
    let (mut direction, recorded) = (Direction::new(), Recorded::v1());
    let batch = direction.compressor.batch(incompressible(0, 4096), false);
    assert_eq!((batch.window(), batch.compressed.len()), (WindowMark::Unspecified, 0));

    direction = Direction::new();
    direction.carry(recorded.frames(0, 8));
    let batch = direction.compressor.batch(incompressible(1, 4096), false);
    assert_eq!((batch.window(), batch.frames.len()), (WindowMark::Ends, 1));
    assert_eq!(direction.compressor.idle_at(), None);
    direction.expander.frames(batch).unwrap();

    let frames = recorded.frames(8, 8);
    assert_eq!(direction.carry(frames.clone()), plain_bytes(&frames), "a pause of one batch");
    assert!(direction.carry(frames.clone()) < plain_bytes(&frames) / 2, "a new window");
}

#[test]
fn attempts_in_vain_grow_rare() {
    let mut compressor = Compressor::default();
    let mut attempts = 0;
    for number in 0..1000 {
        attempts += u32::from(compressor.pause == 0);
        compressor.batch(incompressible(number, 1000), false);
    }
    assert!((10..30).contains(&attempts), "{attempts}");
}

#[test]
fn a_batch_is_never_larger_than_without_compression() {
    let mut direction = Direction::new();
    for number in 0..300 {
        let frames = incompressible(number, usize::try_from(number * 13).unwrap());
        let plain = plain_bytes(&frames);
        // Two bytes may say that the window ends.
        assert!(direction.carry(frames) <= plain + 2);
    }
}

#[test]
fn an_ended_window_is_forgotten_on_both_sides() {
    let (mut direction, recorded) = (Direction::new(), Recorded::v2());
    direction.carry(recorded.frames(0, 64));
    assert!(direction.compressor.idle_at().is_some());
    let end = direction.compressor.end();
    assert_eq!(direction.expander.frames(end).unwrap().count(), 0);
    assert_eq!((direction.compressor.idle_at(), direction.expander.memory()), (None, 0));
    direction.carry(recorded.frames(64, 64));
}

#[test]
fn the_memory_of_a_link_that_flows_is_bounded() {
    let (mut direction, recorded) = (Direction::new(), Recorded::v2());
    for index in 0..40 {
        direction.carry(recorded.frames(index * 64, 64));
    }
    let mut large = recorded.frames(0, 1);
    large[0].end = vec![7; 8 << 20].into();
    direction.carry(large);
    let stream = direction.compressor.stream.as_ref().unwrap();
    let buffers = [&stream.frames, &stream.packed, &stream.compressed].map(Vec::capacity);
    let (sender, receiver) = (stream.context.sizeof(), direction.expander.memory());
    println!("sender {sender}, receiver {receiver}, buffers {buffers:?}");
    assert!(sender < 2 << 20, "sender {sender}");
    assert!(receiver < 1 << 20, "receiver {receiver}");
    assert!(buffers.iter().all(|buffer| *buffer <= BUFFER_BYTES_MAX), "{buffers:?}");
}

#[test]
fn under_pressure_the_effort_falls_and_it_returns() {
    let (mut direction, recorded) = (Direction::new(), Recorded::v1());
    let effort = |direction: &Direction| direction.compressor.stream.as_ref().unwrap().effort;
    for (full, expected) in [(true, Effort::Pressed), (false, Effort::Usual)] {
        for index in 0..u64::from(Pressure::MAX) {
            direction.carry_full(recorded.frames(index * 4, 4), full);
        }
        assert_eq!(effort(&direction), expected);
    }
}

/// `cargo test --release -p antiphon-gateway pressed_compression -- --nocapture` prints the rates.
#[test]
fn pressed_compression_gives_up_little() {
    const REPLIES: usize = 8 * 256;
    for (name, recorded) in [("v1", Recorded::v1()), ("v2", Recorded::v2())] {
        let batches: Vec<_> = (0..8).map(|index| recorded.frames(index * 256, 256)).collect();
        for full in [false, true] {
            let mut direction = Direction::new();
            direction.compressor.pressure = Pressure { full: Pressure::MAX, pressed: full };
            let input = batches.clone();
            let (start, mut bytes) = (Clock::now(), 0);
            for frames in input {
                let batch = direction.compressor.batch(frames, full);
                bytes += batch.encoded_len();
            }
            let each = start.elapsed().as_nanos() / REPLIES as u128;
            println!("{name} pressed {full}: {each} ns a reply, {} bytes", bytes / REPLIES);
            assert!(bytes < REPLIES * 300);
        }
    }
}

proptest! {
    #[test]
    fn any_frames_survive(batches in vec(batch(), 1..12)) {
        let mut direction = Direction::new();
        for frames in batches {
            direction.carry(frames);
        }
    }
}

fn batch() -> impl Strategy<Value = Vec<SequencedFrame>> {
    let repeated = (any::<u8>(), 0..3000_usize).prop_map(|(byte, length)| vec![byte; length]);
    let text = "(\"[A-Za-z0-9+/]{20,60}={0,2}\"){0,20}".prop_map(String::into_bytes);
    let end = prop_oneof![vec(any::<u8>(), 0..600), repeated, text];
    let frame = (any::<u64>(), end).prop_map(|(number, end)| SequencedFrame {
        epoch: 1,
        number,
        weight: 256,
        hop: None,
        end: end.into(),
    });
    vec(frame, 1..8)
}
