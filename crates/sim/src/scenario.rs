//! Scenarios: a world, what befalls it, and what is expected, as TOML.

mod error;
mod orders;
mod plan;
mod policy;
mod steps;
mod time;
mod topology;
mod what_if;

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use toml::Spanned;

pub(crate) use self::plan::{Complete, Expectation, Traffic};
pub use self::{
    error::ScenarioError,
    orders::OrderSpec,
    plan::{Pings, Plan},
    policy::{DefaultSpec, LimitsSpec, PolicySpec, RuleSpec},
    steps::Act,
    time::{Between, Offset, Span},
    what_if::WhatIfError,
};

/// A scenario as its file says it; [`Scenario::plan`] checks it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// One sentence: what is shown.
    pub about: String,
    /// Each is a run.
    pub seeds: Vec<u64>,
    /// How long clients and faults go on; the world then has a while to come to rest.
    pub run_for: Span,
    /// How long it has to come to rest; default 75 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settle: Option<Span>,
    /// The regions, by name.
    pub regions: BTreeMap<String, Spanned<RegionSpec>>,
    /// Further places for gateways, by host name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub places: BTreeMap<String, Spanned<PlaceSpec>>,
    /// Paths between regions or gateways; 20 ms one way where nothing is said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Spanned<LinkSpec>>,
    /// Bounds and periods of the gateways that differ from the defaults.
    #[serde(default, skip_serializing_if = "is_default")]
    pub gateway: GatewaySpec,
    /// What clients ask; default: every region everybody, every two seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic: Option<Vec<Spanned<TrafficSpec>>>,
    /// What befalls the world.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub step: Vec<Spanned<StepSpec>>,
    /// What must be seen besides the invariants, which always hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expect: Vec<Spanned<ExpectSpec>>,
}

/// One region.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RegionSpec {
    /// Nodes on its broker; default 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodes: Option<usize>,
    /// Gateways, named `<region>-1`...; default 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateways: Option<usize>,
    /// Whether it carries traffic of others; default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transit: Option<bool>,
    /// Regions that its gateways dial; default all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peers: Option<Vec<String>>,
    /// How long its nodes take to answer; default `1ms..5ms`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<Between>,
    /// Bytes of each answer; default 4.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_bytes: Option<usize>,
    /// Whether its gateways can read who listens on its brokers, where `gateway.poll` says how often;
    /// default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monitored: Option<bool>,
    /// One way between its gateways and its broker, in order; default `200us`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broker: Option<Between>,
    /// Service agents that all of its nodes run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<String>,
}

/// A place for a gateway that is not `<region>-<number>`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaceSpec {
    /// Its region.
    pub region: String,
    /// The gateway's name; default the place's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
    /// Host names that its gateway dials first, as `host:port`; default as all others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seeds: Vec<String>,
    /// Whether it runs from the beginning; default true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running: Option<bool>,
}

/// Paths in both directions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkSpec {
    /// Two regions or gateways.
    pub between: Vec<String>,
    /// One-way delay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<Between>,
    /// Share of packets lost, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<f64>,
    /// Share of frames that arrive twice at the link's edge, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplicate: Option<f64>,
    /// Bytes a second for each connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bandwidth: Option<u64>,
}

/// Bounds and periods of all gateways, where they differ from the defaults.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GatewaySpec {
    /// How often gateways read their brokers' subscription lists; default: they cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub poll: Option<Span>,
    /// What waits for one destination region, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_bytes: Option<u64>,
    /// Credit of one session, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_bytes: Option<u64>,
    /// What may be published and not yet confirmed by the broker, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publish_bytes: Option<u64>,
    /// Largest payload that becomes a frame, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame_bytes: Option<u64>,
    /// Longest time that a frame may spend in the fabric.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifetime: Option<Span>,
    /// How long a session waits for its link to come back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resume: Option<Span>,
    /// After which an advert that was not refreshed is forgotten.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advert_expiry: Option<Span>,
}

