//! The virtual network between gateways.

use std::{collections::BTreeMap, time::Duration};

use antiphon_core::{GatewayId, LinkId};

/// How bytes travel between two gateways, in both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// They arrive after this time.
    Open(Duration),
    /// They vanish, and nobody is told.
    BlackHole,
    /// Connections break at once, and new ones are refused.
    Cut,
}

/// Every pair's path, and the links that stand.
#[derive(Debug)]
pub struct Network {
    /// What holds for pairs that have no path of their own.
    pub default: Path,
    paths: BTreeMap<(GatewayId, GatewayId), Path>,
    links: BTreeMap<LinkId, (GatewayId, GatewayId)>,
    next_link: u64,
}

impl Network {
    /// A network in which everybody reaches everybody.
    #[must_use]
    pub fn new(latency: Duration) -> Self {
        Self {
            default: Path::Open(latency),
            paths: BTreeMap::new(),
            links: BTreeMap::new(),
            next_link: 1,
        }
    }

    /// The path between two gateways.
    #[must_use]
    pub fn path(&self, a: &GatewayId, b: &GatewayId) -> Path {
        self.paths.get(&pair(a, b)).copied().unwrap_or(self.default)
    }

    /// Sets the path between two gateways; the links that this breaks.
    pub fn set_path(&mut self, a: &GatewayId, b: &GatewayId, path: Path) -> Vec<LinkId> {
        self.paths.insert(pair(a, b), path);
        if path != Path::Cut {
            return Vec::new();
        }
        let broken = |ends: &(GatewayId, GatewayId)| pair(&ends.0, &ends.1) == pair(a, b);
        self.links.iter().filter(|(_, ends)| broken(ends)).map(|(link, _)| *link).collect()
    }

    /// Opens a link.
    pub fn open(&mut self, dialer: &GatewayId, listener: &GatewayId) -> LinkId {
        let link = LinkId(self.next_link);
        self.next_link += 1;
        self.links.insert(link, (dialer.clone(), listener.clone()));
        link
    }

    /// The other end of a link that stands.
    #[must_use]
    pub fn other_end(&self, link: LinkId, here: &GatewayId) -> Option<GatewayId> {
        let (a, b) = self.links.get(&link)?;
        Some(if a == here { b.clone() } else { a.clone() })
    }

    /// Closes a link; its ends.
    pub fn close(&mut self, link: LinkId) -> Option<(GatewayId, GatewayId)> {
        self.links.remove(&link)
    }

    /// The links of one gateway.
    #[must_use]
    pub fn links_of(&self, gateway: &GatewayId) -> Vec<LinkId> {
        let ends = |(a, b): &(GatewayId, GatewayId)| a == gateway || b == gateway;
        self.links.iter().filter(|(_, pair)| ends(pair)).map(|(link, _)| *link).collect()
    }
}

fn pair(a: &GatewayId, b: &GatewayId) -> (GatewayId, GatewayId) {
    if a < b { (a.clone(), b.clone()) } else { (b.clone(), a.clone()) }
}
