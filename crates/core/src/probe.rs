//! Probes: what a message would meet on its way to a region and back, written down hop by hop.
//!
//! A probe travels on the control connections, but where it goes is decided as for a frame: every
//! gateway asks [`next_step`](crate::routes). Several are sent at once, each to turn around after one
//! gateway more: where one is swallowed, the shorter ones still say how far the way is good.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{DropReason, GatewayId, Incarnation, RegionId};

/// Most hops that a probe may carry; one with more is not passed on.
pub const PROBE_HOPS_MAX: usize = 64;

/// One probe on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// Who wants to know.
    pub creator: GatewayId,
    /// In which of its lives.
    pub incarnation: Incarnation,
    /// The creator's region: where the probe comes back to.
    pub origin: RegionId,
    /// The creator's number for it.
    pub id: u64,
    /// The region whose broker it is to reach.
    pub to: RegionId,
    /// Chooses among equal next hops, as a frame's flow does.
    pub flow: u64,
    /// Gateways, the creator not counted, after which it turns around.
    pub turn: u8,
    /// How it ended on its way out; `None`: it is on its way out.
    pub ended: Option<ProbeEnd>,
    /// What each gateway wrote down, the creator first. At most [`PROBE_HOPS_MAX`].
    pub hops: Vec<ProbeHop>,
}

/// What one gateway wrote down as a probe passed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeHop {
    /// Which.
    pub gateway: GatewayId,
    /// Its region.
    pub region: RegionId,
    /// Its release.
    pub version: String,
    /// Whether the probe was on its way back.
    pub back: bool,
    /// When it came, by this gateway's clock, since 1970-01-01 UTC.
    pub at: Duration,
    /// How long it stayed.
    pub stayed: Duration,
    /// To whom it went on; `None` where it turned around or ended.
    pub next: Option<GatewayId>,
    /// The round trip that the gateway measures on the link to it.
    pub rtt: Option<Duration>,
    /// How long the frame at the head of the queue for that link had waited.
    pub waited: Duration,
    /// What waited for that link, in bytes.
    pub queued: u64,
    /// The round trip to the broker, where it turned around there.
    pub broker: Option<Duration>,
}

/// Why a probe turned around.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProbeEnd {
    /// It reached the broker of its region.
    Arrived,
    /// It had gone as far as it was to go.
    Turned,
    /// There was no way on at that moment.
    NoWay,
    /// A frame would have been dropped.
    Dropped(DropReason),
}

/// What came of tracing a way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// The region that was traced.
    pub to: RegionId,
    /// How the probe that came back from farthest had ended; `None` if none came back.
    pub ended: Option<ProbeEnd>,
    /// From sending to the return of that probe.
    pub took: Option<Duration>,
    /// The hops out and back of that probe; ours alone if none came back.
    pub hops: Vec<ProbeHop>,
    /// Who should have answered next and did not in time.
    pub silent: Option<GatewayId>,
    /// How far each gateway's clock is ahead of ours in microseconds, as the halves of its round trip
    /// suggest: none where the ways out and back differ.
    pub skews: Vec<(GatewayId, i64)>,
    /// How long was waited at most.
    pub timeout: Duration,
}

impl Trace {
    /// Whether a message gets through to the region's broker and its answers come back.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.ended == Some(ProbeEnd::Arrived)
    }
}
