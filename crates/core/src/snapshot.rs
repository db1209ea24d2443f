//! What the machine shows of itself: plain values, for operators and metrics.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    Alarm, DropReason, Dropped, GatewayId, GatewayState, Incarnation, OrderView, RegionId, Route,
    Stamp, Tally, TallyKey,
    policy::{Change, Direction, Policy},
};

/// The state of one gateway at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Our fabric.
    pub fabric: RegionId,
    /// Our region.
    pub region: RegionId,
    /// Our name.
    pub gateway: GatewayId,
    /// This life.
    pub incarnation: Incarnation,
    /// Where we are in it.
    pub state: GatewayState,
    /// Whether we are in the queue groups: ready.
    pub joined: bool,
    /// Our broker.
    pub broker: BrokerView,
    /// Peers that we have, or lately had, a link with.
    pub links: Vec<LinkView>,
    /// Every gateway that we know of, ourselves included.
    pub gateways: Vec<MemberView>,
    /// Every region that we know of, our own included.
    pub regions: Vec<RegionView>,
    /// What waits, by destination region.
    pub queues: Vec<QueueView>,
    /// What is known of interest, by region and collective.
    #[serde(default)]
    pub hints: Vec<HintView>,
    /// How our own region's interest is learned.
    #[serde(default)]
    pub interest: InterestView,
    /// The accounts of the units that we created.
    pub tallies: Vec<TallyView>,
    /// What was dropped here, by reason and destination.
    pub drops: Vec<DropView>,
    /// The latest drops, newest last.
    pub examples: Vec<DropExample>,
    /// Messages heard again that came out of the fabric; nothing is lost by ignoring them.
    pub marked: u64,
    /// Messages on our reply subjects that belong to Choria's own broker.
    pub foreign: u64,
    /// Gateways of our region whose beacon is heard on our broker.
    #[serde(default)]
    pub siblings: Vec<GatewayId>,
    /// What an operator should know.
    pub alarms: Vec<AlarmView>,
    /// Counts up with each change of the routing table.
    pub table_version: u64,
    /// The policy in force.
    #[serde(default)]
    pub policy: PolicyView,
    /// What operators of all regions have ordered, and what of it holds here.
    #[serde(default)]
    pub orders: Vec<OrderView>,
}

/// The policy in force, and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PolicyView {
    /// The policy.
    pub policy: Policy,
    /// Since when, since 1970-01-01 UTC; `None`: the default, since the start.
    pub since: Option<Duration>,
    /// How many messages each rule decided about; those that decided about none are left out. A rule
    /// that keeps its name keeps its count.
    pub hits: Vec<HitView>,
    /// Messages of the last ten minutes or so on which a new policy can be tried.
    pub recent: u64,
}

/// How often one rule decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HitView {
    /// The list that the rule is in.
    pub direction: Direction,
    /// The rule; `None`: no rule matched.
    pub rule: Option<String>,
    /// How many messages, each counted for each region that it might go to.
    pub count: u64,
}

/// What another policy would decide about the requests of the last minutes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyTrial {
    /// Messages of the last ten minutes or so.
    pub requests: u64,
    /// Those of them that are not told apart, and so not tried.
    pub others: u64,
    /// What it would decide in another way, the most frequent first.
    pub changes: Vec<Change>,
}

/// The broker connection.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BrokerView {
    /// Whether it stands.
    pub up: bool,
    /// For how long, or how long it has been gone.
    pub since: Duration,
    /// Its URL.
    pub url: String,
    /// Its name.
    pub name: String,
    /// Its release.
    pub version: String,
    /// Largest payload in bytes.
    pub max_payload: u64,
    /// Messages that it has not confirmed.
    pub unconfirmed: u64,
}

/// One peer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinkView {
    /// Its name.
    pub gateway: GatewayId,
    /// Its region.
    pub region: RegionId,
    /// Its release.
    pub version: String,
    /// Where it can be dialled.
    pub endpoint: String,
    /// `up`, `opening` or `down`.
    pub state: String,
    /// For how long.
    pub since: Duration,
    /// Who dialled: `us` or `them`; empty without a link.
    pub dialed: String,
    /// Smoothed round trip.
    pub rtt: Option<Duration>,
    /// Its cost in our adverts.
    pub cost: u32,
    /// Bytes that may be sent before it grants more.
    pub credit: u64,
    /// Bytes that wait for it.
    pub queued: u64,
    /// Bytes sent that it has not acknowledged.
    pub unacknowledged: u64,
    /// Frames sent again after the connection came back.
    pub retransmissions: u64,
    /// Frames received.
    pub frames_in: u64,
    /// Frames sent.
    pub frames_out: u64,
    /// Why it is down.
    pub reason: String,
    /// Whether it asked us to send nothing more.
    pub draining: bool,
    /// What it has lost of our trust by flapping: 1000 for each loss of the link, halved again and
    /// again.
    #[serde(default)]
    pub penalty: u32,
    /// Whether it flaps so much that we advertise the link as a last resort.
    #[serde(default)]
    pub suppressed: bool,
    /// Whether an operator, of our region or of the peer's, has ordered that it is not to be used.
    #[serde(default)]
    pub held_down: bool,
}

