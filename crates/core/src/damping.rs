//! Damping of flapping adjacencies (RFC 2439): each loss of a link adds to a penalty that decays;
//! an adjacency whose penalty is too high is advertised as a last resort until it is low again.
//!
//! ```text
//!           penalty reached the suppress limit
//!  at its cost ───────────────────────────────▶ suppressed
//!             ◀────────────────────────────────
//!           penalty decayed to the reuse limit
//! ```
//!
//! An outage, a restart or two in a row cost nothing: the limit is above several flaps. The link
//! itself stays up and carries adverts, receipts and goodbyes meanwhile.

use std::{collections::BTreeMap, time::Duration};

use crate::{Limits, Periods, id::GatewayId};

/// What one flap adds (the figure of merit of RFC 2439, section 4.2, in thousandths).
pub(crate) const FLAP: u32 = 1000;

/// The penalties of all adjacencies that flapped lately.
///
/// Bound: `peers_max` entries; of more, those with the highest penalties stay. An entry goes when
/// its penalty has decayed to half of the reuse limit.
#[derive(Debug)]
pub(crate) struct Damping {
    rules: Rules,
    peers_max: usize,
    flapped: BTreeMap<GatewayId, Flapped>,
    /// When the first of them changes by itself.
    due: Option<Duration>,
}

/// The limits, and how penalties decay between them.
#[derive(Clone, Copy, Debug)]
struct Rules {
    half_life: Duration,
    suppress: u32,
    reuse: u32,
    /// From here a penalty decays to the reuse limit within the longest suppression.
    ceiling: u32,
}

#[derive(Clone, Copy, Debug)]
struct Flapped {
    /// The penalty right after the last flap.
    penalty: u32,
    /// When that was.
    at: Duration,
    suppressed: bool,
}

impl Damping {
    pub(crate) fn new(limits: &Limits, periods: &Periods) -> Self {
        Self {
            rules: Rules::new(limits, periods),
            peers_max: limits.gateways_max,
            flapped: BTreeMap::new(),
            due: None,
        }
    }

    /// Notes that an adjacency was lost.
    pub(crate) fn on_flap(&mut self, peer: &GatewayId, now: Duration) {
        let penalty = self.penalty(peer, now).saturating_add(FLAP).min(self.rules.ceiling);
        let suppressed = self.is_suppressed(peer) || penalty >= self.rules.suppress;
        self.flapped.insert(peer.clone(), Flapped { penalty, at: now, suppressed });
        if self.flapped.len() > self.peers_max {
            self.forget_the_calmest(now);
        }
        self.review_due();
    }

    /// Forgets what has calmed down; whether an adjacency may be used again.
    pub(crate) fn expire(&mut self, now: Duration) -> bool {
        if self.due.is_none_or(|due| due > now) {
            return false;
        }
        let rules = self.rules;
        let mut released = false;
        self.flapped.retain(|_, one| {
            if one.suppressed && rules.penalty(one, now) <= rules.reuse {
                one.suppressed = false;
                released = true;
            }
            one.suppressed || rules.penalty(one, now) > rules.reuse / 2
        });
        self.review_due();
        released
    }

    /// When [`Self::expire`] next has work.
    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        self.due
    }

    /// Whether the adjacency is not to be advertised.
    pub(crate) fn is_suppressed(&self, peer: &GatewayId) -> bool {
        self.flapped.get(peer).is_some_and(|one| one.suppressed)
    }

    /// The penalty at this moment, in thousandths of a flap.
    pub(crate) fn penalty(&self, peer: &GatewayId, now: Duration) -> u32 {
        self.flapped.get(peer).map_or(0, |one| self.rules.penalty(one, now))
    }

    fn review_due(&mut self) {
        self.due = self.flapped.values().map(|one| self.rules.due(one)).min();
    }

    fn forget_the_calmest(&mut self, now: Duration) {
        let rules = self.rules;
        let penalty = |(_, one): &(&GatewayId, &Flapped)| (one.suppressed, rules.penalty(one, now));
        let calmest = self.flapped.iter().min_by_key(penalty).map(|(peer, _)| peer.clone());
        self.flapped.retain(|peer, _| Some(peer) != calmest.as_ref());
    }
}

impl Rules {
    fn new(limits: &Limits, periods: &Periods) -> Self {
        let half_life = periods.flap_half_life.max(Duration::from_millis(1));
        Self {
            half_life,
            suppress: limits.flap_penalty_suppress,
            reuse: limits.flap_penalty_reuse,
            ceiling: ceiling(limits.flap_penalty_reuse, half_life, periods.flap_suppress_max),
        }
    }

    fn penalty(&self, one: &Flapped, now: Duration) -> u32 {
        decayed(one.penalty, self.half_life, now.saturating_sub(one.at))
    }

    /// When an entry changes by itself: is released, or else forgotten.
    fn due(&self, one: &Flapped) -> Duration {
        let limit = if one.suppressed { self.reuse } else { self.reuse / 2 };
        one.at + time_to(one.penalty, limit, self.half_life)
    }
}

/// What is left of a penalty. It halves every half-life and falls evenly in between: whole numbers
/// say the same on every machine, and exactly when a limit is reached.
fn decayed(penalty: u32, half_life: Duration, elapsed: Duration) -> u32 {
    let (elapsed, half_life) = (elapsed.as_nanos(), half_life.as_nanos());
    let halvings = u32::try_from(elapsed / half_life).unwrap_or(u32::MAX);
    let start = penalty.checked_shr(halvings).unwrap_or(0);
    let fallen = u128::from(start) * (elapsed % half_life) / (2 * half_life);
    start - u32::try_from(fallen).unwrap_or(start)
}

/// The least time after which a penalty has decayed to `limit`.
fn time_to(penalty: u32, limit: u32, half_life: Duration) -> Duration {
    let mut start = penalty;
    let mut time = Duration::ZERO;
    while start / 2 > limit {
        start /= 2;
        time += half_life;
    }
    let to_fall = u128::from(start.saturating_sub(limit));
    let rest = (to_fall * 2 * half_life.as_nanos()).div_ceil(u128::from(start.max(1)));
    time + Duration::from_nanos(u64::try_from(rest).unwrap_or(u64::MAX)).min(half_life)
}

/// The highest penalty that decays to the reuse limit within the longest suppression.
fn ceiling(reuse: u32, half_life: Duration, suppress_max: Duration) -> u32 {
    let (half_life, longest) = (half_life.as_nanos(), suppress_max.as_nanos());
    let halvings = u32::try_from(longest / half_life).unwrap_or(u32::MAX).min(31);
    let before = u128::from(reuse) << halvings;
    let start = before * 2 * half_life / (2 * half_life - longest % half_life);
    u32::try_from(start).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
