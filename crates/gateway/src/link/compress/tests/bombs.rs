//! Batches that no honest gateway sends.

use super::*;

const SMALL: usize = 64 << 10;

/// Tells what a receiver with room for 64 KiB makes of a first batch that was bent.
fn judged(bend: impl FnOnce(&mut Batch)) -> Result<usize, ExpandError> {
    let mut batch = Compressor::default().batch(Recorded::v1().frames(0, 16), false);
    bend(&mut batch);
    expanded(&mut Expander::new(Compression::Zstd, SMALL), batch)
}

fn expanded(expander: &mut Expander, batch: Batch) -> Result<usize, ExpandError> {
    expander.frames(batch)?.try_fold(0, |count, frame| frame.map(|_| count + 1))
}

#[test]
fn an_honest_batch_is_read() {
    assert_eq!(judged(|_| {}).unwrap(), 16);
}

#[test]
fn sizes_beyond_the_bound_are_refused_before_anything_is_allocated() {
    let huge = judged(|batch| batch.frames_bytes = u64::MAX);
    assert!(matches!(huge, Err(ExpandError::TooLarge { field: "frames_bytes", .. })), "{huge:?}");
    let huge = judged(|batch| batch.packed_bytes = u64::MAX);
    assert!(matches!(huge, Err(ExpandError::TooLarge { field: "packed_bytes", .. })), "{huge:?}");
}

#[test]
fn a_stream_that_decompresses_to_more_than_it_says_is_refused() {
    let mut frame = Recorded::v1().frames(0, 1);
    frame[0].end = vec![0; 20 << 20].into();
    let mut bomb = Compressor::default().batch(frame, false);
    assert!(bomb.compressed.len() < 4096, "20 MiB in {} bytes", bomb.compressed.len());
    (bomb.packed_bytes, bomb.frames_bytes) = (1000, 1000);
    let mut expander = Expander::new(Compression::Zstd, SMALL);
    let judged = expanded(&mut expander, bomb);
    assert!(
        matches!(judged, Err(ExpandError::PackedBytes { stated: 1000, actual: 1001 })),
        "{judged:?}"
    );
    assert!(expander.memory() < 1 << 20, "{}", expander.memory());
}

#[test]
fn sizes_that_are_not_what_comes_out_are_refused() {
    let more = judged(|batch| batch.packed_bytes += 1);
    assert!(matches!(more, Err(ExpandError::PackedBytes { .. })), "{more:?}");
    let fewer = judged(|batch| batch.frames_bytes -= 1);
    assert!(matches!(fewer, Err(ExpandError::Unpack(_))), "{fewer:?}");
    let more = judged(|batch| batch.frames_bytes += 1);
    assert!(matches!(more, Err(ExpandError::FramesBytes { .. })), "{more:?}");
}

#[test]
fn a_part_of_a_stream_that_never_began_is_refused() {
    let lost = judged(|batch| batch.window = WindowMark::Unspecified.into());
    assert!(matches!(lost, Err(ExpandError::NoWindow)), "{lost:?}");
    let ended = judged(|batch| batch.window = WindowMark::Ends.into());
    assert!(matches!(ended, Err(ExpandError::NoWindow)), "{ended:?}");
}

#[test]
fn a_window_larger_than_agreed_is_refused() {
    let mut context = CCtx::create();
    context.set_parameter(CParameter::WindowLog(27)).unwrap();
    let mut compressed = Vec::with_capacity(1 << 10);
    let mut output = OutBuffer::around(&mut compressed);
    let mut input = InBuffer::around(&[0; 100]);
    let flush = ZSTD_EndDirective::ZSTD_e_flush;
    assert_eq!(context.compress_stream2(&mut output, &mut input, flush).unwrap(), 0);
    let wide = judged(|batch| batch.compressed = compressed.into());
    assert!(matches!(wide, Err(ExpandError::Zstd(_))), "{wide:?}");
}

#[test]
fn compression_that_was_not_agreed_upon_is_refused() {
    let batch = Compressor::default().batch(Recorded::v1().frames(0, 16), false);
    let mut expander = Expander::new(Compression::Off, SMALL);
    let judged = expanded(&mut expander, batch);
    assert!(matches!(judged, Err(ExpandError::NotAgreed)), "{judged:?}");
}

proptest! {
    #[test]
    fn damage_ends_in_an_error_or_within_bounds(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        sizes in any::<(u16, u16)>(),
        keep_sizes in any::<bool>(),
    ) {
        let judged = judged(|batch| {
            let mut compressed = batch.compressed.to_vec();
            let at = at.index(compressed.len());
            compressed[at] = byte;
            batch.compressed = compressed.into();
            if !keep_sizes {
                (batch.packed_bytes, batch.frames_bytes) = (sizes.0.into(), sizes.1.into());
            }
        });
        prop_assert!(judged.is_err() || judged.is_ok_and(|frames| frames <= SMALL));
    }
}
