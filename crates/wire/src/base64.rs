//! Standard base64 as Go's `encoding/base64` reads and writes it.

use std::borrow::Cow;

use ::base64::Engine as _;
use ::base64::alphabet::STANDARD;
use ::base64::engine::DecodePaddingMode;
use ::base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// Padding is required, and left-over bits of the last character may be set, as `StdEncoding` has it.
const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// Decodes `text`, skipping CR and LF wherever they stand. `None` if it is not padded standard base64.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    ENGINE.decode(without_line_breaks(text.as_bytes()).as_ref()).ok()
}

/// Appends the base64 of `bytes` to `out`.
pub(crate) fn encode_into(bytes: &[u8], out: &mut Vec<u8>) {
    let from = out.len();
    let chars = bytes.len().div_ceil(3) * 4;
    out.resize(from + chars, b'=');
    if let Some(room) = out.get_mut(from..) {
        let written = ENGINE.encode_slice(bytes, room);
        debug_assert_eq!(written.ok(), Some(chars), "four characters for each three bytes");
    }
}

fn without_line_breaks(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr2(b'\r', b'\n', text).is_none() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.iter().copied().filter(|b| !matches!(b, b'\r' | b'\n')).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_are_skipped_and_padding_is_required() {
        assert_eq!(decode("cGlu\r\nZw=\n=\n").unwrap(), b"ping");
        for bad in ["cGluZw", "cGluZw=", "cGluZw===", "cGlu Zw==", "cGluZw==cGlu", "cGl-Zw=="] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }

    #[test]
    fn set_bits_after_the_last_byte_are_ignored() {
        assert_eq!(decode("cGluZx==").unwrap(), b"ping");
    }

    #[test]
    fn encoding_appends() {
        let mut out = b"x".to_vec();
        encode_into(b"ping", &mut out);
        encode_into(b"", &mut out);
        assert_eq!(out, b"xcGluZw==");
    }
}
