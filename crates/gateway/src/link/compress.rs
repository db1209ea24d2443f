//! Compressing batches: one zstd stream over the life of a data connection, flushed per batch.
//!
//! Replies of one request share nearly everything. A window over the batches before makes each of
//! them cost little more than what is new in it. Windows are memory: there is one only while
//! batches flow, and it ends, with its tables, when they pause.
//!
//! A batch that does not shrink goes as it is. The stream cannot take back what it has read, so it
//! ends there, and the next attempts come at growing distances.

use std::time::Duration;

use antiphon_proto::{
    BATCH_ZSTD, Greeting,
    v1::{Batch, SequencedFrame, WindowMark},
};
use bytes::Bytes;
use prost::Message as _;
use tokio::time::Instant;
use zstd_safe::{CCtx, CParameter, InBuffer, OutBuffer, zstd_sys::ZSTD_EndDirective};

/// The window, as a power of two: 512 KiB hold some hundred replies of a few hundred bytes of news
/// each, and repetition rarely reaches farther back than one.
pub(super) const WINDOW_LOG: u32 = 19;
/// How long a window is kept without a batch.
pub(super) const IDLE: Duration = Duration::from_secs(5);
/// Smaller batches are not worth the attempt.
const FRAMES_BYTES_MIN: usize = 96;
/// Most batches in a row that go uncompressed without another attempt.
const PAUSE_MAX: u32 = 64;
/// Buffers that a large batch made larger are not kept.
const BUFFER_BYTES_MAX: usize = 2 << 20;

/// Whether batches may be compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// One of both gateways does not have the feature.
    Off,
    /// Both have it.
    Zstd,
}

impl Compression {
    /// What two gateways have in common.
    pub(crate) fn between(own: &Greeting, peer: &Greeting) -> Self {
        if own.shares(peer, BATCH_ZSTD) { Self::Zstd } else { Self::Off }
    }
}

/// How hard zstd tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effort {
    /// While the writer keeps up.
    Usual,
    /// While batches are full: more waits than the writer takes at once.
    Pressed,
}

/// The compressing half of one direction.
#[derive(Debug, Default)]
pub struct Compressor {
    stream: Option<Stream>,
    /// Batches that go without an attempt.
    pause: u32,
    /// What `pause` becomes if the next attempt fails.
    next_pause: u32,
    pressure: Pressure,
}

/// A zstd stream and its buffers, about 1.5 MiB and what the batches need.
struct Stream {
    context: CCtx<'static>,
    effort: Effort,
    last_used: Instant,
    frames: Vec<u8>,
    packed: Vec<u8>,
    compressed: Vec<u8>,
}

impl Compressor {
    /// A batch of these frames, compressed if that makes it smaller. `full`: more frames wait.
    pub fn batch(&mut self, frames: Vec<SequencedFrame>, full: bool) -> Batch {
        let bytes: usize = frames.iter().map(length_delimited).sum();
        self.pressure.on_batch(full);
        if self.pause > 0 {
            self.pause -= 1;
            return Batch { frames, ..Batch::default() };
        }
        if bytes < FRAMES_BYTES_MIN {
            return Batch { frames, ..Batch::default() };
        }
        let effort = self.pressure.effort();
        let kept = self.stream.take().filter(|stream| stream.effort == effort);
        let begins = kept.is_none();
        let Some(mut stream) = kept.or_else(|| Stream::new(effort)) else {
            return self.plain(frames, WindowMark::Unspecified);
        };
        match stream.compress(&frames, bytes) {
            Some(batch) => {
                self.stream = Some(stream);
                self.next_pause = 1;
                let window = if begins { WindowMark::Begins } else { WindowMark::Unspecified };
                Batch { window: window.into(), ..batch }
            }
            None if begins => self.plain(frames, WindowMark::Unspecified),
            None => self.plain(frames, WindowMark::Ends),
        }
    }

    /// When the window is to end unless a batch comes before.
    pub(crate) fn idle_at(&self) -> Option<Instant> {
        self.stream.as_ref().map(|stream| stream.last_used + IDLE)
    }

