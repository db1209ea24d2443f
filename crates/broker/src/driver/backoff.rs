//! How long to pause before the next attempt to connect.

use std::time::Duration;

use ring::rand::{SystemRandom, generate};

/// Pauses after each round of all servers, doubling up to a limit. Jittered, so that many clients of a broker
/// that comes back do not come all at once.
#[derive(Debug)]
pub(crate) struct Backoff {
    min: Duration,
    max: Duration,
    /// Attempts since the last connection that lasted.
    attempts: usize,
}

impl Backoff {
    pub(crate) fn new(min: Duration, max: Duration) -> Self {
        Self { min, max, attempts: 0 }
    }

    /// The pause before the next attempt, of which this is the announcement; `servers` is how many there are.
    pub(crate) fn next_pause(&mut self, servers: usize) -> Duration {
        let pause = self.pause(servers);
        self.attempts = self.attempts.saturating_add(1);
        pause.mul_f64(0.5 + random_half())
    }

    /// A connection is gone after this time. One that lasted no longer than a pause counts as a failure:
    /// a server that takes us and throws us out must not keep us busy.
    pub(crate) fn lost_after(&mut self, lifetime: Duration) {
        if lifetime > self.pause(1) {
            self.attempts = 0;
        }
    }

    fn pause(&self, servers: usize) -> Duration {
        let servers = servers.max(1);
        if self.attempts == 0 || !self.attempts.is_multiple_of(servers) {
            return Duration::ZERO;
        }
        let rounds = u32::try_from(self.attempts / servers - 1).unwrap_or(u32::MAX);
        self.min.saturating_mul(2_u32.saturating_pow(rounds)).min(self.max)
    }
}

/// Evenly between 0 and ½; ½ if the system has no randomness.
fn random_half() -> f64 {
    let bytes: [u8; 4] =
        generate(&SystemRandom::new()).map_or([u8::MAX; 4], ring::rand::Random::expose);
    f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN: Duration = Duration::from_millis(100);
    const MAX: Duration = Duration::from_secs(1);

    fn pauses(backoff: &mut Backoff, servers: usize, count: usize) -> Vec<Duration> {
        (0..count).map(|_| backoff.next_pause(servers)).collect()
    }

    #[test]
    fn each_round_of_servers_is_followed_by_a_pause_twice_as_long() {
        let mut backoff = Backoff::new(MIN, MAX);
        let paused = pauses(&mut backoff, 2, 14);
        let limits = [0, 0, 100, 0, 200, 0, 400, 0, 800, 0, 1000, 0, 1000, 0];
        for (pause, limit) in paused.into_iter().zip(limits.map(Duration::from_millis)) {
            assert!(pause <= limit && pause >= limit / 2, "{pause:?} of {limit:?}");
        }
    }

    #[test]
    fn only_a_connection_that_lasted_ends_the_pauses() {
        let mut backoff = Backoff::new(MIN, MAX);
        pauses(&mut backoff, 1, 3);
        backoff.lost_after(Duration::from_millis(10));
        assert!(backoff.next_pause(1) >= MIN);
        backoff.lost_after(Duration::from_secs(2));
        assert_eq!(backoff.next_pause(1), Duration::ZERO);
    }

    #[test]
    fn endless_failure_does_not_overflow() {
        let mut backoff = Backoff { min: MIN, max: MAX, attempts: usize::MAX };
        assert!(backoff.next_pause(1) <= MAX);
    }
}
