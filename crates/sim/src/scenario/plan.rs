//! A scenario that has been checked: who is where, what happens when, what must be seen.

use std::{collections::BTreeSet, ops::Range, time::Duration};

use antiphon_core::{DropReason, RegionId};
use antiphon_wire::Agent;
use toml::Spanned;

use super::{
    Between, ExpectSpec, LinkSpec, Scenario, Span, TrafficSpec,
    error::Fault,
    steps::{self, Acts, pairs},
    time::End,
    topology::{Topology, fault},
};
use crate::{
    watch::Invariant,
    world::{Answering, Slot},
};

/// When clients begin, where nothing is said: gateways have found each other by then.
const TRAFFIC_START: Duration = Duration::from_secs(15);
/// How long before the end of a run clients fall silent, where nothing is said.
const TRAFFIC_END: Duration = Duration::from_secs(5);
/// How long a world has to come to rest: a request's 60 s, and time to doubt it.
const SETTLE: Duration = Duration::from_secs(75);

/// What pings over links that are well cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pings {
    /// Each is an event, and so is its answer.
    #[default]
    Events,
    /// None: each side is told of them when it next handles anything. The trace does not list them;
    /// everything else is the same.
    Folded,
}

/// A scenario that can be run.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// What it shows.
    pub about: String,
    /// Each is a run.
    pub seeds: Vec<u64>,
    /// How long clients and faults go on.
    pub run_for: Duration,
    /// How long the world has to come to rest after that.
    pub settle: Duration,
    /// Whether pings over links that are well are happenings of their own.
    pub(crate) pings: Pings,
    pub(crate) topology: Topology,
    pub(crate) regions: Vec<(RegionId, usize, Answering)>,
    /// One way between gateways and brokers, where a region says so.
    pub(crate) brokers: Vec<(RegionId, Between)>,
    /// Services that a region's nodes run.
    pub(crate) services: Vec<(RegionId, BTreeSet<Agent>)>,
    /// Regions whose gateways cannot read who is there.
    pub(crate) blind: Vec<RegionId>,
    pub(crate) links: Vec<(Vec<(Slot, Slot)>, LinkSpec)>,
    pub(crate) traffic: Vec<Traffic>,
    pub(crate) acts: Acts,
    pub(crate) expect: Vec<Expectation>,
}

/// What clients of one region ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Traffic {
    pub(crate) from: RegionId,
    pub(crate) to: Option<RegionId>,
    pub(crate) federated: bool,
    pub(crate) list: bool,
    pub(crate) service: Option<Agent>,
    pub(crate) every: Duration,
    pub(crate) count: u32,
    pub(crate) start: Duration,
    pub(crate) until: Duration,
    pub(crate) bytes: usize,
    pub(crate) ttl: Duration,
}

/// What must be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expectation {
    /// Everybody of these regions reaches everybody at this time.
    Reachable(Duration, Vec<RegionId>),
    /// The same by name, and services are reached.
    Named(Duration, Vec<RegionId>),
    /// Nobody of one of these regions reaches anybody of another.
    Unreachable(Duration, Vec<RegionId>),
    /// Requests made in this time are answered in full.
    Complete(Complete),
    /// An alarm of this kind is raised before this time.
    Alarm(Duration, String),
    /// These gateways are in the queue groups at this time, or not.
    Ready(Duration, Vec<Slot>, bool),
    /// So many messages are dropped for this reason.
    Drops(DropReason, u64, u64),
    /// At most so many units are in doubt in the end.
    InDoubt(u64),
    /// At most so many copies of requests for one node, made in this time, go where it is not.
    Strays(Duration, Duration, u64),
}

/// Which requests must be answered by whom, and how fast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Complete {
    pub(crate) since: Duration,
    pub(crate) until: Duration,
    pub(crate) from: Option<RegionId>,
    pub(crate) of: Vec<RegionId>,
    pub(crate) within: Option<Duration>,
}

