//! What a link costs.

use std::time::Duration;

/// Noise below this and a quarter of the cost does not move traffic.
const STEP: u32 = 2;

/// The cost of a link that cost `current` so far: what is configured, else the shortest round trip
/// since the last look in whole milliseconds, once it is off by more than a quarter and [`STEP`]. At
/// least 1.
pub(super) fn link_cost(current: u32, configured: Option<u32>, rtt: Option<Duration>) -> u32 {
    let measured = |rtt: Duration| u32::try_from(rtt.as_millis()).unwrap_or(u32::MAX);
    match (configured, rtt.map(measured)) {
        (Some(cost), _) => cost.max(1),
        (None, Some(cost)) if current.abs_diff(cost) > STEP + current / 4 => cost.max(1),
        (None, _) => current,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(current: u32, millis: u64) -> u32 {
        link_cost(current, None, Some(Duration::from_millis(millis)))
    }

    #[test]
    fn noise_does_not_change_a_cost() {
        assert_eq!([98, 100, 75, 127].map(|millis| measured(100, millis)), [100; 4]);
        assert_eq!([0, 1, 2, 3].map(|millis| measured(1, millis)), [1; 4]);
        assert_eq!(link_cost(7, None, None), 7);
    }

    #[test]
    fn a_round_trip_of_another_size_does() {
        assert_eq!([72, 128, 0].map(|millis| measured(100, millis)), [72, 128, 1]);
        assert_eq!(measured(1, 4), 4);
        assert_eq!(measured(1, u64::MAX), u32::MAX);
    }

    #[test]
    fn what_is_configured_wins_at_once() {
        assert_eq!(link_cost(1, Some(2), Some(Duration::from_secs(1))), 2);
        assert_eq!(link_cost(50, Some(0), None), 1);
    }
}
