//! What is counted, for metrics and tables.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use antiphon_core::{GatewayId, LinkId, RegionId};

use super::stream::Wire;

/// One link as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkStats {
    /// Its number.
    pub link: LinkId,
    /// The peer.
    pub gateway: GatewayId,
    /// The peer's region.
    pub region: RegionId,
    /// Its control connection.
    pub control: Traffic,
    /// Its data connection.
    pub data: Traffic,
    /// Frames written.
    pub frames_out: u64,
    /// Batches that they went in.
    pub batches_out: u64,
    /// Frames read.
    pub frames_in: u64,
}

/// What went over one connection, TLS included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes sent.
    pub bytes_out: u64,
    /// Messages that wait to be written.
    pub queued: usize,
}

/// What is counted over all links of this process, those that are gone included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkCounters {
    /// Queues that were full although the core sends within credit: defects of ours. Each ended its
    /// link.
    pub overflows: u64,
    /// Dials that could not be taken: defects of ours.
    pub dials_refused: u64,
    /// Gossip messages dropped: no link, or too many waiting.
    pub gossip_dropped: u64,
    /// Commands for links that had just gone.
    pub late_commands: u64,
}

/// Counts of one link.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    pub(crate) control: Arc<Wire>,
    pub(crate) data: Arc<Wire>,
    frames_out: AtomicU64,
    batches_out: AtomicU64,
    frames_in: AtomicU64,
}

impl Meter {
    pub(crate) fn new(control: Arc<Wire>, data: Arc<Wire>) -> Self {
        Self { control, data, ..Self::default() }
    }

    /// One batch was handed to the connection.
    pub(crate) fn sent(&self, frames: u64) {
        if frames > 0 {
            self.frames_out.fetch_add(frames, Ordering::Relaxed);
            self.batches_out.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// One frame was read.
    pub(crate) fn received(&self) {
        self.frames_in.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn frames_in(&self) -> u64 {
        self.frames_in.load(Ordering::Relaxed)
    }

    pub(crate) fn frames_out(&self) -> u64 {
        self.frames_out.load(Ordering::Relaxed)
    }

    pub(crate) fn batches_out(&self) -> u64 {
        self.batches_out.load(Ordering::Relaxed)
    }
}
