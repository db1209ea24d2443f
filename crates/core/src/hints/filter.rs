//! A compact set of identities that errs on one side only: what is in it is always found, and less than
//! one in a hundred of what is not.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::hash;

/// Bits for each identity; with [`PROBES`] that gives 0.82 % false positives (Bloom 1970).
const BITS_PER_IDENTITY: usize = 10;
/// The same in small filters, whose rate varies with what is in them.
const BITS_PER_IDENTITY_SMALL: usize = 12;
/// Up to so many identities a filter is small.
const SMALL: usize = 1024;
/// Bits that each identity sets: the best number for ten bits an identity.
const PROBES: u64 = 7;
/// The smallest filter has room for so many identities: one more node does not change its size.
const CAPACITY_MIN: usize = 16;

/// A node's identity as hints know it: 64 bits, the same on every machine and release.
///
/// Two of a million identities share one with a chance of one in 30 million; what shares one is
/// asked too often, never too rarely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IdentityHash(pub u64);

impl IdentityHash {
    /// The hash of an identity's text.
    #[must_use]
    pub fn of(identity: &str) -> Self {
        Self(mix(hash::fnv1a(identity.as_bytes())))
    }

    /// Which of `shards` (a power of two) this identity is kept in: the leading bits, so that a
    /// sorted list is a sequence of shards.
    pub(crate) fn shard(self, shards: u16) -> u16 {
        let bits = shards.max(1).trailing_zeros();
        let shard = self.0.checked_shr(64 - bits).unwrap_or_default();
        u16::try_from(shard).unwrap_or_default()
    }
}

/// A Bloom filter. Its bytes are its whole state: any bytes are a filter, none at all an empty one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Filter(Bytes);

impl Filter {
    /// Of these identities, of which there are about `count`. Equal sets of equal count give equal
    /// bytes, in whatever order they come.
    ///
    /// Cost: some 20 ns an identity while the filter fits the processor's cache.
    #[must_use]
    pub fn build(identities: impl IntoIterator<Item = IdentityHash>, count: usize) -> Self {
        if count == 0 {
            return Self::default();
        }
        let mut bytes = vec![0_u8; Self::bytes_for(count)];
        let bits = bytes.len() as u64 * 8;
        for identity in identities {
            for (byte, bit) in probes(identity, bits) {
                if let Some(byte) = bytes.get_mut(byte) {
                    *byte |= bit;
                }
            }
        }
        Self(bytes.into())
    }

    /// How many bytes a filter of so many identities has.
    pub(crate) fn bytes_for(count: usize) -> usize {
        let capacity = capacity(count);
        let bits = if capacity <= SMALL { BITS_PER_IDENTITY_SMALL } else { BITS_PER_IDENTITY };
        (capacity * bits).div_ceil(8)
    }

    /// The filter that these bytes are.
    #[must_use]
    pub fn from_bytes(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// What it travels as.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// Whether the identity may be in it; `false` is certain.
    #[must_use]
    pub fn may_hold(&self, identity: IdentityHash) -> bool {
        let bits = self.0.len() as u64 * 8;
        bits > 0
            && probes(identity, bits)
                .all(|(byte, bit)| self.0.get(byte).is_some_and(|one| one & bit != 0))
    }
}

/// How many identities a filter for `count` has room for: at most an eighth more, in steps, so that
/// a few nodes more or less leave its size, and the place of all others in it, as it is.
fn capacity(count: usize) -> usize {
    let step = (count.next_power_of_two() / 16).max(1);
    count.next_multiple_of(step).max(CAPACITY_MIN)
}

/// Byte and bit of each probe: two hashes make all (Kirsch and Mitzenmacher, 2006).
fn probes(identity: IdentityHash, bits: u64) -> impl Iterator<Item = (usize, u8)> {
    let first = mix(identity.0 ^ 0x9e37_79b9_7f4a_7c15);
    let second = mix(first) | 1;
    (0..PROBES).map(move |probe| {
        let hash = first.wrapping_add(probe.wrapping_mul(second));
        let at = (u128::from(hash) * u128::from(bits)) >> 64;
        // Less than the filter's bits, which are in memory.
        let at = usize::try_from(at).unwrap_or_default();
        (at / 8, 1 << (at % 8))
    })
}

/// The finaliser of `MurmurHash3` (Appleby, public domain): every bit in moves half of those out.
fn mix(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn nodes(count: usize, domain: &str) -> Vec<IdentityHash> {
        (0..count).map(|n| IdentityHash::of(&format!("node{n}.{domain}.example.net"))).collect()
    }

    fn false_positives(filter: &Filter, strangers: &[IdentityHash]) -> f64 {
        let wrong = strangers.iter().filter(|one| filter.may_hold(**one)).count();
        wrong as f64 / strangers.len() as f64
    }

    proptest! {
        #[test]
        fn it_holds_every_member_and_knows_few_others(
            members in proptest::collection::btree_set("[a-z0-9.-]{1,40}", 0..300),
        ) {
            let hashes: BTreeSet<IdentityHash> =
                members.iter().map(|one| IdentityHash::of(one)).collect();
            let filter = Filter::build(hashes.iter().copied(), hashes.len());
            prop_assert!(hashes.iter().all(|one| filter.may_hold(*one)));
            let back = Filter::build(hashes.iter().rev().copied(), hashes.len());
            prop_assert_eq!(&filter, &back);
            let strangers = nodes(20_000, "stranger");
            prop_assert!(false_positives(&filter, &strangers) <= 0.01);
        }
    }

    #[test]
    fn at_most_one_stranger_in_a_hundred_is_taken_for_a_member() {
        for count in [16, 1000, 1024, 8192, 12_000, 16_384, 100_000] {
            let filter = Filter::build(nodes(count, "eu"), count);
            let rate = false_positives(&filter, &nodes(200_000, "us"));
            assert!(rate <= 0.01, "{count}: {rate}");
            let bits = filter.bytes().len() as f64 * 8.0 / count as f64;
            assert!((10.0..=13.5).contains(&bits), "{count}: {bits}");
        }
    }

    #[test]
    fn a_shard_of_a_large_set_is_as_good_as_a_set_of_its_own() {
        let all = nodes(64_000, "eu");
        for shard in 0..8 {
            let members: Vec<_> = all.iter().copied().filter(|one| one.shard(8) == shard).collect();
            assert!((7000..9000).contains(&members.len()));
            let filter = Filter::build(members.iter().copied(), members.len());
            let strangers: Vec<_> =
                nodes(400_000, "us").into_iter().filter(|one| one.shard(8) == shard).collect();
            let rate = false_positives(&filter, &strangers);
            assert!(rate <= 0.01, "{shard}: {rate}");
        }
    }

    #[test]
    fn any_bytes_are_a_filter_and_none_hold_nothing() {
        assert!(!Filter::default().may_hold(IdentityHash(7)));
        assert_eq!(Filter::build([], 0), Filter::default());
        assert!(Filter::from_bytes(vec![255; 3].into()).may_hold(IdentityHash(7)));
    }

    #[test]
    fn the_hash_is_the_same_for_ever() {
        // Gateways of two releases must agree on it.
        assert_eq!(IdentityHash::of("n1.example.net"), IdentityHash(0x1992_1fc6_6187_02e1));
    }
}
