//! Word of certificates that end soon, each step once.

use std::{collections::BTreeMap, time::Duration};

use crate::certificates::{OwnCertificate, Use};

const DAY: Duration = Duration::from_secs(86_400);
/// With less left than these, an operator is told.
const STEPS: [Duration; 3] =
    [Duration::from_secs(30 * 86_400), Duration::from_secs(7 * 86_400), DAY];
/// When this part of a life is left, but never more than a day, even automatic renewal is late: it is
/// due at two thirds.
const LATE: u32 = 6;
/// Between two looks: nothing here is a matter of seconds.
const PERIOD: Duration = Duration::from_secs(60);

/// What an operator was told.
#[derive(Debug, Default)]
pub(super) struct Expiry {
    told: BTreeMap<Use, (Duration, Duration)>,
    looked: Option<Duration>,
}

/// A certificate that ends soon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EndsSoon {
    pub(super) certificate: OwnCertificate,
    pub(super) left: Duration,
}

impl Expiry {
    /// What is to be told at `now`, since 1970-01-01 UTC: each certificate once for each step that it
    /// has come to. A renewed one begins anew.
    pub(super) fn look(
        &mut self,
        now: Duration,
        all: impl FnOnce() -> Vec<OwnCertificate>,
    ) -> Vec<EndsSoon> {
        if self.looked.is_some_and(|at| (at..at + PERIOD).contains(&now)) {
            return Vec::new();
        }
        self.looked = Some(now);
        all().into_iter().filter_map(|one| self.judge(one, now)).collect()
    }

    fn judge(&mut self, certificate: OwnCertificate, now: Duration) -> Option<EndsSoon> {
        let left = certificate.not_after.saturating_sub(now);
        let Some(step) = step(certificate.life, left) else {
            self.told.remove(&certificate.of);
            return None;
        };
        let state = (certificate.not_after, step);
        let told = self.told.insert(certificate.of, state);
        let new = told.is_none_or(|(end, at)| end != certificate.not_after || at > step);
        new.then_some(EndsSoon { certificate, left })
    }
}

/// The step that a certificate has come to. A step that is longer than a third of its life says
/// nothing: certificates of hours are renewed in hours.
fn step(life: Duration, left: Duration) -> Option<Duration> {
    let steps = STEPS.into_iter().filter(|step| *step * 3 <= life);
    let late = (life / LATE).min(DAY);
    steps.chain([late]).filter(|step| left < *step).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    const YEAR: Duration = Duration::from_secs(365 * 86_400);

    fn certificate(life: Duration) -> OwnCertificate {
        OwnCertificate {
            of: Use::Link,
            file: "gw.pem".to_owned(),
            not_after: life,
            not_after_date: String::new(),
            fingerprint: String::new(),
            life,
            renewals: 0,
            refused: None,
        }
    }

    /// How much is left each time that something is told, looking every hour.
    fn told(life: Duration) -> Vec<Duration> {
        let mut expiry = Expiry::default();
        let hour = Duration::from_secs(3600);
        let looks = (0..).map(|hours| hour * hours).take_while(|now| *now < life);
        looks
            .flat_map(|now| expiry.look(now, || vec![certificate(life)]))
            .map(|one| one.left)
            .collect()
    }

    #[test]
    fn a_certificate_of_a_year_is_told_of_at_thirty_seven_and_one_day() {
        let told: Vec<u64> =
            told(YEAR).iter().map(|left| left.as_secs().div_ceil(86_400)).collect();
        assert_eq!(told, [30, 7, 1]);
    }

    #[test]
    fn a_certificate_of_a_day_is_told_of_when_its_renewal_is_late() {
        assert_eq!(told(DAY), [Duration::from_secs(3 * 3600)]);
    }

    #[test]
    fn a_renewed_one_begins_anew() {
        let mut expiry = Expiry::default();
        let soon = YEAR - DAY / 2;
        assert_eq!(expiry.look(soon, || vec![certificate(YEAR)]).len(), 1);
        assert_eq!(expiry.look(soon + PERIOD, || vec![certificate(YEAR * 2)]).len(), 0);
        assert_eq!(expiry.look(soon + YEAR, || vec![certificate(YEAR * 2)]).len(), 1);
    }
}
