//! What goes from region to region.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use antiphon_core::RegionId;
use antiphon_gateway::shell::Report;

use crate::{human, table::Tone, view::View};

/// What the cells say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Metric {
    /// Messages in a second.
    #[default]
    Rate,
    /// The smoothed round trip of the quickest link.
    RoundTrip,
    /// Messages that were dropped or are in doubt, of those that were sent.
    Loss,
}

/// Behind what goes around links that are held down.
pub(super) const HELD: &str = " h";

impl Metric {
    /// What it is called.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Rate => "messages a second",
            Self::RoundTrip => "round trip",
            Self::Loss => "loss",
        }
    }
}

/// What is known of messages from one region to another.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Crossing {
    /// Messages in a second; `None` before there are two answers.
    pub rate: Option<f64>,
    /// Of a link between the two.
    pub round_trip: Option<Duration>,
    /// From 0 to 1; `None` where nothing was sent.
    pub loss: Option<f64>,
    /// Whether a gateway of the first has no route to the second.
    pub cut: bool,
    /// Whether an operator holds the links between the two down: messages go around.
    pub held: bool,
}

/// Regions by regions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matrix {
    /// Regions with a gateway that answered.
    pub from: Vec<RegionId>,
    /// Every region.
    pub to: Vec<RegionId>,
    cells: BTreeMap<(RegionId, RegionId), Crossing>,
}

/// Counts that grow.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    created: u64,
    lost: u64,
}

type Key = (RegionId, RegionId);

impl Matrix {
    pub(super) fn new(now: &View, before: Option<&View>) -> Self {
        let reports = &now.reports;
        let from: BTreeSet<RegionId> = reports.iter().map(|one| one.core.region.clone()).collect();
        let regions = reports.iter().flat_map(|one| &one.core.regions);
        let to: BTreeSet<RegionId> = regions.map(|one| one.region.clone()).collect();
        let mut cells: BTreeMap<Key, Crossing> = BTreeMap::new();
        for report in reports {
            let earlier = before.and_then(|view| same(view, report));
            add(report, earlier, &mut cells);
        }
        Self { from: from.into_iter().collect(), to: to.into_iter().collect(), cells }
    }

    /// Whether links between any two regions are held down.
    #[must_use]
    pub fn has_held(&self) -> bool {
        self.cells.values().any(|cell| cell.held)
    }

    /// What is known from one region to another.
    #[must_use]
    pub fn cell(&self, from: &RegionId, to: &RegionId) -> Crossing {
        self.cells.get(&(from.clone(), to.clone())).copied().unwrap_or_default()
    }
}

impl Crossing {
    /// One of its values, as people read it, and what it means.
    #[must_use]
    pub fn show(&self, metric: Metric) -> (String, Tone) {
        match (self.cut, self.held, metric) {
            (true, ..) => return ("cut".to_owned(), Tone::Problem),
            // Pings still cross them, messages do not.
            (false, true, Metric::RoundTrip) => return ("held".to_owned(), Tone::Warning),
            (false, true, Metric::Rate | Metric::Loss) => {
                let around = Self { held: false, ..*self };
                return (format!("{}{HELD}", around.show(metric).0), Tone::Warning);
            }
            (false, false, _) => {}
        }
        match metric {
            Metric::Rate => (self.rate.map_or("-".to_owned(), per_second), Tone::Plain),
            Metric::RoundTrip => {
                (self.round_trip.map_or("-".to_owned(), human::round_trip), Tone::Plain)
            }
            Metric::Loss => match self.loss {
                None => ("-".to_owned(), Tone::Plain),
                Some(loss) if loss > 0.0 => (format!("{:.1}%", loss * 100.0), Tone::Warning),
                Some(_) => ("0%".to_owned(), Tone::Good),
            },
        }
    }
}

fn per_second(rate: f64) -> String {
    if rate > 0.0 && rate < 10.0 { format!("{rate:.1}/s") } else { format!("{rate:.0}/s") }
}

/// An earlier report of the same life of the same gateway.
fn same<'a>(view: &'a View, report: &Report) -> Option<&'a Report> {
    let same = |one: &&Report| {
        one.core.gateway == report.core.gateway && one.core.incarnation == report.core.incarnation
    };
    view.reports.iter().find(same)
}

fn add(report: &Report, earlier: Option<&Report>, cells: &mut BTreeMap<Key, Crossing>) {
    let from = &report.core.region;
    for region in report.core.regions.iter().filter(|one| !one.ours) {
        let cell = cells.entry((from.clone(), region.region.clone())).or_default();
        cell.cut |= region.route.is_none();
        let now = counts(report, &region.region);
        if let Some(earlier) = earlier {
            let before = counts(earlier, &region.region);
            let seconds = report.at.saturating_sub(earlier.at).as_secs_f64();
            let created = now.created.saturating_sub(before.created) as f64;
            if seconds > 0.0 {
                *cell.rate.get_or_insert_default() += created / seconds;
            }
            let lost = now.lost.saturating_sub(before.lost) as f64;
            if created > 0.0 {
                cell.loss = Some(cell.loss.unwrap_or_default().max((lost / created).min(1.0)));
            }
        }
    }
    for link in report.core.links.iter().filter(|link| link.state == "up") {
        let cell = cells.entry((from.clone(), link.region.clone())).or_default();
        cell.round_trip = [cell.round_trip, link.rtt].into_iter().flatten().min();
        cell.held |= link.held_down;
    }
}

fn counts(report: &Report, to: &RegionId) -> Counts {
    let tallies = report.core.tallies.iter().filter(|view| view.key.to == *to);
    tallies.fold(Counts::default(), |sum, view| Counts {
        created: sum.created + view.tally.created,
        lost: sum.lost + view.tally.dropped.values().sum::<u64>() + view.tally.in_doubt,
    })
}
