//! Statements whose signature held a moment ago: what floods a mesh arrives from every neighbour, and
//! a digest costs a hundredth of a signature.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use antiphon_identity::UnixTime;
use ring::digest::{SHA256, SHA256_OUTPUT_LEN, digest};

/// How long a signature is not looked at again: a flood is over in seconds, and a certificate that ends
/// meanwhile is believed this much longer at the most.
const KEPT: Duration = Duration::from_secs(60);
/// Digests at the most; the oldest go first.
const LEN_MAX: usize = 1024;

type Digest = [u8; SHA256_OUTPUT_LEN];

/// Digests of whole statements, signature and certificates included.
#[derive(Debug, Default)]
pub(super) struct Believed {
    digests: BTreeSet<Digest>,
    /// The same, the oldest first, with when they were added.
    ages: VecDeque<(Duration, Digest)>,
}

impl Believed {
    /// Whether exactly these bytes were added within [`KEPT`].
    pub(super) fn holds(&mut self, sealed: &[u8], now: UnixTime) -> bool {
        self.forget(since_epoch(now));
        !self.digests.is_empty() && self.digests.contains(&digest_of(sealed))
    }

    pub(super) fn add(&mut self, sealed: &[u8], now: UnixTime) {
        let now = since_epoch(now);
        self.forget(now);
        let digest = digest_of(sealed);
        if !self.digests.insert(digest) {
            return;
        }
        self.ages.push_back((now, digest));
        if self.ages.len() > LEN_MAX {
            self.drop_oldest();
        }
    }

    /// A clock that was set back makes everything too old.
    fn forget(&mut self, now: Duration) {
        while self.ages.front().is_some_and(|(at, _)| !(*at..*at + KEPT).contains(&now)) {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some((_, digest)) = self.ages.pop_front() {
            self.digests.remove(&digest);
        }
    }
}

fn since_epoch(now: UnixTime) -> Duration {
    Duration::from_secs(now.as_secs())
}

fn digest_of(sealed: &[u8]) -> Digest {
    let mut bytes = Digest::default();
    bytes.copy_from_slice(digest(&SHA256, sealed).as_ref());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(seconds))
    }

    #[test]
    fn the_same_bytes_hold_for_a_while_and_others_never() {
        let mut believed = Believed::default();
        assert!(!believed.holds(b"a", at(100)));
        believed.add(b"a", at(100));
        assert!(believed.holds(b"a", at(100)));
        assert!(believed.holds(b"a", at(159)));
        assert!(!believed.holds(b"b", at(159)));
        assert!(!believed.holds(b"a", at(160)));
    }

    #[test]
    fn a_clock_that_is_set_back_forgets() {
        let mut believed = Believed::default();
        believed.add(b"a", at(100));
        assert!(!believed.holds(b"a", at(99)));
    }

    #[test]
    fn the_oldest_makes_room() {
        let mut believed = Believed::default();
        for number in 0..=LEN_MAX {
            believed.add(&number.to_be_bytes(), at(100));
        }
        assert!(!believed.holds(&0_usize.to_be_bytes(), at(100)));
        assert!(believed.holds(&1_usize.to_be_bytes(), at(100)));
        assert_eq!(believed.digests.len(), LEN_MAX);
    }
}
