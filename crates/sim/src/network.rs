//! The virtual network between gateways: paths and what they do to bytes.

use std::{collections::BTreeMap, time::Duration};

use crate::{chance::Chance, world::Slot};

/// After this many losses in a row a connection is reset.
const LOSSES_MAX: u32 = 6;
/// First wait before a lost packet is sent again; doubles (RFC 6298 has 1 s, systems use 200 ms).
const RETRANSMIT: Duration = Duration::from_millis(200);

/// How bytes travel from one gateway to another; each direction has its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Path {
    /// Shortest one-way delay.
    pub latency_min: Duration,
    /// Longest one-way delay.
    pub latency_max: Duration,
    /// Share of messages whose packet is lost. TCP hides it as a stall, or gives up with a reset.
    pub loss: f64,
    /// Share of frames that arrive twice at the link's edge.
    pub duplicate: f64,
    /// Bytes a second for each connection; `None` without limit.
    pub bandwidth: Option<u64>,
    /// Whether anything passes.
    pub flow: Flow,
}

/// What becomes of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// They arrive.
    Open,
    /// They vanish, and nobody is told. What a connection holds is sent again when the path is back.
    BlackHole,
    /// Connections are reset at once, new ones refused.
    Cut,
}

impl Path {
    /// A path with this one-way delay and nothing else.
    #[must_use]
    pub fn with_latency(latency: Duration) -> Self {
        Self {
            latency_min: latency,
            latency_max: latency,
            loss: 0.0,
            duplicate: 0.0,
            bandwidth: None,
            flow: Flow::Open,
        }
    }

    /// One draw of the one-way delay.
    pub fn latency(&self, chance: &mut Chance) -> Duration {
        chance.between(self.latency_min, self.latency_max)
    }

    /// How long the losses of one message stall its connection; `None`: it is reset.
    pub fn stall(&self, chance: &mut Chance) -> Option<Duration> {
        let mut stall = Duration::ZERO;
        let mut losses = 0;
        while chance.happens(self.loss) {
            stall += RETRANSMIT * 2_u32.pow(losses);
            losses += 1;
            if losses == LOSSES_MAX {
                return None;
            }
        }
        Some(stall)
    }
}

/// Every pair's paths.
#[derive(Debug)]
pub struct Network {
    default: Path,
    paths: BTreeMap<(Slot, Slot), Path>,
}

impl Network {
    /// A network in which everybody reaches everybody over a path like this.
    #[must_use]
    pub fn new(default: Path) -> Self {
        Self { default, paths: BTreeMap::new() }
    }

    /// The path from one gateway to another.
    #[must_use]
    pub fn path(&self, from: Slot, to: Slot) -> Path {
        self.paths.get(&(from, to)).copied().unwrap_or(self.default)
    }

    /// Changes the path from one gateway to another.
    pub fn edit(&mut self, from: Slot, to: Slot, edit: impl FnOnce(&mut Path)) {
        let default = self.default;
        edit(self.paths.entry((from, to)).or_insert(default));
    }

    /// Whether bytes pass both ways.
    #[must_use]
    pub fn passes(&self, a: Slot, b: Slot) -> bool {
        self.path(a, b).flow == Flow::Open && self.path(b, a).flow == Flow::Open
    }

    /// Whether a connection would be reset or refused.
    #[must_use]
    pub fn is_cut(&self, a: Slot, b: Slot) -> bool {
        self.path(a, b).flow == Flow::Cut || self.path(b, a).flow == Flow::Cut
    }

    /// The longest one-way delay of any path.
    #[must_use]
    pub fn longest_delay(&self) -> Duration {
        let all = self.paths.values().chain([&self.default]);
        all.map(|path| path.latency_max).max().unwrap_or_default()
    }
}
