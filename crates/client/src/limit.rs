//! Asking only some of the nodes.

use std::str::FromStr;

use antiphon_wire::Identity;
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore as _, SeedableRng as _};

/// How many nodes at most: `10`, or `10%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// So many.
    Count(usize),
    /// So many in a hundred, at least one.
    Percent(u8),
}

/// A limit that is neither a count nor a percentage.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("limit {text:?} is neither a number above 0 nor 1% to 100%")]
pub struct LimitError {
    /// What was written.
    pub text: String,
}

/// Which nodes are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// The first by name.
    First,
    /// Any; the same ones for the same seed and the same nodes.
    Random {
        /// The seed.
        seed: u64,
    },
}

impl FromStr for Limit {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || LimitError { text: text.to_owned() };
        let limit = match text.strip_suffix('%') {
            Some(percent) => Self::Percent(percent.parse().map_err(|_| bad())?),
            None => Self::Count(text.parse().map_err(|_| bad())?),
        };
        match limit {
            Self::Count(1..) | Self::Percent(1..=100) => Ok(limit),
            Self::Count(_) | Self::Percent(_) => Err(bad()),
        }
    }
}

impl Limit {
    /// Keeps that many nodes.
    pub fn apply(self, mut nodes: Vec<Identity>, pick: Pick) -> Vec<Identity> {
        let keep = match self {
            Self::Count(count) => count,
            Self::Percent(percent) => (nodes.len() * usize::from(percent) / 100).max(1),
        };
        nodes.sort();
        if let Pick::Random { seed } = pick {
            shuffle(&mut nodes, seed);
        }
        nodes.truncate(keep);
        nodes
    }
}

/// Fisher and Yates.
fn shuffle(nodes: &mut [Identity], seed: u64) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    for last in (1..nodes.len()).rev() {
        let upto = u64::try_from(last).unwrap_or(u64::MAX).saturating_add(1);
        let other = usize::try_from(random.next_u64() % upto).unwrap_or(last);
        nodes.swap(last, other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes() -> Vec<Identity> {
        (0..20).rev().map(|n| Identity::try_from(format!("n{n:02}")).unwrap()).collect()
    }

    fn picked(limit: &str, pick: Pick) -> Vec<String> {
        let limit: Limit = limit.parse().unwrap();
        limit.apply(nodes(), pick).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_limit_is_a_count_or_a_percentage() {
        assert_eq!(picked("2", Pick::First), ["n00", "n01"]);
        assert_eq!(picked("10%", Pick::First), ["n00", "n01"]);
        assert_eq!(picked("1%", Pick::First), ["n00"]);
        assert_eq!(picked("100", Pick::First).len(), 20);
        for bad in ["0", "0%", "101%", "x", "", "-1", "%"] {
            assert!(bad.parse::<Limit>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_seed_picks_the_same_nodes_each_time() {
        let pick = |seed| picked("5", Pick::Random { seed });
        assert_eq!(pick(7), pick(7));
        assert_ne!(pick(7), pick(8));
        assert_eq!(pick(7).len(), 5);
    }
}
