use proptest::prelude::*;

use super::*;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn peer(name: &str) -> GatewayId {
    name.parse().unwrap()
}

fn damping() -> Damping {
    Damping::new(&Limits::default(), &Periods::default())
}

#[test]
fn the_first_few_flaps_do_not_suppress() {
    let mut damping = damping();
    for second in 0..3 {
        damping.on_flap(&peer("a"), seconds(second));
        assert!(!damping.is_suppressed(&peer("a")));
    }
    damping.on_flap(&peer("a"), seconds(3));
    assert!(damping.is_suppressed(&peer("a")));
    assert!(!damping.is_suppressed(&peer("b")), "others pay nothing");
}

#[test]
fn flaps_that_are_far_apart_never_suppress() {
    let mut damping = damping();
    for minute in 0..100 {
        let now = seconds(60 * minute);
        damping.expire(now);
        damping.on_flap(&peer("a"), now);
        assert!(!damping.is_suppressed(&peer("a")));
    }
}

#[test]
fn after_a_quiet_while_the_adjacency_is_used_again() {
    let mut damping = damping();
    for _ in 0..4 {
        damping.on_flap(&peer("a"), seconds(0));
    }
    let due = damping.next_deadline().unwrap();
    assert_eq!(due, seconds(30), "4000 halves twice to 1000");
    assert!(!damping.expire(due - Duration::from_nanos(1)));
    assert!(damping.expire(due));
    assert!(!damping.is_suppressed(&peer("a")));
    let forgotten = damping.next_deadline().unwrap();
    assert_eq!(forgotten, seconds(45));
    assert!(!damping.expire(forgotten));
    assert_eq!((damping.flapped.len(), damping.next_deadline()), (0, None));
}

#[test]
fn no_number_of_flaps_suppresses_for_longer_than_the_longest_suppression() {
    let mut damping = damping();
    for _ in 0..10_000 {
        damping.on_flap(&peer("a"), seconds(5));
    }
    assert_eq!(damping.next_deadline(), Some(seconds(5) + Periods::default().flap_suppress_max));
}

#[test]
fn penalties_halve_every_half_life() {
    let left = |time| decayed(4000, seconds(10), seconds(time));
    assert_eq!([0, 5, 10, 20, 25].map(left), [4000, 3000, 2000, 1000, 750]);
    assert_eq!(decayed(u32::MAX, seconds(10), seconds(1 << 40)), 0);
}

#[test]
fn the_highest_penalties_stay_when_there_are_too_many() {
    let mut damping =
        Damping::new(&Limits { gateways_max: 2, ..Limits::default() }, &Periods::default());
    for name in ["a", "a", "b", "c", "c", "c"] {
        damping.on_flap(&peer(name), seconds(0));
    }
    let left: Vec<_> = damping.flapped.keys().map(GatewayId::as_str).collect();
    assert_eq!(left, ["a", "c"]);
}

proptest! {
    /// The deadline is the first moment at which there is work.
    #[test]
    fn a_penalty_reaches_a_limit_exactly_when_it_was_said_to(
        penalty in 1..1_000_000u32, limit in 1..1_000_000u32, half_life in 1..100_000u64
    ) {
        let limit = limit % penalty;
        let half_life = Duration::from_micros(half_life);
        let time = time_to(penalty, limit, half_life);
        prop_assert!(decayed(penalty, half_life, time) <= limit);
        prop_assert!(decayed(penalty, half_life, time - Duration::from_nanos(1)) > limit);
    }

    #[test]
    fn the_ceiling_decays_within_the_longest_suppression(
        reuse in 1..100_000u32, half_life in 1..1000u64, longest in 1..20_000u64
    ) {
        let (half_life, longest) = (Duration::from_millis(half_life), Duration::from_millis(longest));
        let ceiling = ceiling(reuse, half_life, longest);
        prop_assert!(ceiling >= reuse);
        prop_assert!(time_to(ceiling, reuse, half_life) <= longest);
    }

    /// Over any life of a link: suppression ends, entries go, and deadlines lie ahead.
    #[test]
    fn suppression_always_ends(pauses in prop::collection::vec(0..20_000u64, 1..60)) {
        let mut damping = damping();
        let mut now = Duration::ZERO;
        for pause in pauses {
            now += Duration::from_millis(pause);
            damping.expire(now);
            prop_assert!(damping.next_deadline().is_none_or(|due| due > now));
            damping.on_flap(&peer("a"), now);
        }
        let end = now + Periods::default().flap_suppress_max;
        damping.expire(end);
        prop_assert!(!damping.is_suppressed(&peer("a")));
        while let Some(due) = damping.next_deadline() {
            prop_assert!(due > now);
            now = due;
            damping.expire(now);
        }
    }
}
