//! Packing: text that only stands for bytes is replaced by those bytes, so that it compresses.
//!
//! A Choria transport is JSON whose `data` is base64 of JSON, which holds base64 again. Letters of
//! base64 hide what lies below from a compressor: the same JSON at another offset looks different.
//! [`pack`] finds such texts between the delimiters of JSON, tokens and subjects, and replaces those
//! that are canonical, and so come back from their bytes letter by letter. [`unpack`] is its exact
//! inverse for whatever bytes there are.
//!
//! ```text
//! packed  = *( length literal kind length content ) length literal
//! kind    = encoding, and whether the content is itself packed
//! length  = LEB128, as in protobuf
//! ```

use std::ops::Range;

use base64_simd::{STANDARD, URL_SAFE_NO_PAD};
use memchr::{memchr2, memchr3};
use prost::encoding::{decode_varint, encode_varint};

/// Shorter texts are left alone: their lengths would cost what is won.
const TEXT_BYTES_MIN: usize = 24;
/// So many letters are looked at before a text is read as hexadecimal digits.
const HEX_LOOK: usize = 16;
/// Packed in packed. Choria has three: transport, secure reply, reply.
const DEPTH_MAX: u8 = 6;
/// In a kind: the content is packed too.
const NESTED: u8 = 0x10;

/// Why bytes are nothing that [`pack`] made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnpackError {
    /// Fewer bytes than a length says, or a length that is none.
    #[error("packed bytes end early")]
    Truncated,
    /// An encoding that this version does not know, or contents nested too deep.
    #[error("packed bytes of kind {kind:#04x}")]
    Kind {
        /// As it came.
        kind: u8,
    },
    /// More than the caller has room for.
    #[error("unpacked, it would be more than {bytes_max} bytes")]
    TooLong {
        /// The bound.
        bytes_max: usize,
    },
}

/// How a text stands for bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    /// RFC 4648 section 4, padded.
    Base64 = 0,
    /// RFC 4648 section 5, unpadded, as in JWTs.
    Base64Url = 1,
    /// Lower case hexadecimal digits.
    Hex = 2,
}

/// Appends `plain` to `packed`, packed: at most 10 bytes longer, usually far shorter.
pub fn pack(plain: &[u8], packed: &mut Vec<u8>) {
    pack_at(plain, packed, 0);
}

/// Appends to `plain` what [`pack`] was given; never more than `bytes_max` bytes.
///
/// # Errors
/// If `packed` is not what [`pack`] makes, or too long unpacked; `plain` then holds a part of it.
pub fn unpack(packed: &[u8], plain: &mut Vec<u8>, bytes_max: usize) -> Result<(), UnpackError> {
    unpack_at(packed, plain, plain.len().saturating_add(bytes_max), 0)
}

/// Whether there was anything to pack.
fn pack_at(plain: &[u8], packed: &mut Vec<u8>, depth: u8) -> bool {
    let mut rest = plain;
    let mut from = 0;
    let mut found = false;
    while let Some(text) = next_text(rest, from) {
        from = text.end;
        let Some((encoding, bytes)) = rest.get(text.clone()).and_then(decode) else { continue };
        let (before, after) = rest.split_at(text.start);
        put(before, packed);
        put_content(encoding, &bytes, packed, depth);
        rest = after.get(text.len()..).unwrap_or_default();
        from = 0;
        found = true;
    }
    put(rest, packed);
    found
}

fn put(bytes: &[u8], packed: &mut Vec<u8>) {
    encode_varint(bytes.len() as u64, packed);
    packed.extend_from_slice(bytes);
}

fn put_content(encoding: Encoding, bytes: &[u8], packed: &mut Vec<u8>, depth: u8) {
    let mut inner = Vec::new();
    if encoding != Encoding::Hex && depth + 1 < DEPTH_MAX {
        inner.reserve(bytes.len() + TEXT_BYTES_MIN);
        if pack_at(bytes, &mut inner, depth + 1) {
            packed.push(encoding as u8 | NESTED);
            return put(&inner, packed);
        }
    }
    packed.push(encoding as u8);
    put(bytes, packed);
}

/// The next text from `from` on that may stand for bytes.
fn next_text(bytes: &[u8], mut from: usize) -> Option<Range<usize>> {
    loop {
        let rest = bytes.get(from..)?;
        let start = from + memchr2(b'"', b'.', rest)? + 1;
        let first = bytes.get(start..)?.iter().take(TEXT_BYTES_MIN);
        from = start + first.take_while(|byte| is_letter(**byte)).count();
        if from == start + TEXT_BYTES_MIN {
            // Whether the rest up to the next delimiter are letters, the decoders find out.
            return Some(start..from + memchr3(b'"', b'\\', b'.', bytes.get(from..)?)?);
        }
    }
}

/// Looked up rather than compared: it is asked for most bytes that leave on a link.
fn is_letter(byte: u8) -> bool {
    LETTERS.get(usize::from(byte)).is_some_and(|is| *is)
}

