//! The watch: sees everything, and says at once what must never happen.

mod asked;
mod frames;
mod placed;
mod policies;
mod settled;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use antiphon_core::{
    Alarm, Creator, DropReason, Dropped, Epoch, GatewayId, RegionId, Snapshot, UnitId, UnitKind,
};
use antiphon_wire::Identity;

pub use self::{
    asked::{Asked, Question, Whom},
    settled::Settled,
};
use self::{placed::Placed, policies::Policies};
use crate::world::Slot;

/// Most violations that are told one by one.
const TOLD_MAX: usize = 100;

/// What must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// No gateway sees the same frame twice; hops stay within the limit.
    NoLoop,
    /// A request is published at most once per region and subject, a reply delivered at most once.
    AtMostOnce,
    /// What is called delivered was published, and what was published is not called dropped.
    Truthful,
    /// Created = delivered + dropped by reason + in doubt + pending, and in the end nothing is
    /// pending.
    Conservation,
    /// Routes point only to living gateways, over links that stand.
    LiveRoutes,
    /// All tables agree within the stated time.
    Agreement,
    /// Nothing leaves its policy: exports, transit, and subjects on which replies may go out.
    Policy,
    /// A drain loses nothing.
    Drain,
    /// What is kept stays within its bounds.
    Bounds,
    /// After the last fault every allowed pair of regions communicates again.
    Liveness,
    /// A machine comes to rest.
    Progress,
    /// No gateway breaks the protocol of the link, or says so of one that does not.
    Behaviour,
    /// Nothing is published that ends a node or a client.
    Poison,
    /// What a scenario itself expects.
    Expected,
}

impl Invariant {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::NoLoop,
        Self::AtMostOnce,
        Self::Truthful,
        Self::Conservation,
        Self::LiveRoutes,
        Self::Agreement,
        Self::Policy,
        Self::Drain,
        Self::Bounds,
        Self::Liveness,
        Self::Progress,
        Self::Behaviour,
        Self::Poison,
        Self::Expected,
    ];

    /// The word in scenarios and reports.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::NoLoop => "no-loop",
            Self::AtMostOnce => "at-most-once",
            Self::Truthful => "truthful",
            Self::Conservation => "conservation",
            Self::LiveRoutes => "live-routes",
            Self::Agreement => "agreement",
            Self::Policy => "policy",
            Self::Drain => "drain",
            Self::Bounds => "bounds",
            Self::Liveness => "liveness",
            Self::Progress => "progress",
            Self::Behaviour => "behaviour",
            Self::Poison => "poison",
            Self::Expected => "expected",
        }
    }
}

impl std::fmt::Display for Invariant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.label())
    }
}

/// Something that must never happen, and did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// When, since the world began.
    pub at: Duration,
    /// What it breaks.
    pub invariant: Invariant,
    /// What happened, naming who and what.
    pub what: String,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "at {:.3} s: {}: {}", self.at.as_secs_f64(), self.invariant, self.what)
    }
}

/// Everything that was observed.
#[derive(Debug, Default)]
pub struct Watch {
    violations: Vec<Violation>,
    regions: Vec<RegionId>,
    nodes: BTreeMap<Identity, (usize, u32)>,
    asked: Vec<Asked>,
    placed: Placed,
    policies: Policies,
    /// Copies of directed requests that were published where the node is not, by when they were asked.
    strays: BTreeMap<Duration, u64>,
    /// Since when regions are joined natively, and were last.
    native: BTreeMap<(RegionId, RegionId), Duration>,
    /// Which session a gateway got each frame in.
    frames: BTreeMap<(GatewayId, Creator, UnitId), (Slot, Epoch, u64)>,
    /// Publications of each request by gateways, by region, request and subject.
    requests: BTreeMap<(RegionId, u64, String), u32>,
    /// Publications by gateways, by region.
    published: BTreeMap<(RegionId, UnitKind), u64>,
    /// The last words of gateways that ended.
    retired: Vec<(Slot, Snapshot)>,
    drops: BTreeMap<DropReason, u64>,
    drops_per_second: BTreeMap<(u64, DropReason), u64>,
    delivered_per_second: BTreeMap<u64, u64>,
    alarms: Vec<(Duration, Slot, Alarm)>,
    /// Alarms that the scenario brings about.
    may_alarm: BTreeSet<&'static str>,
}

impl Watch {
    /// What must never have happened, at most 100.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// The regions, in the order in which they were added.
    #[must_use]
    pub fn regions(&self) -> &[RegionId] {
        &self.regions
    }

    /// How many messages were dropped, by reason.
    #[must_use]
    pub fn drops(&self) -> &BTreeMap<DropReason, u64> {
        &self.drops
    }

    /// The same for each second.
    #[must_use]
    pub fn drops_per_second(&self) -> &BTreeMap<(u64, DropReason), u64> {
        &self.drops_per_second
    }

    /// Answers that reached clients, for each second in which there were any.
    #[must_use]
    pub fn delivered_per_second(&self) -> &BTreeMap<u64, u64> {
        &self.delivered_per_second
    }

    /// Alarms that were raised, in order.
    #[must_use]
    pub fn alarms(&self) -> &[(Duration, Slot, Alarm)] {
        &self.alarms
    }

    /// Notes a violation.
    pub fn violated(&mut self, at: Duration, invariant: Invariant, what: String) {
        if self.violations.len() < TOLD_MAX {
            self.violations.push(Violation { at, invariant, what });
        }
    }

    /// An alarm of this kind will be raised for a reason.
    pub fn may_alarm(&mut self, kind: &'static str) {
        self.may_alarm.insert(kind);
    }

    pub(crate) fn add_region(&mut self, region: &RegionId, nodes: &[Identity]) {
        let at = self.regions.len();
        for node in nodes {
            let number = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
            self.nodes.insert(node.clone(), (at, number));
        }
        self.regions.push(region.clone());
    }

    pub(crate) fn alarm(&mut self, at: Duration, slot: Slot, alarm: Alarm, raised: bool) {
        if !raised {
            return;
        }
        let kind = alarm.kind();
        if !self.may_alarm.contains(kind) {
            let what = format!("gateway {} raises {alarm:?} without a cause", slot.0);
            self.violated(at, Invariant::Behaviour, what);
        }
        self.alarms.push((at, slot, alarm));
    }

    pub(crate) fn dropped(&mut self, at: Duration, dropped: &Dropped) {
        *self.drops.entry(dropped.reason).or_default() += dropped.count;
        let second = (at.as_secs(), dropped.reason);
        *self.drops_per_second.entry(second).or_default() += dropped.count;
        if dropped.reason == DropReason::AlreadyFederated {
            // Nobody in here sends such requests but gateways, and theirs carry the mark.
            let what = format!("what came out of the fabric is taken for a client's: {dropped:?}");
            self.violated(at, Invariant::NoLoop, what);
        }
        if dropped.reason == DropReason::Internal {
            let what = format!("a drop for an internal defect: {dropped:?}");
            self.violated(at, Invariant::Progress, what);
        }
    }

    pub(crate) fn retired(&mut self, slot: Slot, last: Snapshot) {
        self.retired.push((slot, last));
    }

    pub(crate) fn joined(&mut self, at: Duration, a: &RegionId, b: &RegionId, _joined: bool) {
        for pair in [(a.clone(), b.clone()), (b.clone(), a.clone())] {
            self.native.insert(pair, at);
        }
        self.may_alarm("natively-joined");
    }
}