    /// Forgets the window; the batch that tells the peer to do the same.
    pub(crate) fn end(&mut self) -> Batch {
        *self = Self::default();
        Batch { window: WindowMark::Ends.into(), ..Batch::default() }
    }

    fn plain(&mut self, frames: Vec<SequencedFrame>, window: WindowMark) -> Batch {
        self.pause = self.next_pause.max(1);
        self.next_pause = self.pause.saturating_mul(2).min(PAUSE_MAX);
        Batch { frames, window: window.into(), ..Batch::default() }
    }
}

impl Stream {
    fn new(effort: Effort) -> Option<Self> {
        let mut context = CCtx::try_create()?;
        let parameters =
            [CParameter::CompressionLevel(effort.level()), CParameter::WindowLog(WINDOW_LOG)];
        for parameter in parameters {
            context.set_parameter(parameter).ok()?;
        }
        let (frames, packed, compressed) = Default::default();
        let last_used = Instant::now();
        Some(Self { context, effort, last_used, frames, packed, compressed })
    }

    /// `None` if it did not shrink; the stream is of no use then.
    fn compress(&mut self, frames: &[SequencedFrame], bytes: usize) -> Option<Batch> {
        self.last_used = Instant::now();
        self.frames.clear();
        self.frames.reserve(bytes);
        for frame in frames {
            frame.encode_length_delimited(&mut self.frames).ok()?;
        }
        self.packed.clear();
        antiphon_proto::pack(&self.frames, &mut self.packed);
        self.flush()?;
        let batch = Batch {
            compressed: Bytes::copy_from_slice(&self.compressed),
            packed_bytes: self.packed.len() as u64,
            frames_bytes: self.frames.len() as u64,
            ..Batch::default()
        };
        self.shrink_buffers();
        (batch.encoded_len() < bytes).then_some(batch)
    }

    /// From `packed` to `compressed`, all of it.
    fn flush(&mut self) -> Option<()> {
        self.compressed.clear();
        self.compressed.reserve(zstd_safe::compress_bound(self.packed.len()));
        let mut input = InBuffer::around(&self.packed);
        loop {
            let written = self.compressed.len();
            let mut output = OutBuffer::around_pos(&mut self.compressed, written);
            let flush = ZSTD_EndDirective::ZSTD_e_flush;
            let left = self.context.compress_stream2(&mut output, &mut input, flush).ok()?;
            if left == 0 && input.pos() == self.packed.len() {
                return Some(());
            }
            self.compressed.reserve(left.max(CCtx::out_size()));
        }
    }

    fn shrink_buffers(&mut self) {
        for buffer in [&mut self.frames, &mut self.packed, &mut self.compressed] {
            if buffer.capacity() > BUFFER_BYTES_MAX {
                *buffer = Vec::new();
            }
        }
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream").field("effort", &self.effort).finish_non_exhaustive()
    }
}

impl Effort {
    fn level(self) -> zstd_safe::CompressionLevel {
        match self {
            Self::Usual => 3,
            Self::Pressed => 1,
        }
    }
}

/// Whether the writer keeps up, smoothed: a change of effort costs a window.
#[derive(Debug, Default)]
struct Pressure {
    /// Full batches, less those that were not; between 0 and [`Pressure::MAX`].
    full: u32,
    pressed: bool,
}

impl Pressure {
    const MAX: u32 = 32;

    fn on_batch(&mut self, full: bool) {
        self.full = if full { (self.full + 1).min(Self::MAX) } else { self.full.saturating_sub(1) };
        if self.full == Self::MAX {
            self.pressed = true;
        } else if self.full == 0 {
            self.pressed = false;
        }
    }

    fn effort(&self) -> Effort {
        if self.pressed { Effort::Pressed } else { Effort::Usual }
    }
}

fn length_delimited(frame: &SequencedFrame) -> usize {
    let bytes = frame.encoded_len();
    bytes + prost::length_delimiter_len(bytes)
}

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod tests;
