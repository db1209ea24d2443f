//! What is drawn: regions, their gateways, and the links between them.

mod links;

use std::collections::BTreeMap;

use antiphon_core::{GatewayId, GatewayState, MemberView, RegionId, Snapshot};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// A fabric at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topology {
    /// Its name.
    pub fabric: String,
    /// In the order of their names.
    pub regions: Vec<Region>,
    /// In the order of their ends' names; each once.
    pub links: Vec<Link>,
}

/// One region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// Its name.
    pub name: RegionId,
    /// As good as the best of its gateways.
    pub mark: Mark,
    /// In the order of their names.
    pub gateways: Vec<Gateway>,
}

/// One gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// Its name.
    pub name: GatewayId,
    /// How it is.
    pub mark: Mark,
    /// The same in words.
    pub state: &'static str,
}

/// One link, or one that should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its ends, in the order of their names.
    pub ends: [GatewayId; 2],
    /// Their regions.
    pub regions: [RegionId; 2],
    /// What each end says that it costs to send over it.
    pub costs: [Option<u32>; 2],
    /// How it is.
    pub state: LinkState,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// As it should be.
    Good,
    /// Worth a look.
    Warning,
    /// Broken.
    Problem,
}

/// How a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkState {
    /// Both ends advertise it.
    Up,
    /// Only one end does: it is coming up or going down.
    OneSided,
    /// An operator holds it down: it is up, and no messages go over it.
    Held,
    /// One end remembers it.
    Down,
}

/// All links between two regions, or inside one, as one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The regions, in the order of their names.
    pub regions: [RegionId; 2],
    /// Links that are up.
    pub up: u64,
    /// All that are known.
    pub known: u64,
    /// Those of them that an operator holds down.
    pub held: u64,
    /// The least that it costs to cross, by whichever end says more.
    pub cost: Option<u32>,
}

impl LinkState {
    /// The word for it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::OneSided => "one-sided",
            Self::Held => "held down",
            Self::Down => "down",
        }
    }

    /// What it means.
    #[must_use]
    pub const fn mark(self) -> Mark {
        match self {
            Self::Up => Mark::Good,
            Self::OneSided | Self::Held => Mark::Warning,
            Self::Down => Mark::Problem,
        }
    }
}

impl Bundle {
    /// How it is: a part of its links is enough to cross it.
    #[must_use]
    pub fn mark(&self) -> Mark {
        match self.up {
            0 if self.is_held() => Mark::Warning,
            0 => Mark::Problem,
            up if up < self.known => Mark::Warning,
            _ => Mark::Good,
        }
    }

    /// Whether nothing crosses it because an operator wants it so.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        self.up == 0 && self.held > 0
    }
}

impl Topology {
    /// What these gateways see of one fabric; the first knows it best.
    #[must_use]
    pub fn new<'a>(snapshots: impl IntoIterator<Item = &'a Snapshot>) -> Self {
        let snapshots: Vec<&Snapshot> = snapshots.into_iter().collect();
        let mut members: BTreeMap<&GatewayId, &MemberView> = BTreeMap::new();
        for snapshot in &snapshots {
            for member in &snapshot.gateways {
                members.entry(&member.gateway).or_insert(member);
            }
        }
        let first = snapshots.first();
        Self {
            fabric: first.map(|snapshot| snapshot.fabric.to_string()).unwrap_or_default(),
            regions: regions(&members, first.map(|snapshot| &snapshot.gateway)),
            links: links::links(&members, &snapshots),
        }
    }

    /// The links as one line a pair of regions; inside of a region too.
    #[must_use]
    pub fn bundles(&self) -> Vec<Bundle> {
        let mut bundles: BTreeMap<[&RegionId; 2], Bundle> = BTreeMap::new();
        for link in &self.links {
            let mut regions = link.regions.each_ref();
            regions.sort();
            let bundle = bundles.entry(regions).or_insert_with(|| Bundle {
                regions: regions.map(Clone::clone),
                up: 0,
                known: 0,
                held: 0,
                cost: None,
            });
            bundle.known += 1;
            bundle.held += u64::from(link.state == LinkState::Held);
            if link.state == LinkState::Up {
                bundle.up += 1;
                let cost = link.costs.iter().flatten().max().copied();
                bundle.cost = [bundle.cost, cost].into_iter().flatten().min();
            }
        }
        bundles.into_values().collect()
    }

    /// For programs, without the fields that every document has.
    #[must_use]
    pub fn json(&self) -> Map<String, Value> {
        let regions = self.regions.iter().map(|region| {
            let gateways = region
                .gateways
                .iter()
                .map(|one| json!({ "gateway": one.name, "state": one.state, "mark": one.mark }));
            json!({
                "region": region.name,
                "mark": region.mark,
                "gateways": gateways.collect::<Vec<_>>(),
            })
        });
        let links = self.links.iter().map(|link| {
            json!({
                "ends": link.ends,
                "regions": link.regions,
                "costs": link.costs,
                "state": link.state,
            })
        });
        Map::from_iter([
            ("regions".to_owned(), regions.collect()),
            ("links".to_owned(), links.collect()),
        ])
    }
}

fn regions(members: &BTreeMap<&GatewayId, &MemberView>, first: Option<&GatewayId>) -> Vec<Region> {
    let mut regions: BTreeMap<&RegionId, Vec<Gateway>> = BTreeMap::new();
    for (name, member) in members {
        let (mark, state) = state(member, first == Some(*name));
        let gateway = Gateway { name: (*name).clone(), mark, state };
        regions.entry(&member.region).or_default().push(gateway);
    }
    let region = |(name, gateways): (&RegionId, Vec<Gateway>)| {
        let mark = gateways.iter().map(|one| one.mark).min().unwrap_or(Mark::Problem);
        Region { name: name.clone(), mark, gateways }
    };
    regions.into_iter().map(region).collect()
}

fn state(member: &MemberView, is_first: bool) -> (Mark, &'static str) {
    let Some(state) = member.state else { return (Mark::Warning, "unheard") };
    if member.route.is_none() && !is_first {
        return (Mark::Problem, "out of reach");
    }
    match (state, member.broker) {
        (GatewayState::Active, Some(false)) => (Mark::Problem, "no broker"),
        (GatewayState::Active, _) => (Mark::Good, "active"),
        (GatewayState::Starting, _) => (Mark::Warning, "starting"),
        (GatewayState::Draining, _) => (Mark::Warning, "draining"),
        (GatewayState::Left, _) => (Mark::Problem, "left"),
    }
}
