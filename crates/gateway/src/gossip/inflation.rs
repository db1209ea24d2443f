//! How far a gossip message may unfold.
//!
//! Deltas are compressed in blocks of which each unfolds to at most 64 KiB, whatever its size on the
//! wire: a message of 64 KiB could fill 200 MB. The blocks are counted before chitchat unfolds them.

/// Most compressed blocks in one message: 16 MiB unfolded, the keys of several thousand members.
const BLOCKS_MAX: usize = 256;

/// The header: magic number, version, kind.
const HEADER_BYTES: usize = 4;
const SYN_ACK: u8 = 1;
const ACK: u8 = 2;

/// Whether a message may be decoded. One that is cut short may: decoding it fails early.
///
/// The layout is that of chitchat 0.11.2, `message.rs`, `digest.rs`, `delta.rs` and `serialize.rs`.
pub(super) fn is_modest(message: &[u8]) -> bool {
    let Some((header, body)) = message.split_at_checked(HEADER_BYTES) else { return true };
    let delta = match header.last() {
        Some(&SYN_ACK) => after_digest(body),
        Some(&ACK) => Some(body),
        // A SYN holds a digest alone, other kinds nothing.
        Some(_) | None => None,
    };
    delta.is_none_or(|delta| compressed_blocks(delta) <= BLOCKS_MAX)
}

/// What follows the digest; `None` if it is cut short.
fn after_digest(body: &[u8]) -> Option<&[u8]> {
    const GENERATION_BYTES: usize = 8;
    const PORT_BYTES: usize = 2;
    /// Heartbeat, version of the last collection, newest version.
    const VERSIONS_BYTES: usize = 24;
    let (count, mut rest) = number(body)?;
    for _ in 0..count {
        let (name_bytes, after) = number(rest)?;
        let (version, after) = after.get(name_bytes + GENERATION_BYTES..)?.split_first()?;
        let address_bytes = if *version == 4 { 4 } else { 16 };
        rest = after.get(address_bytes + PORT_BYTES + VERSIONS_BYTES..)?;
    }
    Some(rest)
}

/// Counts blocks that are compressed, up to the end of the delta or of the bytes.
fn compressed_blocks(mut delta: &[u8]) -> usize {
    const COMPRESSED: u8 = 1;
    const UNCOMPRESSED: u8 = 2;
    let mut count = 0;
    while let Some((&kind @ (COMPRESSED | UNCOMPRESSED), rest)) = delta.split_first() {
        count += usize::from(kind == COMPRESSED);
        let Some((bytes, rest)) = number(rest) else { break };
        let Some(rest) = rest.get(bytes..) else { break };
        delta = rest;
    }
    count
}

/// A little-endian number of two bytes, and what follows it.
fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((usize::from(u16::from_le_bytes(*number)), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYN: u8 = 0;
    const ENDED: u8 = 0;

    fn message(kind: u8, digest: &[u8], blocks: usize) -> Vec<u8> {
        let block = [1, 3, 0, 7, 7, 7];
        [&[0x53, 0xb0, 0, kind], digest, &block.repeat(blocks), &[ENDED]].concat()
    }

    /// Two members, one on each version of IP.
    fn digest() -> Vec<u8> {
        let member = |version: u8, address: usize| {
            [&[2, 0, b'e', b'u'][..], &[0; 8], &[version], &vec![1; address], &[0; 26]].concat()
        };
        [vec![2, 0], member(4, 4), member(6, 16)].concat()
    }

    #[test]
    fn blocks_are_counted_behind_the_digest() {
        assert!(is_modest(&message(ACK, &[], BLOCKS_MAX)));
        assert!(!is_modest(&message(ACK, &[], BLOCKS_MAX + 1)));
        assert!(is_modest(&message(SYN_ACK, &digest(), BLOCKS_MAX)));
        assert!(!is_modest(&message(SYN_ACK, &digest(), BLOCKS_MAX + 1)));
    }

    #[test]
    fn what_is_cut_short_or_holds_no_delta_is_left_to_the_decoder() {
        let long = message(SYN_ACK, &digest(), 3);
        assert!((0..long.len()).all(|end| is_modest(&long[..end])));
        assert!(is_modest(&message(SYN, &[], BLOCKS_MAX + 1)));
    }
}