/// What clients of one region ask.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrafficSpec {
    /// Their region.
    pub from: String,
    /// Whom: a region's nodes one by one, in turn. Without it: everybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Whether they ask `to` as clients of Choria Federation do.
    #[serde(default, skip_serializing_if = "is_default")]
    pub federated: bool,
    /// Whether each request is for all nodes of `to`, as that of a client with a list of them is:
    /// the same bytes for each.
    #[serde(default, skip_serializing_if = "is_default")]
    pub list: bool,
    /// A service agent: each request is for any one node that runs it, wherever. Without `to`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// How often.
    pub every: Span,
    /// How many at once; default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// From when; default 15 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<Span>,
    /// Until when; default the end of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Span>,
    /// Bytes of each request; default 4.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<usize>,
    /// Time to live; default 60 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Span>,
}

/// One thing that befalls the world; exactly one verb.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StepSpec {
    /// When; before the end of the run.
    pub at: Span,
    /// For how long, for what lasts; what begins without it stays.
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub lasts: Option<Span>,
    /// How often, for what repeats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<Span>,
    /// Resets connections between two and refuses new ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<Vec<String>>,
    /// Cuts these off from everybody else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub isolate: Option<Vec<String>>,
    /// Bytes between two vanish.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub black_hole: Option<Vec<String>>,
    /// Bytes from the first to the second vanish.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub one_way: Option<Vec<String>>,
    /// Partition and heal, `every` so often.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flap: Option<Vec<String>>,
    /// Resets connections between two once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reset: Option<Vec<String>>,
    /// Everything passes between two again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heal: Option<Vec<String>>,
    /// Changes paths.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shape: Option<LinkSpec>,
    /// Ends processes; with `for` they are started again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kill: Option<Vec<String>>,
    /// Ends machines: nobody is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power_off: Option<Vec<String>>,
    /// Starts what does not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<Vec<String>>,
    /// Kills and starts, `every` so often.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crash_loop: Option<Vec<String>>,
    /// Drains one after the other and starts it again: `every` so often, half that time later; without
    /// `every` at once, and the next one as soon as it is ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rolling_restart: Option<Vec<String>>,
    /// Stops processes by a signal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pause: Option<Vec<String>>,
    /// Processes get their processor by fits and starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub busy: Option<BusySpec>,
    /// Drains gateways.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drain: Option<Vec<String>>,
    /// Processes accept connections and say nothing on them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub half_open: Option<Vec<String>>,
    /// Stops the brokers of regions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broker_down: Option<Vec<String>>,
    /// Brokers throw gateways out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slow_consumer: Option<Vec<String>>,
    /// Gateways of a region may not publish on a pattern.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deny: Option<DenySpec>,
    /// Joins the brokers of two regions natively.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub join: Option<Vec<String>>,
    /// Sets the wall clocks of gateways off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skew: Option<SkewSpec>,
    /// Nodes leave their regions and start in another one.
    #[serde(rename = "move", skip_serializing_if = "Option::is_none")]
    pub moves: Option<MoveSpec>,
    /// Nodes run in another region too, under the same name; with `for` until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub twin: Option<MoveSpec>,
    /// Clients of regions do not read what their brokers have for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slow_client: Option<Vec<String>>,
    /// Gossip tells of a member that there is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forge: Option<ForgeSpec>,
    /// Splits the cluster of a region's broker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<SplitSpec>,
    /// The monitoring ports of regions' brokers do not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monitor_down: Option<Vec<String>>,
    /// Gateways get another policy; with `for` then the default one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicySpec>,
    /// A host name leads to other places.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolve: Option<ResolveSpec>,
    /// Gateways are found under other host names from here on; their connections are reset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readdress: Option<Vec<String>>,
    /// Certificates of gateways have ended: links end with them, and nobody accepts new ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expire: Option<Vec<String>>,
    /// Processes have no file descriptor left: what is open goes on, nothing new can be opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exhaust: Option<Vec<String>>,
    /// Publishes what is no Choria message, on every subject that gateways listen to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub garbage: Option<Vec<String>>,
    /// An operator halts a collective, a caller or a pair of regions; with `for` until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub halt: Option<OrderSpec>,
    /// An operator lets go on what was halted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resume: Option<OrderSpec>,
    /// An operator has the links with a region not used; with `for` until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link_down: Option<OrderSpec>,
    /// An operator has them used again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link_up: Option<OrderSpec>,
}

/// Processes whose machines have too much to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BusySpec {
    /// Regions or gateways.
    pub of: Vec<String>,
    /// The longest time for which one waits for a processor, again and again; in between it runs for
    /// up to as long.
    pub up_to: Span,
}

