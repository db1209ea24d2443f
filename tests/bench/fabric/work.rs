//! What is measured.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    arguments::Arguments,
    load::{Answered, Load},
    place::{Line, Place},
    process::Watched,
};

/// How long receipts and acknowledgements may trail before CPU and bytes are read.
const TRAIL: Duration = Duration::from_millis(200);
/// A long-distance link, each way.
const FAR: Duration = Duration::from_millis(40);
/// A reply that takes longer is lost.
const TRIP_LIMIT: Duration = Duration::from_secs(1);

/// One kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// So many requests, one after the other, each to one node and on a fresh reply subject.
    RoundTrips(usize),
    /// The same over a link that takes so long each way.
    FarTrips(usize, Duration),
    /// One request to all, answered at once.
    Burst(usize),
    /// One request to all, whose answers are spread over this time.
    Paced(usize, Duration),
    /// A request to each of so many nodes.
    Directed(usize),
}

/// What one run gave.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measured {
    /// Round trips in milliseconds, in ascending order.
    pub(crate) trips: Vec<f64>,
    pub(crate) wall_s: f64,
    pub(crate) arrived: usize,
    pub(crate) lost: usize,
    pub(crate) duplicated: usize,
    pub(crate) link_bytes: u64,
    /// CPU seconds of everything between client and nodes, and of gateways alone.
    pub(crate) cpu_s: f64,
    pub(crate) gateway_cpu_s: f64,
    /// Peak resident memory of the largest process, and of the largest gateway, in MiB.
    pub(crate) peak_mib: f64,
    pub(crate) gateway_peak_mib: f64,
}

impl Work {
    pub(crate) fn all(arguments: &Arguments) -> Vec<Self> {
        let trips = match (arguments.quick, arguments.delay.is_zero()) {
            (true, _) => 20,
            (false, true) => 1000,
            (false, false) => 100,
        };
        let scale = if arguments.quick { 20 } else { 1 };
        let far = if arguments.quick { 5 } else { 100 };
        let mut all = vec![
            Self::RoundTrips(trips),
            Self::Burst(5_000 / scale),
            Self::Burst(20_000 / scale),
            Self::Paced(50_000 / scale, Duration::from_secs(2) / scale as u32),
            Self::Directed(50_000 / scale),
        ];
        if arguments.delay.is_zero() {
            all.push(Self::FarTrips(far, FAR));
        }
        all.into_iter().filter(|work| work.label().contains(&arguments.only)).collect()
    }

    pub(crate) fn label(&self) -> String {
        match self {
            Self::RoundTrips(_) => "round-trip".to_owned(),
            Self::FarTrips(_, delay) => format!("round-trip-{}ms", delay.as_millis()),
            Self::Burst(nodes) => format!("burst-{nodes}"),
            Self::Paced(nodes, over) => format!("paced-{nodes}-over-{}ms", over.as_millis()),
            Self::Directed(nodes) => format!("directed-{nodes}"),
        }
    }

    /// Does it once.
    pub(crate) async fn run(&self, place: &Place, load: &mut Load) -> Measured {
        let (nodes, over) = match *self {
            Self::RoundTrips(count) | Self::FarTrips(count, _) => {
                return round_trips(count, place, load).await;
            }
            Self::Burst(nodes) | Self::Directed(nodes) => (nodes, Duration::ZERO),
            Self::Paced(nodes, over) => (nodes, over),
        };
        let request = load.prepare(nodes, over).await;
        let before = Meter::begin(place);
        let answered = match self {
            Self::Directed(_) => load.ask_each(&request, nodes).await,
            Self::Burst(_) | Self::Paced(..) | Self::RoundTrips(_) | Self::FarTrips(..) => {
                load.ask_all(&request, nodes).await
            }
        };
        let Answered { arrived, duplicated, wall } = answered;
        let lost = nodes - arrived;
        let wall_s = wall.as_secs_f64();
        let measured = Measured { wall_s, arrived, lost, duplicated, ..Measured::default() };
        before.end(place, measured).await
    }

    /// A relay is woken twice for each round trip, and is nobody's product: it stands between only where
    /// it delays or counts.
    pub(crate) fn line(&self, usual: Duration) -> Line {
        let near = matches!(self, Self::RoundTrips(_)) && usual.is_zero();
        if near { Line::Direct } else { Line::Relayed }
    }

    /// What the long-distance link takes each way meanwhile.
    pub(crate) fn delay(&self, usual: Duration) -> Duration {
        if let Self::FarTrips(_, delay) = self { *delay } else { usual }
    }
}

async fn round_trips(count: usize, place: &Place, load: &mut Load) -> Measured {
    let before = Meter::begin(place);
    let mut measured = Measured::default();
    for _ in 0..count {
        match load.round_trip(TRIP_LIMIT).await {
            Some(took) => measured.trips.push(took.as_secs_f64() * 1000.0),
            None => measured.lost += 1,
        }
    }
    measured.arrived = measured.trips.len();
    measured.trips.sort_by(f64::total_cmp);
    measured.wall_s = measured.percentile(50.0) / 1000.0;
    before.end(place, measured).await
}

impl Measured {
    /// Of the round trips, in milliseconds.
    pub(crate) fn percentile(&self, percent: f64) -> f64 {
        let last = self.trips.len().saturating_sub(1) as f64;
        self.trips.get((last * percent / 100.0).round() as usize).copied().unwrap_or(f64::NAN)
    }

    pub(crate) fn json(&self) -> Value {
        let mut value = json!({
            "wall_s": self.wall_s,
            "arrived": self.arrived,
            "lost": self.lost,
            "duplicated": self.duplicated,
            "link_bytes": self.link_bytes,
            "cpu_s": self.cpu_s,
            "gateway_cpu_s": self.gateway_cpu_s,
            "peak_mib": self.peak_mib,
            "gateway_peak_mib": self.gateway_peak_mib,
        });
        if !self.trips.is_empty() {
            value["p50_ms"] = self.percentile(50.0).into();
            value["p99_ms"] = self.percentile(99.0).into();
        }
        value
    }
}

/// Counters before a run.
struct Meter {
    link_bytes: u64,
    cpu: f64,
    gateway_cpu: f64,
}

impl Meter {
    fn begin(place: &Place) -> Self {
        place.watched.iter().for_each(Watched::forget_peak);
        Self::now(place)
    }

    fn now(place: &Place) -> Self {
        let cpu = |gateways_only: bool| {
            let counted = place.watched.iter().filter(|one| one.is_gateway || !gateways_only);
            counted.map(Watched::cpu).sum()
        };
        Self { link_bytes: place.link_bytes(), cpu: cpu(false), gateway_cpu: cpu(true) }
    }

    async fn end(self, place: &Place, measured: Measured) -> Measured {
        tokio::time::sleep(TRAIL).await;
        let now = Self::now(place);
        let peak = |gateways_only: bool| {
            let counted = place.watched.iter().filter(|one| one.is_gateway || !gateways_only);
            counted.map(Watched::peak_mib).fold(0.0, f64::max)
        };
        Measured {
            link_bytes: now.link_bytes - self.link_bytes,
            cpu_s: now.cpu - self.cpu,
            gateway_cpu_s: now.gateway_cpu - self.gateway_cpu,
            peak_mib: peak(false),
            gateway_peak_mib: peak(true),
            ..measured
        }
    }
}
