//! Numbers as people read them. JSON carries the exact ones.

use std::time::Duration;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// A span of time in its two largest units: `3d 4h`, `2m 5s`, `42s`; below a second `350ms`.
#[must_use]
pub fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0 => format!("{}ms", span.as_millis()),
        1..MINUTE => format!("{seconds}s"),
        MINUTE..HOUR => two(seconds, (MINUTE, 'm'), (1, 's')),
        HOUR..DAY => two(seconds, (HOUR, 'h'), (MINUTE, 'm')),
        _ => two(seconds, (DAY, 'd'), (HOUR, 'h')),
    }
}

fn two(seconds: u64, large: (u64, char), small: (u64, char)) -> String {
    let first = format!("{}{}", seconds / large.0, large.1);
    match seconds % large.0 / small.0 {
        0 => first,
        rest => format!("{first} {rest}{}", small.1),
    }
}

/// A long span of time in whole days; its hours where there are few: `89 days`, `1d 4h`.
#[must_use]
pub fn days(time: Duration) -> String {
    match time.as_secs() / DAY {
        0..3 => span(time),
        whole => count(whole, "day"),
    }
}

/// A round trip: `840us`, `1.2ms`, `85ms`, `1.2s`.
#[must_use]
pub fn round_trip(rtt: Duration) -> String {
    match rtt.as_micros() {
        micros @ 0..1_000 => format!("{micros}us"),
        micros @ 1_000..10_000 => format!("{}.{}ms", micros / 1_000, micros % 1_000 / 100),
        micros @ 10_000..1_000_000 => format!("{}ms", micros / 1_000),
        micros => format!("{}.{}s", micros / 1_000_000, micros % 1_000_000 / 100_000),
    }
}

/// A size: `0 B`, `999 B`, `1.5 KiB`, `64 MiB`.
#[must_use]
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut shift = 10;
    let mut units = UNITS.iter();
    let mut unit = units.next().copied().unwrap_or_default();
    for larger in units {
        if bytes >> (shift + 10) == 0 {
            break;
        }
        shift += 10;
        unit = larger;
    }
    let (whole, tenths) = (bytes >> shift, ((bytes >> (shift - 10)) % 1024) * 10 / 1024);
    if whole < 10 && tenths > 0 {
        format!("{whole}.{tenths} {unit}")
    } else {
        format!("{whole} {unit}")
    }
}

/// Bytes in a second: `0/s`, `1.5k/s`, `64M/s`; short, for tables.
#[must_use]
pub fn rate(bytes: u64) -> String {
    let text = self::bytes(bytes).replace(" B", "").replace(' ', "").replace("iB", "");
    format!("{}/s", text.replace('K', "k"))
}

/// `1 link`, `3 links`.
#[must_use]
pub fn count(count: u64, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// A moment since 1970-01-01 UTC, RFC 3339 with milliseconds.
#[must_use]
pub fn moment(unix: Duration) -> String {
    // Beyond the year 9999 the format has no digits left.
    const LAST: Duration = Duration::from_secs(253_402_300_799);
    humantime::format_rfc3339_millis(std::time::UNIX_EPOCH + unix.min(LAST)).to_string()
}

/// Texts in one cell; `-` for none.
pub fn list<T: ToString>(texts: impl IntoIterator<Item = T>) -> String {
    let texts: Vec<String> = texts.into_iter().map(|text| text.to_string()).collect();
    if texts.is_empty() { "-".to_owned() } else { texts.join(", ") }
}

/// Why something failed, without what libraries add for those who program with them: addresses of
/// their manuals, and causes that say again what was said.
#[must_use]
pub fn reason(text: &str) -> String {
    let is_address = |word: &&str| !word.starts_with("https://") && !word.starts_with("http://");
    let words: Vec<&str> = text.split_whitespace().filter(is_address).collect();
    let text = words.join(" ");
    let mut parts: Vec<&str> = Vec::new();
    for part in text.trim_end_matches(':').split(": ") {
        if parts.last() != Some(&part) {
            parts.push(part);
        }
    }
    parts.join(": ").replace(RUSTLS_EOF, "closed without a goodbye")
}

/// What rustls says where the other end is gone without having ended its TLS session.
const RUSTLS_EOF: &str = "peer closed connection without sending TLS close_notify";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_for_operators() {
        for (text, shown) in [
            ("silent for 3s", "silent for 3s"),
            (
                "data connection: peer closed connection without sending TLS close_notify: \
                 https://docs.rs/rustls/latest/rustls/manual/_03_howto/index.html#unexpected-eof",
                "data connection: closed without a goodbye",
            ),
            ("dial: no answer: no answer", "dial: no answer"),
            ("us-1.example.net:7440: refused", "us-1.example.net:7440: refused"),
            ("", ""),
        ] {
            assert_eq!(reason(text), shown);
        }
    }

    #[test]
    fn spans_show_their_two_largest_units() {
        for (millis, text) in [
            (0, "0ms"),
            (999, "999ms"),
            (59_000, "59s"),
            (60_000, "1m"),
            (125_000, "2m 5s"),
            (3_600_000, "1h"),
            (90_060_000, "1d 1h"),
            (86_400_000 * 400, "400d"),
        ] {
            assert_eq!(span(Duration::from_millis(millis)), text);
        }
    }

    #[test]
    fn long_spans_are_days() {
        assert_eq!(days(Duration::from_secs(89 * DAY + HOUR)), "89 days");
        assert_eq!(days(Duration::from_secs(DAY + 4 * HOUR)), "1d 4h");
    }

    #[test]
    fn round_trips_have_two_digits() {
        for (micros, text) in
            [(840, "840us"), (1_250, "1.2ms"), (85_400, "85ms"), (1_250_000, "1.2s")]
        {
            assert_eq!(round_trip(Duration::from_micros(micros)), text);
        }
    }

    #[test]
    fn sizes_use_binary_units() {
        for (size, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (1536, "1.5 KiB"),
            (64 << 20, "64 MiB"),
            (u64::MAX, "15 EiB"),
        ] {
            assert_eq!(bytes(size), text);
        }
    }

    #[test]
    fn rates_are_short() {
        for (bytes, text) in [(0, "0/s"), (1536, "1.5k/s"), (64 << 20, "64M/s")] {
            assert_eq!(rate(bytes), text);
        }
    }

    #[test]
    fn moments_are_rfc_3339() {
        assert_eq!(moment(Duration::from_millis(1_500)), "1970-01-01T00:00:01.500Z");
        assert!(moment(Duration::MAX).starts_with("9999-12-31"));
    }
}
