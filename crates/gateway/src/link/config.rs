//! Bounds and periods of links.

use std::{collections::BTreeMap, time::Duration};

use antiphon_core::{Endpoint, GatewayId, Limits, Periods};

/// Bounds and periods of links. [`LinkConfig::new`] fits them to those of the core.
#[derive(Clone, Debug)]
pub struct LinkConfig {
    /// Where to dial these gateways, whatever they advertise (NAT, relays).
    pub dial: BTreeMap<GatewayId, Endpoint>,
    /// At most one `Heard` a connection in this time.
    pub heard_period: Duration,
    /// From the first packet until the link is up.
    pub setup_timeout: Duration,
    /// How long one address of an endpoint may take to answer.
    pub connect_timeout: Duration,
    /// How long a closing link waits for its control messages to be written and for the peer to
    /// close too.
    pub close_grace: Duration,
    /// Connections of others that have not said an acceptable hello; more wait in the kernel.
    pub setups_max: usize,
    /// Control connections of others that wait for their data connection; more are refused.
    pub pending_max: usize,
    /// Frames in one batch.
    pub batch_frames_max: usize,
    /// Bytes in one batch; a single larger frame goes alone.
    pub batch_bytes_max: usize,
    /// Bytes in one message; what is larger ends the link.
    pub message_bytes_max: usize,
    /// Frames and pings that wait for one link's data connection.
    pub data_queue_max: usize,
    /// Messages that wait for one link's control connection.
    pub control_queue_max: usize,
    /// Messages that may wait for a control connection when gossip is added; more, and it is
    /// dropped.
    pub gossip_queue_max: usize,
    /// Frames of all links that wait for the shell.
    pub data_events_max: usize,
    /// Their content in bytes; a single larger frame waits alone. Credit keeps honest peers far
    /// below.
    pub data_events_bytes_max: usize,
    /// Other events of all links that wait for the shell.
    pub control_events_max: usize,
}

impl LinkConfig {
    /// The defaults, with queues that hold whatever the core may have handed out.
    #[must_use]
    pub fn new(limits: &Limits, periods: &Periods) -> Self {
        /// The least that a frame counts for; see `Frame::weight`.
        const FRAME_WEIGHT_MIN: u64 = 256;
        /// Identities, subjects and headers beside the payload: 4096 names of 255 bytes, and room.
        const OVERHEAD: u64 = 4 << 20;
        /// The largest control message: 64 adverts, each of 4096 collectives of 64 bytes.
        const CONTROL_BYTES_MAX: u64 = 24 << 20;
        /// Pings, pongs and what a peer's clock may add to them.
        const PINGS: u64 = 1024;
        let outstanding = limits.retention_bytes_max.max(limits.window_bytes);
        Self {
            dial: BTreeMap::new(),
            heard_period: periods.ping,
            setup_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(3),
            close_grace: Duration::from_secs(2),
            setups_max: 256,
            pending_max: 1024,
            batch_frames_max: 256,
            batch_bytes_max: 1 << 20,
            message_bytes_max: to_usize(
                limits.frame_bytes_max.saturating_add(OVERHEAD).max(CONTROL_BYTES_MAX),
            ),
            data_queue_max: to_usize(outstanding / FRAME_WEIGHT_MIN + PINGS),
            control_queue_max: 8192,
            gossip_queue_max: 128,
            data_events_max: 1024,
            data_events_bytes_max: 64 << 20,
            control_events_max: 4096,
        }
    }
}

/// A bound that the machine's address space may make smaller.
fn to_usize(bound: u64) -> usize {
    usize::try_from(bound).unwrap_or(usize::MAX >> 3)
}
