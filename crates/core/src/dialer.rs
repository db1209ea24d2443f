//! Whom to dial and when: configured seeds until somebody answers, and the members that gossip
//! names.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use rand_chacha::ChaCha8Rng;
use rand_core::RngCore;

use crate::{
    action::DialTarget,
    config::Config,
    event::{DialFailure, Member},
    id::{Endpoint, GatewayId},
};

/// A link that stood for so long was a good one: the next is dialled without a pause.
const STEADY: Duration = Duration::from_secs(5);

/// Keeps one attempt at a time for each target.
///
/// Bound: one entry for each seed and each member, which gossip bounds.
#[derive(Debug)]
pub(crate) struct Dialer {
    seeds: BTreeMap<Endpoint, Seed>,
    members: BTreeMap<GatewayId, Attempts>,
    min: Duration,
    max: Duration,
}

#[derive(Debug, Default)]
struct Seed {
    attempts: Attempts,
    /// Who answered there last.
    answered: Option<GatewayId>,
}

/// ```text
///  Waiting{until} ──dial──▶ Dialing ──link──▶ (entry rests while the peer is linked)
///        ▲                     │ failed
///        └─────────────────────┘ backoff doubles
/// ```
#[derive(Clone, Copy, Debug)]
struct Attempts {
    dialing: bool,
    until: Duration,
    backoff: Duration,
}

impl Default for Attempts {
    fn default() -> Self {
        Self { dialing: false, until: Duration::ZERO, backoff: Duration::ZERO }
    }
}

impl Dialer {
    pub(crate) fn new(config: &Config) -> Self {
        let seeds = config.seeds.iter().map(|seed| (seed.clone(), Seed::default())).collect();
        Self {
            seeds,
            members: BTreeMap::new(),
            min: config.periods.dial_backoff_min,
            max: config.periods.dial_backoff_max,
        }
    }

    /// Notes when a member may be dialled first.
    pub(crate) fn add(&mut self, gateway: &GatewayId, not_before: Duration) {
        let attempts = Attempts { until: not_before, ..Attempts::default() };
        self.members.entry(gateway.clone()).or_insert(attempts);
    }

    pub(crate) fn remove(&mut self, gateway: &GatewayId) {
        self.members.remove(gateway);
    }

    /// What to dial now: nobody whom we are linked with.
    pub(crate) fn due(
        &mut self,
        members: &BTreeMap<GatewayId, Member>,
        linked: &BTreeSet<GatewayId>,
        now: Duration,
    ) -> Vec<DialTarget> {
        let mut targets = Vec::new();
        let mut busy = self.busy();
        for (endpoint, seed) in &mut self.seeds {
            let taken = seed.answered.as_ref().is_some_and(|gateway| busy.contains(gateway));
            if !taken && !seed.rests(linked) && seed.attempts.take(now) {
                targets.push(DialTarget::Seed { endpoint: endpoint.clone() });
            }
            busy.extend(seed.answered.iter().filter(|_| seed.attempts.dialing).cloned());
        }
        for (gateway, attempts) in &mut self.members {
            let Some(member) = members.get(gateway) else { continue };
            if !busy.contains(gateway) && !linked.contains(gateway) && attempts.take(now) {
                let endpoint = member.endpoint.clone();
                targets.push(DialTarget::Member { gateway: gateway.clone(), endpoint });
            }
        }
        targets
    }

    /// Who is being dialled. Nobody is dialled twice at a time: as a member, and as whoever answered
    /// at a seed.
    fn busy(&self) -> BTreeSet<GatewayId> {
        let members = self.members.iter().filter(|(_, attempts)| attempts.dialing);
        let seeds = self.seeds.values().filter(|seed| seed.attempts.dialing);
        let answered = seeds.filter_map(|seed| seed.answered.as_ref());
        members.map(|(gateway, _)| gateway).chain(answered).cloned().collect()
    }

    /// When [`Dialer::due`] has something next.
    pub(crate) fn next_deadline(&self, linked: &BTreeSet<GatewayId>) -> Option<Duration> {
        let busy = self.busy();
        let taken = |seed: &Seed| seed.answered.as_ref().is_some_and(|one| busy.contains(one));
        let seeds = self.seeds.values().filter(|seed| !seed.rests(linked) && !taken(seed));
        let free = |gateway: &GatewayId| !linked.contains(gateway) && !busy.contains(gateway);
        let members = self.members.iter().filter(|(gateway, _)| free(gateway));
        seeds
            .map(|seed| &seed.attempts)
            .chain(members.map(|(_, attempts)| attempts))
            .filter(|attempts| !attempts.dialing)
            .map(|attempts| attempts.until)
            .min()
    }

    /// A link came up from this attempt.
    pub(crate) fn on_linked(&mut self, target: &DialTarget, gateway: &GatewayId) {
        if let DialTarget::Seed { endpoint } = target
            && let Some(seed) = self.seeds.get_mut(endpoint)
        {
            seed.answered = Some(gateway.clone());
        }
        if let Some(attempts) = self.attempts(target) {
            attempts.dialing = false;
        }
    }

    /// A link that we had is gone: try again soon, unless it fell as soon as it stood.
    pub(crate) fn on_lost(&mut self, gateway: &GatewayId, lived: Duration, not_before: Duration) {
        let (min, max) = (self.min, self.max);
        let seeds = self.seeds.values_mut().filter(|seed| seed.answered.as_ref() == Some(gateway));
        let seeds = seeds.map(|seed| &mut seed.attempts);
        for attempts in self.members.get_mut(gateway).into_iter().chain(seeds) {
            attempts.backoff = match lived >= STEADY {
                true => Duration::ZERO,
                false => (attempts.backoff * 2).clamp(min, max),
            };
            attempts.until = attempts.until.max(not_before + attempts.backoff);
        }
    }

