//! What the core needs to know before it starts: names, limits and periods.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use antiphon_wire::{Collective, Identity};
use serde::{Deserialize, Serialize};

use crate::id::{Endpoint, GatewayId, Incarnation, RegionId};

/// [`Config::reply_template`] where none is configured.
pub const REPLY_TEMPLATE_DEFAULT: &str = "choria.federation.{region}.collective";

/// The core's configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// The fabric's name; one token.
    pub fabric: RegionId,
    /// Our region.
    pub region: RegionId,
    /// Our name.
    pub gateway: GatewayId,
    /// This life; must grow at every start.
    pub incarnation: Incarnation,
    /// Collectives that this region exports and accepts. Bounds every per-collective account.
    pub export: BTreeSet<Collective>,
    /// The subject on which our nodes answer: `{region}` and `{collective}` are replaced.
    pub reply_template: String,
    /// Further subjects on which replies may be published here, for `--reply-to`; NATS wildcards.
    pub reply_subjects: Vec<String>,
    /// Names of Choria Federation members that we serve, and the region that each stands for.
    pub federation: BTreeMap<String, RegionId>,
    /// Whether we carry traffic between other regions.
    pub transit: bool,
    /// Places to dial until somebody answers.
    pub seeds: Vec<Endpoint>,
    /// Regions whose gateways we dial besides the seeds; `None`: all. Our own is always among them.
    pub peers: Option<BTreeSet<RegionId>>,
    /// Cost of a link to a gateway of this region, where it is configured; else measured.
    pub costs: BTreeMap<RegionId, u32>,
    /// What is known of interest, and what is done with it.
    #[serde(default)]
    pub hints: HintsConfig,
    /// Bounds.
    pub limits: Limits,
    /// Periods.
    pub periods: Periods,
}

impl Config {
    /// Exports nothing, carries nothing for others and dials nobody; all else has its default.
    #[must_use]
    pub fn new(
        fabric: RegionId,
        region: RegionId,
        gateway: GatewayId,
        incarnation: Incarnation,
    ) -> Self {
        Self {
            fabric,
            region,
            gateway,
            incarnation,
            export: BTreeSet::new(),
            reply_template: REPLY_TEMPLATE_DEFAULT.to_owned(),
            reply_subjects: Vec::new(),
            federation: BTreeMap::new(),
            transit: false,
            seeds: Vec::new(),
            peers: None,
            costs: BTreeMap::new(),
            hints: HintsConfig::default(),
            limits: Limits::default(),
            periods: Periods::default(),
        }
    }
}

/// What is known of our region's interest, and what is done with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HintsConfig {
    /// Whether the driver can read the subscription lists of the region's brokers.
    pub monitors: bool,
    /// Between two readings. What is older than two of them is not complete.
    pub poll: Duration,
    /// Whether startup events of nodes are listened to.
    pub lifecycle: bool,
    /// Nodes of our region that are known without being seen.
    pub identities: BTreeSet<Identity>,
    /// What becomes of requests to service agents.
    pub services: ServicePolicy,
}

/// What becomes of requests to service agents, which must run on one node at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServicePolicy {
    /// They leave the region when its brokers say that no local service took them.
    #[default]
    Ask,
    /// They never leave their region.
    Never,
    /// They leave the region unasked: for one that has no services of its own and no monitors.
    Always,
}

/// Bounds on what is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Links a frame may cross.
    pub hops: u8,
    /// Largest payload that becomes a frame, in bytes.
    pub frame_bytes_max: u64,
    /// What waits for one destination region, in bytes of weight.
    pub queue_bytes_max: u64,
    /// What one session retains until it is acknowledged, in bytes of weight.
    pub retention_bytes_max: u64,
    /// What a peer may have sent us that we have not taken, in bytes of weight; never less than the
    /// largest frame.
    pub window_bytes: u64,
    /// What we have published and the broker has not confirmed, in bytes of weight.
    pub publish_bytes_max: u64,
    /// The same in messages.
    pub publish_messages_max: u64,
    /// Frames of ours under way that we keep account of.
    pub accounts_max: usize,
    /// Gateways that we keep adverts of, and penalties for flapping.
    pub gateways_max: usize,
    /// Filters of other regions' identities, in bytes. Default 64 MiB: some 40 million identities.
    pub hint_bytes_max: u64,
    /// Requests to service agents that wait until interest is known, in bytes.
    pub service_bytes_max: u64,
    /// The penalty from which a flapping adjacency is a last resort; each loss of the link adds
    /// 1000. Default 3500: the fourth loss within seconds, or one every 7 s for a while.
    pub flap_penalty_suppress: u32,
    /// The penalty at which it costs what it did. Default 1000: two half-lives after four losses.
    pub flap_penalty_reuse: u32,
}

