//! How much goes over each link in a second, lately.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use super::report::LinkTraffic;
use crate::link::LinkStats;

/// Between two samples.
const PERIOD: Duration = Duration::from_secs(2);
/// Samples kept: a rate is that of the last ten seconds.
const SAMPLES_MAX: usize = 6;

/// Counts of each link at moments of the last seconds. Bound: [`SAMPLES_MAX`] times the links.
#[derive(Debug, Default)]
pub(super) struct Rates {
    samples: VecDeque<Sample>,
}

#[derive(Debug)]
struct Sample {
    at: Duration,
    links: BTreeMap<u64, Counts>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    bytes_in: u64,
    bytes_out: u64,
}

impl Rates {
    /// When the next sample is due, as core time.
    pub(super) fn next_deadline(&self) -> Duration {
        self.samples.back().map_or(Duration::ZERO, |last| last.at + PERIOD)
    }

    /// Takes a sample, if one is due.
    pub(super) fn sample(&mut self, now: Duration, links: impl FnOnce() -> Vec<LinkStats>) {
        if self.next_deadline() > now {
            return;
        }
        let counts = |one: LinkStats| {
            let bytes_in = one.control.bytes_in + one.data.bytes_in;
            let bytes_out = one.control.bytes_out + one.data.bytes_out;
            (one.link.0, Counts { bytes_in, bytes_out })
        };
        if self.samples.len() == SAMPLES_MAX {
            self.samples.pop_front();
        }
        let links = links().into_iter().map(counts).collect();
        self.samples.push_back(Sample { at: now, links });
    }

    /// Fills in what a link's counts have grown by in a second, since the oldest sample of it.
    pub(super) fn fill(&self, now: Duration, traffic: &mut LinkTraffic) {
        let oldest = self.samples.iter().find_map(|sample| {
            let counts = sample.links.get(&traffic.link)?;
            (sample.at < now).then_some((now.saturating_sub(sample.at), *counts))
        });
        let Some((span, before)) = oldest else { return };
        let a_second = |bytes: u64| -> u64 {
            let micros = span.as_micros().max(1);
            u64::try_from(u128::from(bytes) * 1_000_000 / micros).unwrap_or(u64::MAX)
        };
        let grown = |control: u64, data: u64, before: u64| (control + data).saturating_sub(before);
        let (control, data) = (traffic.control, traffic.data);
        traffic.rate_in = a_second(grown(control.bytes_in, data.bytes_in, before.bytes_in));
        traffic.rate_out = a_second(grown(control.bytes_out, data.bytes_out, before.bytes_out));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::Traffic;

    fn stats(bytes: u64) -> LinkStats {
        LinkStats {
            link: antiphon_core::LinkId(4),
            gateway: "us-1".parse().unwrap(),
            region: "us".parse().unwrap(),
            control: Traffic { bytes_in: bytes, bytes_out: 0, queued: 0 },
            data: Traffic { bytes_in: bytes, bytes_out: 2 * bytes, queued: 0 },
            frames_out: 0,
            batches_out: 0,
            frames_in: 0,
        }
    }

    fn rates(rates: &Rates, now: u64, bytes: u64) -> (u64, u64) {
        let mut traffic = LinkTraffic::from(stats(bytes));
        rates.fill(Duration::from_secs(now), &mut traffic);
        (traffic.rate_in, traffic.rate_out)
    }

    #[test]
    fn a_rate_is_that_of_the_last_ten_seconds() {
        let mut kept = Rates::default();
        assert_eq!(rates(&kept, 5, 100), (0, 0));
        for second in 0..=60 {
            // A thousand bytes a second for half a minute, then nothing.
            let bytes = 1000 * second.min(30);
            kept.sample(Duration::from_secs(second), || vec![stats(bytes)]);
            match second {
                20 => assert_eq!(rates(&kept, 20, 20_000), (2000, 2000)),
                60 => assert_eq!(rates(&kept, 60, 30_000), (0, 0)),
                _ => assert!(kept.samples.len() <= SAMPLES_MAX),
            }
        }
    }
}
