//! How near the end of a certificate is: one rule for the log, for operators' commands and for alerts.

use std::time::Duration;

use antiphon_identity::Validity;

const DAY: Duration = Duration::from_secs(86_400);

/// How long a certificate is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lifetime {
    /// Its last second, since 1970-01-01 UTC.
    pub end: Duration,
    /// From its first second to its last; `None` where that is not known.
    pub life: Option<Duration>,
}

/// How near the end is. A certificate that is renewed in time, at a third of its life or before,
/// never comes to any of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Nearness {
    /// Less than 30 days are left, and less than a sixth of its life.
    Month,
    /// Less than 7 days, and less than a twelfth.
    Week,
    /// Less than a day, and less than a twenty-fourth.
    Day,
}

impl Nearness {
    const ALL: [Self; 3] = [Self::Month, Self::Week, Self::Day];

    /// With less left it is as near as this, if with less of its life, too.
    fn limits(self) -> (Duration, u32) {
        match self {
            Self::Month => (DAY * 30, 6),
            Self::Week => (DAY * 7, 12),
            Self::Day => (DAY, 24),
        }
    }
}

impl Lifetime {
    /// What is left at `now`, since 1970-01-01 UTC.
    #[must_use]
    pub fn left(&self, now: Duration) -> Duration {
        self.end.saturating_sub(now)
    }

    /// How near the end is at `now`; `None`: not near. Certificates of hours are renewed in hours, so
    /// days alone say nothing.
    #[must_use]
    pub fn nearness(&self, now: Duration) -> Option<Nearness> {
        let left = self.left(now);
        let near = |nearness: &Nearness| {
            let (days, part) = nearness.limits();
            left < self.life.map_or(days, |life| days.min(life / part))
        };
        Nearness::ALL.into_iter().rev().find(near)
    }
}

impl From<Validity> for Lifetime {
    fn from(validity: Validity) -> Self {
        let [first, last] = [validity.not_before, validity.not_after]
            .map(|time| Duration::from_secs(time.as_secs()));
        Self { end: last, life: Some(last.saturating_sub(first)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left when each step is come to, looking every minute.
    fn steps(life: Duration) -> Vec<Duration> {
        let minute = Duration::from_secs(60);
        let one = Lifetime { end: life, life: Some(life) };
        let looks = (0..).map(|minutes| minute * minutes).take_while(|now| *now < life);
        let mut steps: Vec<_> =
            looks.filter_map(|now| Some((one.nearness(now)?, one.left(now)))).collect();
        steps.dedup_by_key(|(nearness, _)| *nearness);
        steps.into_iter().map(|(_, left)| left + minute).collect()
    }

    #[test]
    fn the_end_of_a_year_is_near_at_thirty_seven_and_one_day() {
        assert_eq!(steps(DAY * 365), [DAY * 30, DAY * 7, DAY]);
    }

    #[test]
    fn the_end_of_a_day_is_near_at_four_two_and_one_hour() {
        assert_eq!(steps(DAY), [DAY / 6, DAY / 12, DAY / 24]);
    }

    #[test]
    fn without_its_life_the_days_count() {
        let one = Lifetime { end: DAY * 40, life: None };
        assert_eq!(one.nearness(DAY * 10), None);
        assert_eq!(one.nearness(DAY * 11), Some(Nearness::Month));
        assert_eq!(one.nearness(DAY * 41), Some(Nearness::Day), "it has ended");
    }
}
