//! When to ask Vault again.

use std::time::Duration;

use ring::rand::{SecureRandom, SystemRandom};

/// The first pause after a failure.
const PAUSE_MIN: Duration = Duration::from_secs(1);
/// The longest pause between two attempts.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// How long to wait before a certificate that has just come, and lasts `left`, is renewed: about two
/// thirds of that, a little less by chance, so that gateways started together do not ask together.
#[must_use]
pub fn renewal_due(left: Duration) -> Duration {
    earlier(left * 2 / 3)
}

/// The same for one that is found, lasts `life` and has `left` of it: what is left until a third is.
#[must_use]
pub fn renewal_due_of(left: Duration, life: Duration) -> Duration {
    earlier(left.saturating_sub(life / 3))
}

/// Up to a tenth sooner.
fn earlier(wait: Duration) -> Duration {
    wait * (900 + chance(101)) / 1000
}

/// How long to wait after so many failures in a row: a second, doubling up to a minute, three
/// quarters to five quarters of it by chance.
#[must_use]
pub fn backoff(failures: u32) -> Duration {
    let pause = PAUSE_MIN * 2u32.pow(failures.saturating_sub(1).min(6));
    pause.min(PAUSE_MAX) * (768 + chance(512)) / 1024
}

/// A number below `bound`; the middle where the system gives no randomness.
fn chance(bound: u32) -> u32 {
    let mut bytes = [0; 4];
    match SystemRandom::new().fill(&mut bytes) {
        Ok(()) => u32::from_le_bytes(bytes) % bound,
        Err(_) => bound / 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_renewed_at_about_two_thirds_of_what_is_left() {
        for _ in 0..100 {
            let due = renewal_due(Duration::from_secs(3000));
            assert!((1800..=2000).contains(&due.as_secs()), "{due:?}");
        }
    }

    #[test]
    fn one_that_is_found_late_is_renewed_at_once() {
        let life = Duration::from_secs(3000);
        assert_eq!(renewal_due_of(Duration::from_secs(999), life), Duration::ZERO);
        let due = renewal_due_of(Duration::from_secs(2000), life);
        assert!((900..=1000).contains(&due.as_secs()), "{due:?}");
    }

    #[test]
    fn pauses_grow_to_a_minute() {
        assert!(backoff(1) <= Duration::from_millis(1250));
        for failures in [7, 50, u32::MAX] {
            let pause = backoff(failures);
            assert!((45..=75).contains(&pause.as_secs()), "{pause:?}");
        }
    }
}
