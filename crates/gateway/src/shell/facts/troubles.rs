//! What went wrong lately, with when and why: counters alone tell an operator of last year.

use std::{collections::BTreeMap, time::Duration};

use antiphon_core::{DialFailure, DialTarget, GatewayId, Now};
use serde::{Deserialize, Serialize};

/// Targets of which a failure is remembered; more are not told apart.
const DIALS_MAX: usize = 1024;
/// Kinds of refusals that are remembered, as many as are counted.
const REFUSALS_MAX: usize = 256;
/// The system's clock moved by more than this between two looks: it was set, not steered.
const JUMP_MIN: Duration = Duration::from_secs(1);

/// What went wrong lately.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TroubleFacts {
    /// Attempts to dial that failed and have not succeeded since.
    pub dials: Vec<DialFacts>,
    /// The latest of each kind of certificates and statements that were not accepted.
    pub refusals: Vec<RefusalFacts>,
    /// Jumps of the system's clock.
    pub clock: ClockFacts,
    /// When the broker last cut us off for reading too slowly, since 1970-01-01 UTC.
    pub lagged: Option<Duration>,
}

/// The latest attempt to dial somebody, which failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DialFacts {
    /// Whom; `None` for a seed, of which only the place is known.
    pub gateway: Option<GatewayId>,
    /// Where.
    pub endpoint: String,
    /// Whether somebody answered and refused us, or was none of the fabric.
    pub refused: bool,
    /// Why, for people.
    pub reason: String,
    /// Failures in a row.
    pub count: u64,
    /// When, since 1970-01-01 UTC.
    pub last: Duration,
}

/// The latest certificate or statement of one kind that was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalFacts {
    /// `link`, `advert`, `gossip` or `beacon`.
    pub place: String,
    /// A stable word for why.
    pub kind: String,
    /// Who and why, for people.
    pub detail: String,
    /// When, since 1970-01-01 UTC.
    pub last: Duration,
}

/// Jumps of the system's clock, as far as they were seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClockFacts {
    /// How many.
    pub jumps: u64,
    /// The last one: when, since 1970-01-01 UTC, as the clock showed after it.
    pub last: Option<Duration>,
    /// How far it went, in milliseconds; negative is back.
    pub last_millis: i64,
}

/// Remembers what went wrong.
#[derive(Debug, Default)]
pub(in crate::shell) struct Troubles {
    dials: BTreeMap<Target, DialFacts>,
    refusals: BTreeMap<(String, String), RefusalFacts>,
    clock: ClockFacts,
    looked: Option<Now>,
    pub(in crate::shell) lagged: Option<Duration>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Seed(String),
    Member(GatewayId),
}

impl Target {
    fn of(target: &DialTarget) -> Self {
        match target {
            DialTarget::Seed { endpoint } => Self::Seed(endpoint.to_string()),
            DialTarget::Member { gateway, .. } => Self::Member(gateway.clone()),
        }
    }
}

impl Troubles {
    pub(in crate::shell) fn facts(&self) -> TroubleFacts {
        TroubleFacts {
            dials: self.dials.values().cloned().collect(),
            refusals: self.refusals.values().cloned().collect(),
            clock: self.clock,
            lagged: self.lagged,
        }
    }

    /// An attempt ended; a seed that we are ourselves is no trouble.
    pub(in crate::shell) fn dial_failed(
        &mut self,
        target: &DialTarget,
        endpoint: String,
        failure: &DialFailure,
        now: Duration,
    ) {
        let target = Target::of(target);
        let (refused, reason) = match failure {
            DialFailure::Ourselves => {
                self.dials.remove(&target);
                return;
            }
            DialFailure::Unreachable { reason } => (false, reason.clone()),
            DialFailure::Refused { reason } => (true, reason.clone()),
        };
        let count = self.dials.get(&target).map_or(0, |before| before.count);
        if count == 0 && self.dials.len() >= DIALS_MAX {
            return;
        }
        let gateway = match &target {
            Target::Seed(_) => None,
            Target::Member(gateway) => Some(gateway.clone()),
        };
        let facts = DialFacts { gateway, endpoint, refused, reason, count: count + 1, last: now };
        self.dials.insert(target, facts);
    }

