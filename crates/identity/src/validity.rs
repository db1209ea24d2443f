//! How long something is valid.

use rustls::pki_types::UnixTime;

/// First and last second in which something is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first second.
    pub not_before: UnixTime,
    /// The last second.
    pub not_after: UnixTime,
}

impl Validity {
    /// Whether `now` lies within.
    #[must_use]
    pub fn contains(&self, now: UnixTime) -> bool {
        self.not_before <= now && now <= self.not_after
    }

    pub(crate) fn intersection(self, other: Self) -> Self {
        Self {
            not_before: self.not_before.max(other.not_before),
            not_after: self.not_after.min(other.not_after),
        }
    }

    /// As `contains`, in the words of the path builder.
    pub(crate) fn check(&self, now: UnixTime) -> Result<(), webpki::Error> {
        let (not_before, not_after) = (self.not_before, self.not_after);
        if now < not_before {
            return Err(webpki::Error::CertNotValidYet { time: now, not_before });
        }
        if now > not_after {
            return Err(webpki::Error::CertExpired { time: now, not_after });
        }
        Ok(())
    }
}
