//! FNV-1a, 64 bits: a hash that is the same on every machine and release. Not for adversaries.

/// Hashes bytes (Fowler, Noll, Vo; the 64-bit parameters of draft-eastlake-fnv).
pub(crate) fn fnv1a(bytes: &[u8]) -> u64 {
    fnv1a_of(&[bytes])
}

/// Hashes these bytes one after the other, as if they were joined.
pub(crate) fn fnv1a_of(parts: &[&[u8]]) -> u64 {
    parts.iter().copied().flatten().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// A hash that differs between releases, for what never leaves the machine: eight bytes at a time.
pub(crate) fn quick(bytes: &[u8]) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let (words, rest) = bytes.as_chunks::<8>();
    let step = |hash: u64, word: u64| (hash.rotate_left(23) ^ word).wrapping_mul(ODD);
    let hash =
        words.iter().fold(bytes.len() as u64, |hash, word| step(hash, u64::from_le_bytes(*word)));
    let hash = rest.iter().fold(hash, |hash, byte| step(hash, u64::from(*byte)));
    hash ^ (hash >> 29)
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_gives_the_published_values() {
        assert_eq!(super::fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(super::fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(super::fnv1a_of(&[b"eu-1", b"/", b"a.b"]), super::fnv1a(b"eu-1/a.b"));
    }

    #[test]
    fn a_quick_one_depends_on_every_byte_and_on_their_number() {
        let text = *b"mcollective.reply.74ce5a833e16d4afa24ecbc90fff8506";
        let hash = super::quick(&text);
        for at in 0..text.len() {
            let mut other = text;
            other[at] ^= 1;
            assert_ne!(super::quick(&other), hash, "{at}");
        }
        assert_ne!(super::quick(b"a"), super::quick(b"a\0"));
    }
}