/// Which bytes occur in any of the encodings.
const LETTERS: [bool; 256] = {
    let mut letters = [false; 256];
    let mut rest: &mut [bool] = &mut letters;
    let mut byte = 0_u8;
    while let Some((is, after)) = rest.split_first_mut() {
        *is = byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_');
        byte = byte.wrapping_add(1);
        rest = after;
    }
    letters
};

/// What a text stands for, if it is the only way to write it. The decoders refuse every other way
/// (RFC 4648 section 3.5): missing or needless padding, letters of another alphabet, set bits that
/// belong to no byte.
fn decode(text: &[u8]) -> Option<(Encoding, Vec<u8>)> {
    if let Some(bytes) = decode_hex(text) {
        return Some((Encoding::Hex, bytes));
    }
    let (encoding, bytes) = match STANDARD.decode_to_vec(text) {
        Ok(bytes) => (Encoding::Base64, bytes),
        Err(_) => (Encoding::Base64Url, URL_SAFE_NO_PAD.decode_to_vec(text).ok()?),
    };
    debug_assert!(stands_for(text, encoding, &bytes), "the decoder is strict");
    Some((encoding, bytes))
}

fn stands_for(text: &[u8], encoding: Encoding, bytes: &[u8]) -> bool {
    let mut letters = Vec::new();
    encode(encoding, bytes, &mut letters);
    letters == text
}

/// Letters that so many bytes take; `None`: more than can be counted.
fn letters(encoding: Encoding, bytes: usize) -> Option<usize> {
    match encoding {
        Encoding::Base64 => bytes.div_ceil(3).checked_mul(4),
        Encoding::Base64Url => bytes.checked_mul(4).map(|bits| bits.div_ceil(3)),
        Encoding::Hex => bytes.checked_mul(2),
    }
}

/// Appends the letters that stand for these bytes.
fn encode(encoding: Encoding, bytes: &[u8], text: &mut Vec<u8>) {
    match encoding {
        Encoding::Base64 => STANDARD.encode_append(bytes, text),
        Encoding::Base64Url => URL_SAFE_NO_PAD.encode_append(bytes, text),
        Encoding::Hex => {
            text.extend(bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(digit));
        }
    }
}

fn decode_hex(text: &[u8]) -> Option<Vec<u8>> {
    // Most texts are not: see it before there is room for their bytes.
    if !text.len().is_multiple_of(2)
        || !text.iter().take(HEX_LOOK).all(|one| nibble(*one).is_some())
    {
        return None;
    }
    let pairs = text.chunks_exact(2);
    let byte = |pair: &[u8]| match pair {
        [high, low] => Some(nibble(*high)? << 4 | nibble(*low)?),
        _ => None,
    };
    pairs.map(byte).collect()
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

fn digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
}

fn unpack_at(
    mut packed: &[u8],
    plain: &mut Vec<u8>,
    len_max: usize,
    depth: u8,
) -> Result<(), UnpackError> {
    loop {
        put_bounded(take(&mut packed)?, plain, len_max)?;
        let Some((kind, rest)) = packed.split_first() else { return Ok(()) };
        packed = rest;
        let content = take(&mut packed)?;
        let encoding = Encoding::try_from(kind & !NESTED)?;
        if kind & NESTED == 0 {
            put_text(encoding, content, plain, len_max)?;
        } else if depth + 1 < DEPTH_MAX {
            let mut bytes = Vec::new();
            unpack_at(content, &mut bytes, len_max.saturating_sub(plain.len()), depth + 1)?;
            put_text(encoding, &bytes, plain, len_max)?;
        } else {
            return Err(UnpackError::Kind { kind: *kind });
        }
    }
}

fn take<'a>(packed: &mut &'a [u8]) -> Result<&'a [u8], UnpackError> {
    let length = decode_varint(packed).map_err(|_| UnpackError::Truncated)?;
    let length = usize::try_from(length).map_err(|_| UnpackError::Truncated)?;
    let (bytes, rest) = packed.split_at_checked(length).ok_or(UnpackError::Truncated)?;
    *packed = rest;
    Ok(bytes)
}

fn put_text(
    encoding: Encoding,
    bytes: &[u8],
    plain: &mut Vec<u8>,
    len_max: usize,
) -> Result<(), UnpackError> {
    let room = len_max.saturating_sub(plain.len());
    if letters(encoding, bytes.len()).is_none_or(|letters| letters > room) {
        return Err(UnpackError::TooLong { bytes_max: len_max });
    }
    encode(encoding, bytes, plain);
    Ok(())
}

fn put_bounded(bytes: &[u8], plain: &mut Vec<u8>, len_max: usize) -> Result<(), UnpackError> {
    if bytes.len() > len_max.saturating_sub(plain.len()) {
        return Err(UnpackError::TooLong { bytes_max: len_max });
    }
    plain.extend_from_slice(bytes);
    Ok(())
}

impl TryFrom<u8> for Encoding {
    type Error = UnpackError;

    fn try_from(kind: u8) -> Result<Self, UnpackError> {
        match kind {
            0 => Ok(Self::Base64),
            1 => Ok(Self::Base64Url),
            2 => Ok(Self::Hex),
            _ => Err(UnpackError::Kind { kind }),
        }
    }
}

#[cfg(test)]
mod tests;