/// How often and how long. What a record of an earlier version does not name is the default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Periods {
    /// Between pings on each connection of a link.
    pub ping: Duration,
    /// Between looks at what the links cost that are not configured. Default 10 s: the shortest of ten
    /// round trips is that of the path, not of a busy machine.
    pub cost_review: Duration,
    /// Silence after which a link is down.
    pub link_timeout: Duration,
    /// How long a session waits for its link to come back.
    pub resume: Duration,
    /// Longest wait before received frames are acknowledged.
    pub ack_delay: Duration,
    /// Between two refreshes of an unchanged advert.
    pub advert_refresh: Duration,
    /// After which an advert that was not refreshed is forgotten.
    pub advert_expiry: Duration,
    /// Between two beacons.
    pub beacon: Duration,
    /// After which a sibling or a natively joined region that fell silent is forgotten.
    pub beacon_expiry: Duration,
    /// How long a lone gateway waits for another before it joins the queue group.
    pub join_alone: Duration,
    /// In which the penalty of a flapping adjacency halves. Default 15 s: long against the time in
    /// which a link is found dead and dialled again, short against an operator's patience.
    pub flap_half_life: Duration,
    /// Longest time for which an adjacency stays suppressed after its last flap. Default 60 s. So
    /// short that no penalty can reach the suppress limit, it turns damping off.
    pub flap_suppress_max: Duration,
    /// How long a frame waits for a route to a region that has none.
    pub hold: Duration,
    /// Longest time that any frame may spend in the fabric.
    pub lifetime_max: Duration,
    /// How long a unit waits for its receipt before it counts as in doubt. It may still be under way
    /// then: a late receipt moves it.
    pub receipt_timeout: Duration,
    /// How long a unit in doubt can still be cleared by a late receipt; longer than any lifetime.
    pub doubt_memory: Duration,
    /// First pause after a failed dial; doubles.
    pub dial_backoff_min: Duration,
    /// Longest pause between dials.
    pub dial_backoff_max: Duration,
    /// How long the gateway with the higher id leaves dialling to the other.
    pub dial_courtesy: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: u64 = 1 << 20;
        Self {
            hops: 8,
            frame_bytes_max: 8 * MIB,
            queue_bytes_max: 64 * MIB,
            retention_bytes_max: 32 * MIB,
            window_bytes: 16 * MIB,
            publish_bytes_max: 16 * MIB,
            publish_messages_max: 8192,
            accounts_max: 1 << 18,
            gateways_max: 1024,
            hint_bytes_max: 64 * MIB,
            service_bytes_max: 8 * MIB,
            flap_penalty_suppress: 3500,
            flap_penalty_reuse: 1000,
        }
    }
}

impl Default for HintsConfig {
    fn default() -> Self {
        Self {
            monitors: false,
            poll: Duration::from_secs(120),
            lifecycle: true,
            identities: BTreeSet::new(),
            services: ServicePolicy::default(),
        }
    }
}

impl Default for Periods {
    fn default() -> Self {
        Self {
            ping: Duration::from_secs(1),
            cost_review: Duration::from_secs(10),
            link_timeout: Duration::from_secs(3),
            resume: Duration::from_secs(10),
            ack_delay: Duration::from_millis(5),
            advert_refresh: Duration::from_secs(30),
            advert_expiry: Duration::from_secs(100),
            beacon: Duration::from_secs(3),
            beacon_expiry: Duration::from_secs(10),
            join_alone: Duration::from_secs(10),
            flap_half_life: Duration::from_secs(15),
            flap_suppress_max: Duration::from_secs(60),
            hold: Duration::from_secs(5),
            lifetime_max: Duration::from_secs(60),
            receipt_timeout: Duration::from_secs(10),
            doubt_memory: Duration::from_secs(120),
            dial_backoff_min: Duration::from_millis(250),
            dial_backoff_max: Duration::from_secs(15),
            dial_courtesy: Duration::from_secs(2),
        }
    }
}
