//! Which of several records is tried first.

use hickory_resolver::proto::rr::rdata::SRV;
use ring::rand::{SystemRandom, generate};

/// By priority, the lowest first; among equals at random, heavier ones more often first.
pub(super) fn by_priority(records: Vec<SRV>) -> Vec<SRV> {
    ordered(records, random_below)
}

/// `below` gives a number from zero to below its argument, which is not zero.
fn ordered(mut records: Vec<SRV>, mut below: impl FnMut(u32) -> u32) -> Vec<SRV> {
    // Weightless ones first, so that they too have their small chance (RFC 2782).
    records.sort_by_key(|record| (record.priority, record.weight));
    let mut ordered = Vec::with_capacity(records.len());
    while let Some(priority) = records.first().map(|record| record.priority) {
        let equals = records.iter().take_while(|record| record.priority == priority);
        let weights: Vec<u32> = equals.map(|record| u32::from(record.weight)).collect();
        let total: u32 = weights.iter().sum();
        ordered.push(records.remove(picked(&weights, below(total + 1))));
    }
    ordered
}

/// The first whose weight, with all before it, reaches `draw`.
fn picked(weights: &[u32], draw: u32) -> usize {
    let mut sum = 0;
    let reaches = |weight: &u32| {
        sum += weight;
        sum >= draw
    };
    weights.iter().position(reaches).unwrap_or(0)
}

/// Nearly even; zero if the system has no randomness.
fn random_below(limit: u32) -> u32 {
    let bytes: [u8; 4] = generate(&SystemRandom::new()).map_or([0; 4], ring::rand::Random::expose);
    u32::from_le_bytes(bytes) % limit
}

#[cfg(test)]
mod tests {
    use hickory_resolver::proto::rr::Name;

    use super::*;

    fn records(of: &[(u16, u16)]) -> Vec<SRV> {
        of.iter().map(|(priority, weight)| SRV::new(*priority, *weight, 1, Name::root())).collect()
    }

    fn pairs(records: Vec<SRV>) -> Vec<(u16, u16)> {
        records.iter().map(|record| (record.priority, record.weight)).collect()
    }

    #[test]
    fn a_lower_priority_comes_first_whatever_the_weight() {
        for draw in [0, 5, 65_535] {
            let sorted = ordered(records(&[(20, 9), (0, 0), (10, 65_535)]), |limit| draw % limit);
            assert_eq!(pairs(sorted), [(0, 0), (10, 65_535), (20, 9)]);
        }
    }

    #[test]
    fn among_equals_the_draw_decides_by_weight() {
        let equals = [(1, 30), (1, 0), (1, 70)];
        assert_eq!(pairs(ordered(records(&equals), |_| 0)), [(1, 0), (1, 30), (1, 70)]);
        assert_eq!(pairs(ordered(records(&equals), |_| 30))[0], (1, 30));
        assert_eq!(pairs(ordered(records(&equals), |_| 31))[0], (1, 70));
        assert_eq!(pairs(ordered(records(&equals), |limit| limit - 1))[0], (1, 70));
    }

    #[test]
    fn many_heavy_records_do_not_overflow() {
        let many = vec![(0, u16::MAX); 1000];
        assert_eq!(ordered(records(&many), random_below).len(), 1000);
    }
}