impl Plan {
    pub(crate) fn new(scenario: &Scenario) -> Result<Self, Fault> {
        let topology = Topology::new(scenario)?;
        let end = End(scenario.run_for);
        let mut links = Vec::new();
        for link in &scenario.links {
            links.push((link_pairs(link, &topology)?, link.get_ref().clone()));
        }
        let mut acts = Vec::new();
        for step in &scenario.step {
            acts.extend(steps::acts(step.get_ref(), &step.span(), &topology)?);
            in_time("step.at", step.get_ref().at, end, &step.span())?;
        }
        acts.sort_by_key(|(at, _)| *at);
        let mut expect = Vec::new();
        for one in &scenario.expect {
            expect.extend(expectation(one, &topology, end)?);
        }
        Ok(Self {
            about: scenario.about.clone(),
            seeds: scenario.seeds.clone(),
            run_for: scenario.run_for.0,
            settle: scenario.settle.map_or(SETTLE, |span| span.0),
            pings: Pings::Events,
            regions: regions(scenario, &topology),
            brokers: brokers(scenario, &topology),
            services: services(scenario, &topology)?,
            blind: blind(scenario, &topology),
            traffic: traffic(scenario, &topology)?,
            topology,
            links,
            acts,
            expect,
        })
    }

    /// The same plan with pings as events, or folded.
    #[must_use]
    pub fn with_pings(&self, pings: Pings) -> Self {
        Self { pings, ..self.clone() }
    }

    /// The regions, with their number of nodes.
    pub fn regions(&self) -> impl Iterator<Item = (&RegionId, usize)> {
        self.regions.iter().map(|(region, nodes, _)| (region, *nodes))
    }

    /// The host name and region of each place, in the order of slots.
    pub fn places(&self) -> impl Iterator<Item = (&str, &RegionId)> {
        self.topology.places.iter().map(|place| (place.name.as_str(), &place.config.region))
    }
}

/// Refuses a time that never comes.
fn in_time(key: &str, at: Span, end: End, span: &Range<usize>) -> Result<(), Fault> {
    end.must_follow(at).map_err(|why| fault(span, format!("{key}: {why}")))
}

fn regions(scenario: &Scenario, names: &Topology) -> Vec<(RegionId, usize, Answering)> {
    let usual = Between { min: Duration::from_millis(1), max: Duration::from_millis(5) };
    let read = |(name, spec): (&String, &Spanned<super::RegionSpec>)| {
        let spec = spec.get_ref();
        let answer = spec.answer.unwrap_or(usual);
        let within = (answer.min, answer.max);
        let answering = Answering { within, bytes: spec.answer_bytes.unwrap_or(4) };
        Some((names.regions.get(name)?.clone(), spec.nodes.unwrap_or(3), answering))
    };
    scenario.regions.iter().filter_map(read).collect()
}

fn brokers(scenario: &Scenario, names: &Topology) -> Vec<(RegionId, Between)> {
    let regions = scenario.regions.iter();
    let said = regions.filter_map(|(name, spec)| {
        Some((names.regions.get(name)?.clone(), spec.get_ref().broker?))
    });
    said.collect()
}

fn services(
    scenario: &Scenario,
    names: &Topology,
) -> Result<Vec<(RegionId, BTreeSet<Agent>)>, Fault> {
    let mut found = Vec::new();
    for (name, spec) in &scenario.regions {
        let agents = spec.get_ref().services.iter().map(|one| agent(one, &spec.span()));
        let agents: BTreeSet<Agent> = agents.collect::<Result<_, _>>()?;
        if let Some(region) = names.regions.get(name).filter(|_| !agents.is_empty()) {
            found.push((region.clone(), agents));
        }
    }
    Ok(found)
}

fn blind(scenario: &Scenario, names: &Topology) -> Vec<RegionId> {
    let cannot =
        |spec: &super::RegionSpec| scenario.gateway.poll.is_none() || spec.monitored == Some(false);
    let blind = scenario.regions.iter().filter(|(_, spec)| cannot(spec.get_ref()));
    blind.filter_map(|(name, _)| names.regions.get(name).cloned()).collect()
}

