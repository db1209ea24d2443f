//! Chains already verified, so that a gateway's next advert costs one signature, not three.

use std::collections::BTreeMap;

use rustls::pki_types::UnixTime;

use crate::certificate::Fingerprint;
use crate::peer::PeerIdentity;
use crate::validity::Validity;

/// The most certificates remembered: several per gateway of a fabric of hundreds.
const ENTRIES_MAX: usize = 1024;

/// Who the holders of verified certificates are.
///
/// An entry holds for as long as every certificate of the path it was verified by, and is forgotten
/// after; when full, the one that was not used for longest goes. Refusals are not remembered.
#[derive(Debug, Default)]
pub(super) struct ChainCache {
    entries: BTreeMap<Fingerprint, Entry>,
    /// Counts look-ups; orders entries by use.
    clock: u64,
}

#[derive(Debug)]
struct Entry {
    identity: PeerIdentity,
    validity: Validity,
    used: u64,
}

impl ChainCache {
    /// The holder of a certificate that was verified and still holds at `now`.
    pub(super) fn get(&mut self, leaf: &Fingerprint, now: UnixTime) -> Option<PeerIdentity> {
        self.clock += 1;
        let entry = self.entries.get_mut(leaf)?;
        if !entry.validity.contains(now) {
            self.entries.remove(leaf);
            return None;
        }
        entry.used = self.clock;
        Some(entry.identity.clone())
    }

    /// Remembers a verified certificate.
    pub(super) fn insert(&mut self, leaf: Fingerprint, identity: PeerIdentity, validity: Validity) {
        if self.entries.len() >= ENTRIES_MAX && !self.entries.contains_key(&leaf) {
            let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.used);
            if let Some(oldest) = oldest.map(|(leaf, _)| *leaf) {
                self.entries.remove(&oldest);
            }
        }
        self.entries.insert(leaf, Entry { identity, validity, used: self.clock });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustls::pki_types::CertificateDer;

    use super::*;

    fn at(seconds: u64) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(seconds))
    }

    fn fingerprint(number: usize) -> Fingerprint {
        Fingerprint::of(&CertificateDer::from(number.to_be_bytes().to_vec()))
    }

    fn eu() -> PeerIdentity {
        PeerIdentity { region: "eu".to_owned(), gateway: None }
    }

    const VALIDITY: fn() -> Validity = || Validity { not_before: at(10), not_after: at(20) };

    #[test]
    fn an_entry_is_forgotten_when_its_chain_ends() {
        let mut cache = ChainCache::default();
        cache.insert(fingerprint(1), eu(), VALIDITY());
        assert_eq!(cache.get(&fingerprint(1), at(20)), Some(eu()));
        assert_eq!(cache.get(&fingerprint(1), at(21)), None);
        assert_eq!(cache.get(&fingerprint(1), at(20)), None);
    }

    #[test]
    fn a_full_cache_forgets_what_was_not_used_for_longest() {
        let mut cache = ChainCache::default();
        for number in 0..ENTRIES_MAX {
            cache.insert(fingerprint(number), eu(), VALIDITY());
            assert_eq!(cache.get(&fingerprint(0), at(10)), Some(eu()));
        }
        cache.insert(fingerprint(ENTRIES_MAX), eu(), VALIDITY());
        assert_eq!(cache.entries.len(), ENTRIES_MAX);
        assert_eq!(cache.get(&fingerprint(0), at(10)), Some(eu()));
        assert_eq!(cache.get(&fingerprint(1), at(10)), None);
    }
}