    /// A link came up, whoever dialled: the way there is good if we did; if the peer did, it need not
    /// be dialled.
    pub(in crate::shell) fn linked(&mut self, gateway: &GatewayId, dialed: Option<&DialTarget>) {
        self.dials.remove(&Target::Member(gateway.clone()));
        if let Some(target) = dialed {
            self.dials.remove(&Target::of(target));
        }
    }

    /// Gossip has forgotten a gateway: nobody dials it any more.
    pub(in crate::shell) fn gone(&mut self, gateway: &GatewayId) {
        self.dials.remove(&Target::Member(gateway.clone()));
    }

    pub(in crate::shell) fn refused(
        &mut self,
        place: &str,
        kind: &str,
        detail: &str,
        now: Duration,
    ) {
        let key = (place.to_owned(), kind.to_owned());
        if self.refusals.len() >= REFUSALS_MAX && !self.refusals.contains_key(&key) {
            return;
        }
        let (place, kind) = key.clone();
        self.refusals
            .insert(key, RefusalFacts { place, kind, detail: detail.to_owned(), last: now });
    }

    /// Compares both clocks with the last look at them.
    pub(in crate::shell) fn look_at_clock(&mut self, now: Now) {
        let Some(before) = self.looked.replace(now) else { return };
        let expected = before.unix + now.mono.saturating_sub(before.mono);
        let by = now.unix.abs_diff(expected);
        if by < JUMP_MIN {
            return;
        }
        let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        let last_millis = if now.unix < expected { -millis } else { millis };
        tracing::warn!(millis = last_millis, "the system's clock has jumped");
        let jumps = self.clock.jumps + 1;
        self.clock = ClockFacts { jumps, last: Some(now.unix), last_millis };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn at(mono: u64, unix: u64) -> Now {
        Now { mono: seconds(mono), unix: seconds(unix) }
    }

    fn seed() -> DialTarget {
        DialTarget::Seed { endpoint: "us-1.example.net:7440".parse().unwrap() }
    }

    fn fail(troubles: &mut Troubles, failure: &DialFailure) {
        troubles.dial_failed(&seed(), "us-1.example.net:7440".to_owned(), failure, seconds(9));
    }

    #[test]
    fn a_failed_dial_is_remembered_until_it_succeeds() {
        let mut troubles = Troubles::default();
        let failure = DialFailure::Unreachable { reason: "no answer".to_owned() };
        fail(&mut troubles, &failure);
        fail(&mut troubles, &failure);
        let dials = troubles.facts().dials;
        assert_eq!((dials.len(), dials[0].count, dials[0].refused), (1, 2, false));
        troubles.linked(&"us-1".parse().unwrap(), Some(&seed()));
        assert!(troubles.facts().dials.is_empty());
    }

    #[test]
    fn a_seed_that_is_ourselves_is_no_trouble() {
        let mut troubles = Troubles::default();
        fail(&mut troubles, &DialFailure::Refused { reason: String::new() });
        fail(&mut troubles, &DialFailure::Ourselves);
        assert!(troubles.facts().dials.is_empty());
    }

    #[test]
    fn a_clock_that_is_set_is_told_from_one_that_is_steered() {
        let mut troubles = Troubles::default();
        for now in [at(1, 100), at(2, 101), at(3, 102)] {
            troubles.look_at_clock(now);
        }
        troubles.look_at_clock(Now { mono: seconds(4), unix: Duration::from_millis(103_400) });
        assert_eq!(troubles.facts().clock.jumps, 0);
        troubles.look_at_clock(at(5, 50));
        let clock = troubles.facts().clock;
        assert_eq!((clock.jumps, clock.last, clock.last_millis), (1, Some(seconds(50)), -54_400));
    }

    #[test]
    fn of_each_kind_of_refusal_the_latest_is_kept() {
        let mut troubles = Troubles::default();
        troubles.refused("link", "untrusted", "10.0.0.1", seconds(1));
        troubles.refused("link", "untrusted", "10.0.0.2", seconds(2));
        let refusals = troubles.facts().refusals;
        assert_eq!((refusals.len(), refusals[0].detail.as_str()), (1, "10.0.0.2"));
    }
}