/// One gateway.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemberView {
    /// Its name.
    pub gateway: GatewayId,
    /// Its region.
    pub region: RegionId,
    /// Where it is in its life, as its advert says; `None` while only gossip knows it.
    pub state: Option<GatewayState>,
    /// Whether its broker connection stands.
    pub broker: Option<bool>,
    /// Its advert.
    pub advert: Option<Stamp>,
    /// Its links and their cost, as it says.
    pub adjacencies: BTreeMap<GatewayId, u32>,
    /// Its release, as gossip says.
    pub version: String,
    /// Where it can be dialled, as gossip says.
    pub endpoint: String,
    /// How long ago it was heard last: on its link with us, else by its newest advert.
    #[serde(default)]
    pub heard: Option<Duration>,
    /// Whether gossip knows it.
    pub gossip: bool,
    /// How to reach it; `None` for ourselves and for who is out of reach.
    pub route: Option<Route>,
}

/// One region.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RegionView {
    /// Its name.
    pub region: RegionId,
    /// Whether it is our own.
    pub ours: bool,
    /// Gateways known, and those that take frames with a broker.
    pub gateways: u64,
    /// Those of them that can publish.
    pub usable: u64,
    /// The collectives that it exports.
    pub collectives: Vec<String>,
    /// How to reach it; `None` if there is no way. For our own: by way of a sibling.
    pub route: Option<Route>,
    /// Whether its broker is joined with ours natively.
    pub native: bool,
    /// Whether it carries traffic of others.
    pub transit: bool,
}

/// What is known of one collective of one region.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HintView {
    /// The region.
    pub region: RegionId,
    /// The collective.
    pub collective: String,
    /// Whether what is not known is not there: only then directed requests leave the region out.
    pub complete: bool,
    /// How many identities are known.
    pub identities: u64,
    /// Agents that are listened for.
    pub agents: Vec<String>,
    /// Service agents that are listened for.
    pub services: Vec<String>,
    /// When the region's brokers were last read, since 1970-01-01 UTC; `None`: never, and what is
    /// known was seen in passing or configured.
    pub read: Option<Duration>,
    /// The gateways of the region that say so.
    pub gateways: Vec<GatewayId>,
}

/// How our own region's interest is learned.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct InterestView {
    /// Whether monitors are configured.
    pub monitors: bool,
    /// Whether reading them is up to this gateway: one of a region reads for all.
    pub reads: bool,
    /// Servers that the last reading reached.
    pub servers: u64,
    /// Whether the last reading was complete, and is not too old.
    pub complete: bool,
    /// When it began, since 1970-01-01 UTC; `None`: there was none.
    pub read: Option<Duration>,
    /// Why it was not complete; else empty.
    pub problem: String,
    /// Requests to service agents that wait until interest is known.
    pub waiting: u64,
}

/// What waits for one region.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QueueView {
    /// The destination.
    pub region: RegionId,
    /// Bytes.
    pub bytes: u64,
}

/// One account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TallyView {
    /// What it is about.
    #[serde(flatten)]
    pub key: TallyKey,
    /// How units ended.
    #[serde(flatten)]
    pub tally: Tally,
    /// Those whose end is not known yet.
    pub pending: u64,
}

/// One count of drops.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DropView {
    /// Why.
    pub reason: DropReason,
    /// The destination; `None` where it was refused before routing.
    pub to: Option<RegionId>,
    /// How many.
    pub count: u64,
    /// How many of them in the last minute.
    #[serde(default)]
    pub recent: u64,
}

/// One dropped message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DropExample {
    /// When, since 1970-01-01 UTC.
    pub at: Duration,
    /// What.
    #[serde(flatten)]
    pub dropped: Dropped,
}

/// Something that an operator should know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlarmView {
    /// What.
    #[serde(flatten)]
    pub alarm: Alarm,
}
