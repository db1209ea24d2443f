//! Expanding compressed batches, within bounds that hold before anything is allocated.

use antiphon_proto::{
    UnpackError, unpack,
    v1::{Batch, SequencedFrame, WindowMark},
};
use bytes::Bytes;
use prost::Message as _;
use zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer};

use super::compress::{Compression, WINDOW_LOG};

/// Packing makes nothing longer than this beyond its own length.
const PACKING_BYTES_MAX: usize = 10;

/// Why a compressed batch cannot be read. The link ends with it: the window is lost, and frames
/// with it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExpandError {
    /// The greetings did not agree on it.
    #[error("compressed although not agreed upon")]
    NotAgreed,
    /// The batch that begins the stream is missing.
    #[error("a part of a zstd stream that has not begun")]
    NoWindow,
    /// A length beyond its bound, in bytes.
    #[error("{field} says {bytes}, more than {bytes_max}")]
    TooLarge { field: &'static str, bytes: u64, bytes_max: usize },
    /// What zstd says.
    #[error("zstd: {0}")]
    Zstd(&'static str),
    /// Lengths in bytes that should be equal.
    #[error("decompresses to {actual} bytes, not to {stated} as packed_bytes says")]
    PackedBytes { stated: usize, actual: usize },
    /// What was decompressed is not as gateways pack it.
    #[error("not as it is packed: {0}")]
    Unpack(#[from] UnpackError),
    /// Lengths in bytes that should be equal.
    #[error("unpacks to {actual} bytes, not to {stated} as frames_bytes says")]
    FramesBytes { stated: usize, actual: usize },
    /// Bytes that are no frame.
    #[error("no frame after {at} bytes: {error}")]
    Frame { at: usize, error: prost::DecodeError },
}

/// The expanding half of one direction. Its window, some 700 KiB, lives as long as the sender says.
pub struct Expander {
    compression: Compression,
    /// Most bytes of frames in one batch.
    bytes_max: usize,
    context: Option<DCtx<'static>>,
}

impl Expander {
    /// Refuses batches of more than `bytes_max` bytes.
    #[must_use]
    pub fn new(compression: Compression, bytes_max: usize) -> Self {
        Self { compression, bytes_max, context: None }
    }

    /// The frames of a batch, each decoded when it is asked for.
    ///
    /// # Errors
    /// What was not agreed upon, exceeds its bound, or is not what it says it is.
    pub fn frames(&mut self, batch: Batch) -> Result<Frames, ExpandError> {
        let mark = batch.window();
        if matches!(mark, WindowMark::Begins | WindowMark::Ends) {
            self.context = None;
        }
        if batch.compressed.is_empty() {
            return Ok(Frames::Plain(batch.frames.into_iter()));
        }
        if self.compression == Compression::Off {
            return Err(ExpandError::NotAgreed);
        }
        if mark == WindowMark::Begins {
            self.context = Some(new_context()?);
        }
        let frames_bytes = bounded("frames_bytes", batch.frames_bytes, self.bytes_max)?;
        let packed_max = frames_bytes + PACKING_BYTES_MAX;
        let packed_bytes = bounded("packed_bytes", batch.packed_bytes, packed_max)?;
        let packed = self.decompress(&batch.compressed, packed_bytes)?;
        let mut frames = Vec::with_capacity(frames_bytes);
        unpack(&packed, &mut frames, frames_bytes)?;
        if frames.len() != frames_bytes {
            let (stated, actual) = (frames_bytes, frames.len());
            return Err(ExpandError::FramesBytes { stated, actual });
        }
        Ok(Frames::Expanded { bytes_all: frames_bytes, left: frames.into() })
    }

    /// Bytes that the window takes.
    #[cfg(test)]
    pub(crate) fn memory(&self) -> usize {
        self.context.as_ref().map_or(0, DCtx::sizeof)
    }

    fn decompress(&mut self, compressed: &[u8], stated: usize) -> Result<Vec<u8>, ExpandError> {
        let context = self.context.as_mut().ok_or(ExpandError::NoWindow)?;
        // One byte more than stated shows a stream that has more to say.
        let mut packed = vec![0; stated + 1];
        let mut input = InBuffer::around(compressed);
        let mut output = OutBuffer::around(packed.as_mut_slice());
        loop {
            let (read, written) = (input.pos(), output.pos());
            context
                .decompress_stream(&mut output, &mut input)
                .map_err(|code| ExpandError::Zstd(zstd_safe::get_error_name(code)))?;
            if (input.pos(), output.pos()) == (read, written) {
                break;
            }
        }
        let actual = output.pos();
        if actual != stated || input.pos() != compressed.len() {
            return Err(ExpandError::PackedBytes { stated, actual });
        }
        packed.truncate(stated);
        Ok(packed)
    }
}

/// The frames of one batch.
pub enum Frames {
    /// They came as they are.
    Plain(std::vec::IntoIter<SequencedFrame>),
    /// Frames with their lengths before them; payloads are slices of it.
    Expanded {
        /// How many bytes there were.
        bytes_all: usize,
        /// Those not decoded yet.
        left: Bytes,
    },
}

impl Iterator for Frames {
    type Item = Result<SequencedFrame, ExpandError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Plain(frames) => frames.next().map(Ok),
            Self::Expanded { left, .. } if left.is_empty() => None,
            Self::Expanded { bytes_all, left } => {
                let at = *bytes_all - left.len();
                let frame = SequencedFrame::decode_length_delimited(&mut *left);
                Some(frame.map_err(|error| {
                    left.clear();
                    ExpandError::Frame { at, error }
                }))
            }
        }
    }
}

fn new_context() -> Result<DCtx<'static>, ExpandError> {
    let mut context = DCtx::try_create().ok_or(ExpandError::Zstd("no memory for a window"))?;
    context
        .set_parameter(DParameter::WindowLogMax(WINDOW_LOG))
        .map_err(|code| ExpandError::Zstd(zstd_safe::get_error_name(code)))?;
    Ok(context)
}

fn bounded(field: &'static str, bytes: u64, bytes_max: usize) -> Result<usize, ExpandError> {
    let fits = usize::try_from(bytes).ok().filter(|bytes| *bytes <= bytes_max);
    fits.ok_or(ExpandError::TooLarge { field, bytes, bytes_max })
}