fn agent(name: &str, span: &Range<usize>) -> Result<Agent, Fault> {
    Agent::try_from(name).map_err(|error| fault(span, format!("service: {error}")))
}

fn link_pairs(link: &Spanned<LinkSpec>, names: &Topology) -> Result<Vec<(Slot, Slot)>, Fault> {
    let span = link.span();
    let [a, b] = link.get_ref().between.as_slice() else {
        return Err(fault(&span, "links.between: two names are wanted".to_owned()));
    };
    let a = names.slots(a, "links.between", &span)?;
    let b = names.slots(b, "links.between", &span)?;
    Ok([pairs(&a, &b), pairs(&b, &a)].concat())
}

fn traffic(scenario: &Scenario, names: &Topology) -> Result<Vec<Traffic>, Fault> {
    let end = scenario.run_for.0.saturating_sub(TRAFFIC_END);
    let Some(specs) = &scenario.traffic else {
        let usual = |region: &RegionId| Traffic {
            from: region.clone(),
            to: None,
            federated: false,
            list: false,
            service: None,
            every: Duration::from_secs(2),
            count: 1,
            start: TRAFFIC_START,
            until: end,
            bytes: 4,
            ttl: Duration::from_secs(60),
        };
        return Ok(names.regions.values().map(usual).collect());
    };
    specs.iter().map(|spec| one_traffic(spec, end, names)).collect()
}

fn one_traffic(
    spec: &Spanned<TrafficSpec>,
    end: Duration,
    names: &Topology,
) -> Result<Traffic, Fault> {
    let (span, spec) = (spec.span(), spec.get_ref());
    if spec.every.0.is_zero() {
        return Err(fault(&span, "traffic.every: must not be 0".to_owned()));
    }
    let to = spec.to.as_ref().map(|to| names.region(to, "traffic.to", &span)).transpose()?;
    if spec.federated && to.is_none() {
        return Err(fault(&span, "traffic.federated: wants `to`, a region".to_owned()));
    }
    if spec.list && (to.is_none() || spec.federated) {
        return Err(fault(&span, "traffic.list: wants `to`, a region, and not `federated`".into()));
    }
    if spec.service.is_some() && (to.is_some() || spec.federated || spec.list) {
        return Err(fault(
            &span,
            "traffic.service: wants neither `to`, `federated` nor `list`".into(),
        ));
    }
    Ok(Traffic {
        from: names.region(&spec.from, "traffic.from", &span)?,
        to,
        federated: spec.federated,
        list: spec.list,
        service: spec.service.as_ref().map(|one| agent(one, &span)).transpose()?,
        every: spec.every.0,
        count: spec.count.unwrap_or(1),
        start: spec.start.map_or(TRAFFIC_START, |span| span.0),
        until: spec.until.map_or(end, |span| span.0),
        bytes: spec.bytes.unwrap_or(4),
        ttl: spec.ttl.map_or(Duration::from_secs(60), |span| span.0),
    })
}

/// What one `expect` says; nothing for an invariant, which is always checked.
fn expectation(
    spec: &Spanned<ExpectSpec>,
    names: &Topology,
    end: End,
) -> Result<Option<Expectation>, Fault> {
    let (span, spec) = (spec.span(), spec.get_ref());
    let reader = Reader { spec, span: &span, names, end };
    let reachable = if spec.by_name { Expectation::Named } else { Expectation::Reachable };
    let all = [
        reader.always()?,
        reader.reach("reachable", spec.reachable.as_ref(), reachable)?,
        reader.reach("unreachable", spec.unreachable.as_ref(), Expectation::Unreachable)?,
        reader.complete()?,
        reader.alarm()?,
        reader.ready("ready", spec.ready.as_ref(), true)?,
        reader.ready("unready", spec.unready.as_ref(), false)?,
        reader.drops()?,
        reader.strays()?,
        spec.in_doubt.map(|_| Some(Expectation::InDoubt(spec.at_most.unwrap_or(0)))),
    ];
    let mut found = all.into_iter().flatten();
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(fault(&span, "expect: nothing is expected".to_owned())),
        (Some(_), Some(_)) => Err(fault(&span, "expect: two things at once".to_owned())),
    }
}

