//! Durations as Choria prints them.

use std::time::Duration;

/// Rounded to milliseconds, in the manner of Go: `542ms`, `2.1s`, `1m2.5s`, `1h0m3s`.
pub fn short(duration: Duration) -> String {
    let ms = whole_ms(duration);
    if ms < 1000 {
        return format!("{ms}ms");
    }
    let seconds = ms / 1000;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    let fraction = match ms % 1000 {
        0 => String::new(),
        rest => format!(".{}", format!("{rest:03}").trim_end_matches('0')),
    };
    let seconds = format!("{}{fraction}s", seconds % 60);
    match (hours, minutes) {
        (0, 0) => seconds,
        (0, minutes) => format!("{minutes}m{seconds}"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
    }
}

/// In milliseconds, rounded to the nearest.
pub fn whole_ms(duration: Duration) -> u128 {
    (duration.as_micros() + 500) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_in_go() {
        for (us, text) in [
            (0, "0ms"),
            (541_600, "542ms"),
            (999_600, "1s"),
            (2_100_000, "2.1s"),
            (2_012_000, "2.012s"),
            (62_500_000, "1m2.5s"),
            (3_603_000_000, "1h0m3s"),
        ] {
            assert_eq!(short(Duration::from_micros(us)), text);
        }
    }
}