    /// A member that gossip has lost sight of is dialled at the longest pause.
    pub(crate) fn slow_down(&mut self, gateway: &GatewayId, now: Duration) {
        if let Some(attempts) = self.members.get_mut(gateway) {
            attempts.backoff = self.max;
            attempts.until = attempts.until.max(now + self.max);
        }
    }

    /// An attempt ended without a link.
    pub(crate) fn on_failed(
        &mut self,
        target: &DialTarget,
        failure: &DialFailure,
        now: Duration,
        rng: &mut ChaCha8Rng,
    ) {
        let (min, max) = (self.min, self.max);
        let Some(attempts) = self.attempts(target) else { return };
        attempts.dialing = false;
        attempts.backoff = match failure {
            DialFailure::Unreachable { .. } => (attempts.backoff * 2).clamp(min, max),
            // Waiting changes nothing soon: the name or the peer's certificate would have to.
            DialFailure::Ourselves | DialFailure::Refused { .. } => max,
        };
        attempts.until = now + jitter(attempts.backoff, rng);
    }

    fn attempts(&mut self, target: &DialTarget) -> Option<&mut Attempts> {
        match target {
            DialTarget::Seed { endpoint } => {
                self.seeds.get_mut(endpoint).map(|seed| &mut seed.attempts)
            }
            DialTarget::Member { gateway, .. } => self.members.get_mut(gateway),
        }
    }
}

impl Seed {
    /// Whoever answered there is linked with us.
    fn rests(&self, linked: &BTreeSet<GatewayId>) -> bool {
        self.answered.as_ref().is_some_and(|gateway| linked.contains(gateway))
    }
}

impl Attempts {
    /// Begins an attempt if it is time.
    fn take(&mut self, now: Duration) -> bool {
        let due = !self.dialing && self.until <= now;
        self.dialing |= due;
        due
    }
}

/// Between three quarters and five quarters of the pause, so that gateways do not dial in step.
fn jitter(pause: Duration, rng: &mut ChaCha8Rng) -> Duration {
    let share = rng.next_u32() % 512;
    pause * (768 + share) / 1024
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{at, config, member};
    use rand_core::SeedableRng;

    fn dialer(seeds: &[&str]) -> Dialer {
        let mut config = config("eu", "eu-1");
        config.seeds = seeds.iter().map(|seed| seed.parse().unwrap()).collect();
        Dialer::new(&config)
    }

    fn seed(text: &str) -> DialTarget {
        DialTarget::Seed { endpoint: text.parse().unwrap() }
    }

    fn unreachable() -> DialFailure {
        DialFailure::Unreachable { reason: String::new() }
    }

    #[test]
    fn a_seed_is_dialled_until_somebody_answers_and_again_when_he_is_gone() {
        let mut dialer = dialer(&["s:1"]);
        let (none, some) = (BTreeSet::new(), BTreeSet::from(["us-1".parse().unwrap()]));
        let members = BTreeMap::new();
        assert_eq!(dialer.due(&members, &none, at(0).mono), [seed("s:1")]);
        assert!(dialer.due(&members, &none, at(0).mono).is_empty(), "one attempt at a time");
        dialer.on_linked(&seed("s:1"), &"us-1".parse().unwrap());
        assert!(dialer.due(&members, &some, at(9).mono).is_empty());
        assert_eq!(dialer.next_deadline(&some), None);
        assert_eq!(dialer.due(&members, &none, at(9).mono), [seed("s:1")]);
    }

    #[test]
    fn failures_are_retried_with_growing_pauses() {
        let mut dialer = dialer(&["s:1"]);
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let (members, none) = (BTreeMap::new(), BTreeSet::new());
        let mut now = Duration::ZERO;
        let mut pauses = Vec::new();
        for _ in 0..9 {
            assert_eq!(dialer.due(&members, &none, now).len(), 1);
            dialer.on_failed(&seed("s:1"), &unreachable(), now, &mut rng);
            let next = dialer.next_deadline(&none).unwrap();
            pauses.push(next - now);
            now = next;
        }
        assert!(pauses[0] < Duration::from_millis(500), "{pauses:?}");
        assert!(pauses[8] > Duration::from_secs(10) && pauses[8] < Duration::from_secs(20));
    }

    #[test]
    fn a_member_is_dialled_where_gossip_says_it_is() {
        let mut dialer = dialer(&[]);
        let members = BTreeMap::from([("us-1".parse().unwrap(), member("us", "us-1"))]);
        dialer.add(&"us-1".parse().unwrap(), at(2).mono);
        let none = BTreeSet::new();
        assert!(dialer.due(&members, &none, at(1).mono).is_empty());
        assert_eq!(dialer.due(&members, &none, at(2).mono).len(), 1);
    }

    #[test]
    fn a_member_that_is_dialled_as_a_seed_is_not_waited_for() {
        let mut dialer = dialer(&["s:1"]);
        let none = BTreeSet::new();
        let members = BTreeMap::from([("us-1".parse().unwrap(), member("us", "us-1"))]);
        dialer.on_linked(&seed("s:1"), &"us-1".parse().unwrap());
        dialer.add(&"us-1".parse().unwrap(), at(0).mono);
        assert_eq!(dialer.due(&members, &none, at(1).mono), [seed("s:1")]);
        assert_eq!(dialer.next_deadline(&none), None, "a deadline in the past would never rest");
    }
}
