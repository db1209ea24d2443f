//! A moment as operators read it.

use std::fmt;
use std::time::{Duration, SystemTime};

use rustls::pki_types::UnixTime;

/// The first second of year 10000, which RFC 3339 cannot write.
const YEAR_10000: u64 = 253_402_300_800;

/// A moment, in seconds since 1970-01-01 UTC; prints as `2036-11-21T02:02:58Z`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(pub UnixTime);

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        if seconds < YEAR_10000 {
            let moment = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            humantime::format_rfc3339_seconds(moment).fmt(f)
        } else {
            write!(f, "{seconds} s after 1970")
        }
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(seconds: u64) -> Date {
        Date(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }

    #[test]
    fn a_date_prints_as_rfc_3339() {
        assert_eq!(date(1_795_486_669).to_string(), "2026-11-24T02:17:49Z");
    }

    #[test]
    fn a_date_past_the_calendar_still_prints() {
        assert_eq!(date(u64::MAX).to_string(), "18446744073709551615 s after 1970");
    }
}
