//! Word of certificates that end soon, each step once.

use std::{collections::BTreeMap, time::Duration};

use crate::certificates::{Nearness, OwnCertificate, Use};

/// Between two looks: nothing here is a matter of seconds.
const PERIOD: Duration = Duration::from_secs(60);

/// What an operator was told.
#[derive(Debug, Default)]
pub(super) struct Expiry {
    told: BTreeMap<Use, (Duration, Nearness)>,
    looked: Option<Duration>,
}

/// A certificate that ends soon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EndsSoon {
    pub(super) certificate: OwnCertificate,
    pub(super) left: Duration,
    pub(super) nearness: Nearness,
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
        let Some(nearness) = certificate.lifetime().nearness(now) else {
            self.told.remove(&certificate.of);
            return None;
        };
        let left = certificate.lifetime().left(now);
        let state = (certificate.not_after, nearness);
        let told = self.told.insert(certificate.of, state);
        let new = told.is_none_or(|(end, at)| end != certificate.not_after || at < nearness);
        new.then_some(EndsSoon { certificate, left, nearness })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);
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
        let hours: Vec<u64> = told(DAY).iter().map(|left| left.as_secs().div_ceil(3600)).collect();
        assert_eq!(hours, [3, 1], "looking every hour");
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
