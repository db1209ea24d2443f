//! Rates: how many messages a second, and how many at once.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::id::RegionId;

/// A rate with room for bursts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// Messages a second in the long run; at least 1.
    pub per_second: u32,
    /// Messages at once after a pause; at least 1.
    pub burst: u32,
}

/// How many requests a second. They are counted in messages to publish: one that is addressed to 500
/// nodes is 500. Each gateway counts for itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLimits {
    /// Of one caller, as the request names it, into the fabric here.
    pub caller: Option<Rate>,
    /// Of one other region, into ours.
    pub region: Option<Rate>,
    /// The same for these regions, instead of `region`.
    #[serde(default)]
    pub regions: BTreeMap<RegionId, Rate>,
}

/// One bucket for each name that has asked lately.
///
/// A bucket is the moment at which it will be full again; one that is full is forgotten. Bound:
/// [`BUCKETS_MAX`]; when all of them are in use, new names share one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Buckets {
    full_at: BTreeMap<String, Duration>,
}

/// Most names at a time.
pub(super) const BUCKETS_MAX: usize = 4096;

/// The bucket of those for whom there is no room: no name is empty.
const OTHERS: &str = "";

impl Buckets {
    /// Whether a name has at least one message left.
    ///
    /// Whoever has one left may take more than that, and pays later: a request for more nodes than the
    /// burst allows is not refused for ever.
    pub(crate) fn has(&self, name: &str, rate: Rate, now: Duration) -> bool {
        let name = if self.is_admitted(name, now) { name } else { OTHERS };
        let debt = self.full_at.get(name).map_or(Duration::ZERO, |at| at.saturating_sub(now));
        debt + rate.interval() <= rate.interval().saturating_mul(rate.burst.max(1))
    }

    /// Takes `count` messages out of a name's bucket.
    pub(crate) fn spend(&mut self, name: &str, rate: Rate, count: u64, now: Duration) {
        if self.full_at.len() >= BUCKETS_MAX && !self.full_at.contains_key(name) {
            self.full_at.retain(|_, full_at| *full_at > now);
        }
        let name = if self.is_admitted(name, now) { name } else { OTHERS };
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let cost = rate.interval().saturating_mul(count);
        match self.full_at.get_mut(name) {
            Some(full_at) => *full_at = (*full_at).max(now) + cost,
            None => drop(self.full_at.insert(name.to_owned(), now + cost)),
        }
    }

    /// Whether a name has a bucket of its own, or would get one.
    fn is_admitted(&self, name: &str, now: Duration) -> bool {
        self.full_at.contains_key(name)
            || self.full_at.len() < BUCKETS_MAX
            || self.full_at.values().any(|full_at| *full_at <= now)
    }
}

impl Rate {
    /// Between two messages in the long run.
    fn interval(self) -> Duration {
        Duration::from_nanos(1_000_000_000 / u64::from(self.per_second.max(1)))
    }
}

impl RateLimits {
    /// The limit for what this region sends us.
    #[must_use]
    pub fn of_region(&self, region: &RegionId) -> Option<Rate> {
        self.regions.get(region).copied().or(self.region)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_second: 10, burst: 3 };

    impl Buckets {
        fn take(&mut self, name: &str, rate: Rate, count: u64, now: Duration) -> bool {
            let has = self.has(name, rate, now);
            if has {
                self.spend(name, rate, count, now);
            }
            has
        }
    }

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let mut buckets = Buckets::default();
        let mut take = |millis| buckets.take("a", RATE, 1, at(millis));
        assert_eq!([0, 0, 0, 0].map(&mut take), [true, true, true, false]);
        assert_eq!([99, 100, 100, 200].map(&mut take), [false, true, false, true]);
        assert_eq!([9000, 9000, 9000, 9000].map(&mut take), [true, true, true, false]);
    }

    #[test]
    fn more_than_the_burst_passes_once_and_is_paid_for() {
        let mut buckets = Buckets::default();
        assert!(buckets.take("a", RATE, 100, at(0)));
        assert!(!buckets.take("a", RATE, 1, at(9_799)));
        assert!(buckets.take("a", RATE, 1, at(9_801)));
    }

    #[test]
    fn each_name_has_its_own_bucket_as_long_as_there_is_room() {
        let mut buckets = Buckets::default();
        for number in 0..BUCKETS_MAX {
            assert!(buckets.take(&number.to_string(), RATE, 3, at(0)));
        }
        assert!(buckets.take("one more", RATE, 3, at(0)));
        assert!(!buckets.take("another", RATE, 1, at(0)), "they share");
        assert!(buckets.full_at.len() <= BUCKETS_MAX + 1);
        assert!(buckets.take("another", RATE, 1, at(400)), "the full ones are forgotten");
        assert!(buckets.full_at.len() <= 2, "{}", buckets.full_at.len());
    }

    #[test]
    fn a_region_of_its_own_outranks_all_regions() {
        let us: RegionId = "us".parse().unwrap();
        let other = Rate { per_second: 1, burst: 1 };
        let limits =
            RateLimits { caller: None, region: Some(RATE), regions: [(us.clone(), other)].into() };
        assert_eq!(limits.of_region(&us), Some(other));
        assert_eq!(limits.of_region(&"ap".parse().unwrap()), Some(RATE));
    }
}