/// `None`: it does not say this. `Some(None)`: it does, and there is nothing to check.
type Read = Result<Option<Option<Expectation>>, Fault>;

struct Reader<'a> {
    spec: &'a ExpectSpec,
    span: &'a Range<usize>,
    names: &'a Topology,
    end: End,
}

impl Reader<'_> {
    fn always(&self) -> Read {
        let Some(name) = &self.spec.always else { return Ok(None) };
        if Invariant::ALL.iter().any(|one| one.label() == name) {
            return Ok(Some(None));
        }
        Err(fault(self.span, format!("expect.always: there is no invariant {name:?}")))
    }

    fn reach(
        &self,
        key: &str,
        names: Option<&Vec<String>>,
        make: fn(Duration, Vec<RegionId>) -> Expectation,
    ) -> Read {
        let Some(names) = names else { return Ok(None) };
        let regions = names.iter().map(|name| self.names.region(name, key, self.span));
        Ok(Some(Some(make(self.looked_at(key)?, regions.collect::<Result<_, _>>()?))))
    }

    fn complete(&self) -> Read {
        let Some([since, until]) = self.spec.complete else { return Ok(None) };
        in_time("expect.complete", since, self.end, self.span)?;
        let region = |name: &String| self.names.region(name, "expect", self.span);
        let of = self.spec.of.iter().flatten().map(region).collect::<Result<_, _>>()?;
        let from = self.spec.from.as_ref().map(region).transpose()?;
        let within = self.spec.within.map(|span| span.0);
        let complete = Complete { since: since.0, until: until.0, from, of, within };
        Ok(Some(Some(Expectation::Complete(complete))))
    }

    fn alarm(&self) -> Read {
        let Some(kind) = &self.spec.alarm else { return Ok(None) };
        Ok(Some(Some(Expectation::Alarm(self.by("alarm")?, kind.clone()))))
    }

    fn ready(&self, key: &str, names: Option<&Vec<String>>, ready: bool) -> Read {
        let Some(names) = names else { return Ok(None) };
        let mut slots = Vec::new();
        for name in names {
            slots.extend(self.names.slots(name, key, self.span)?);
        }
        Ok(Some(Some(Expectation::Ready(self.looked_at(key)?, slots, ready))))
    }

    fn drops(&self) -> Read {
        let Some(label) = &self.spec.drops else { return Ok(None) };
        let reason = DropReason::from_label(label).ok_or_else(|| {
            fault(self.span, format!("expect.drops: there is no reason {label:?}"))
        })?;
        let least = self.spec.at_least.unwrap_or(0);
        let most = self.spec.at_most.unwrap_or(u64::MAX);
        Ok(Some(Some(Expectation::Drops(reason, least, most))))
    }

    fn strays(&self) -> Read {
        let Some([since, until]) = self.spec.strays else { return Ok(None) };
        in_time("expect.strays", since, self.end, self.span)?;
        let most = self.spec.at_most.unwrap_or(0);
        Ok(Some(Some(Expectation::Strays(since.0, until.0, most))))
    }

    /// When it is asked or looked at.
    fn looked_at(&self, key: &str) -> Result<Duration, Fault> {
        let by = self.by(key)?;
        in_time("expect.by", Span(by), self.end, self.span)?;
        Ok(by)
    }

    fn by(&self, key: &str) -> Result<Duration, Fault> {
        let by = self.spec.by.map(|span| span.0);
        by.ok_or_else(|| fault(self.span, format!("expect.{key}: wants `by`, a time")))
    }
}
