//! The virtual network between gateways: paths and what they do to bytes.

use std::time::Duration;

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
    /// By the place where bytes leave and the one where they arrive.
    paths: Vec<Vec<Option<Path>>>,
}

impl Network {
    /// A network in which everybody reaches everybody over a path like this.
    #[must_use]
    pub fn new(default: Path) -> Self {
        Self { default, paths: Vec::new() }
    }

    /// The path from one gateway to another.
    #[must_use]
    pub fn path(&self, from: Slot, to: Slot) -> Path {
        let path = self.paths.get(from.0).and_then(|paths| paths.get(to.0));
        path.copied().flatten().unwrap_or(self.default)
    }

    /// Changes the path from one gateway to another.
    pub fn edit(&mut self, from: Slot, to: Slot, edit: impl FnOnce(&mut Path)) {
        let default = self.default;
        let paths = at(&mut self.paths, from.0);
        edit(at(paths, to.0).get_or_insert(default));
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
        let all = self.paths.iter().flatten().flatten().chain([&self.default]);
        all.map(|path| path.latency_max).max().unwrap_or_default()
    }
}

/// The element at an index; those before it are filled in.
fn at<T: Default>(all: &mut Vec<T>, index: usize) -> &mut T {
    if all.len() <= index {
        all.resize_with(index + 1, T::default);
    }
    all.get_mut(index).expect("it has just been made long enough")
}