/// A permission that is missing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DenySpec {
    /// Where.
    pub region: String,
    /// A NATS subject, wildcards allowed.
    pub subject: String,
}

/// Nodes that start in another region.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoveSpec {
    /// Their names: `n1.eu.example.net` is the first that began in `eu`.
    pub nodes: Vec<String>,
    /// The region that they start in.
    pub to: String,
    /// Whether nobody hears that they start; default false.
    #[serde(default, skip_serializing_if = "is_default")]
    pub silent: bool,
}

/// A member that only gossip knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForgeSpec {
    /// Regions or gateways that are told.
    pub of: Vec<String>,
    /// The gateway's name.
    pub gateway: String,
    /// Its region.
    pub region: String,
    /// Where it is said to be, as `host:port`.
    pub endpoint: String,
}

/// A host name that leads elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResolveSpec {
    /// The name: that of a place.
    pub name: String,
    /// Places that it leads to instead, one of them by chance at each dial.
    pub to: Vec<String>,
}

/// A cluster that is split: what is apart reaches neither the rest nor any client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitSpec {
    /// Where.
    pub region: String,
    /// Gateways of the region that are apart.
    pub gateways: Vec<String>,
    /// How many of its nodes are; default none.
    #[serde(default, skip_serializing_if = "is_default")]
    pub nodes: usize,
}

/// Clocks that are wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SkewSpec {
    /// Regions or gateways.
    pub of: Vec<String>,
    /// By how much: `+30s` or `-30s`.
    pub by: Offset,
}

/// One thing that must be seen; exactly one verb.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExpectSpec {
    /// When, for what is looked at once: before the end of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<Span>,
    /// An invariant, for the reader: all are always checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub always: Option<String>,
    /// A request from each of these regions is answered by every node of all of them, as far as
    /// policies let it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reachable: Option<Vec<String>>,
    /// Whether each asks every node by its name too, and for the services that there are.
    #[serde(default, skip_serializing_if = "is_default")]
    pub by_name: bool,
    /// A request from each of these regions is answered by no node of the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreachable: Option<Vec<String>>,
    /// Every request made between these times is answered by everybody asked; there is at least one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub complete: Option<[Span; 2]>,
    /// Narrows `complete` to clients of this region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Narrows `complete` to answers of these regions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<Vec<String>>,
    /// The last answer comes within this time, for `complete`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within: Option<Span>,
    /// An alarm of this kind is raised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alarm: Option<String>,
    /// Copies of requests for one node, made between these times, that are published where it is not;
    /// `at_most` says how many may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strays: Option<[Span; 2]>,
    /// Gateways in the queue groups at that time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<Vec<String>>,
    /// Gateways not in the queue groups at that time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unready: Option<Vec<String>>,
    /// Messages dropped for this reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drops: Option<String>,
    /// Least number, for `drops`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least: Option<u64>,
    /// Greatest number, for `drops`, `strays` and `in_doubt`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_most: Option<u64>,
    /// How many units are in doubt in the end; `at_most` says how many may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_doubt: Option<bool>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Scenario {
    /// Reads a scenario; `file` is its name, for errors.
    ///
    /// # Errors
    /// Not TOML, an unknown key, or a value of the wrong kind: names file, line and key.
    pub fn parse(file: &str, text: &str) -> Result<Self, ScenarioError> {
        toml::from_str(text).map_err(|error| ScenarioError::syntax(file, text, &error))
    }

    /// Checks a scenario and works out what happens when.
    ///
    /// # Errors
    /// Names that nobody has, steps without or with two verbs, times not before the end: names file,
    /// line and key.
    pub fn plan(&self, file: &str, text: &str) -> Result<Plan, ScenarioError> {
        Plan::new(self).map_err(|fault| ScenarioError::fault(file, text, fault))
    }

    /// What befalls the world, in words: when it begins, when it is over where that is said, and
    /// what it is, such as `partition eu, us`.
    #[must_use]
    pub fn faults(&self) -> Vec<(Duration, Option<Duration>, String)> {
        let steps = self.step.iter().map(Spanned::get_ref);
        let mut faults: Vec<_> = steps
            .map(|step| (step.at.0, step.lasts.map(|span| step.at.0 + span.0), step.describe()))
            .collect();
        faults.sort();
        faults
    }

    /// The scenario as TOML.
    #[must_use]
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("plain tables of plain values")
    }
}
