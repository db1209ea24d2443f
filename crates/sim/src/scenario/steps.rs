//! Steps: what befalls the world, as single acts in time.

use std::{ops::Range, time::Duration};

use antiphon_core::{GatewayState, Incarnation, Member, OrderGiven, RegionId, policy::Policy};
use antiphon_wire::Identity;

use super::{
    LinkSpec, MoveSpec, StepSpec,
    error::Fault,
    orders,
    topology::{Topology, fault},
};
use crate::{
    network::Flow,
    process::Skew,
    world::{Ending, Slot, Startup},
};

/// How long a drain may take.
const GRACE: Duration = Duration::from_secs(30);
/// How often something repeats where nothing is said.
const EVERY: Duration = Duration::from_secs(5);

/// One change of the world.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// Lets bytes pass between these, or not; each direction is named.
    Flow(Vec<(Slot, Slot)>, Flow),
    /// Resets the connections between these once.
    Reset(Vec<(Slot, Slot)>),
    /// Gives the paths between these other properties.
    Shape(Vec<(Slot, Slot)>, LinkSpec),
    /// Ends processes.
    End(Vec<Slot>, Ending),
    /// Starts processes.
    Start(Vec<Slot>),
    /// Stops processes by a signal, or lets them go on.
    Pause(Vec<Slot>, bool),
    /// Processes wait for their processor for up to so long, again and again; without: no longer.
    Busy(Vec<Slot>, Option<Duration>),
    /// Drains gateways and starts them again, each when the one before is ready.
    Roll(Vec<Slot>, Duration),
    /// Drains gateways.
    Drain(Vec<Slot>, Duration),
    /// Processes accept connections and say nothing, or speak again.
    Mute(Vec<Slot>, bool),
    /// A broker is there, or not.
    Broker(RegionId, bool),
    /// Brokers throw gateways out.
    LoseBroker(Vec<Slot>),
    /// A permission is missing, or there again.
    Deny(RegionId, String, bool),
    /// Brokers are joined natively, or parted.
    Join(RegionId, RegionId, bool),
    /// Wall clocks are off by this much.
    Skew(Vec<Slot>, Skew),
    /// Something that is no Choria message is published on every subject that gateways read.
    Garbage(RegionId),
    /// An operator orders something at the first of these that runs.
    Order(Vec<Slot>, OrderGiven),
    /// Nodes start in another region.
    Move(Vec<Identity>, RegionId, Startup),
    /// Nodes run in another region too, or no longer.
    Twin(Vec<Identity>, RegionId, bool),
    /// Clients of a region read nothing, or again.
    Deaf(RegionId, bool),
    /// Gossip tells these of a member that there is not.
    Forge(Vec<Slot>, Member),
    /// These gateways and so many nodes are apart from the rest of a region's cluster.
    Split(RegionId, Vec<Slot>, usize),
    /// A host name leads to these places instead of its own; to its own if there are none.
    Resolve(String, Vec<String>),
    /// Gateways are found under other names.
    Readdress(Vec<Slot>),
    /// Certificates have ended, or hold again.
    Expire(Vec<Slot>, bool),
    /// Processes can open nothing, or can again.
    Exhaust(Vec<Slot>, bool),
    /// A monitoring port answers, or not.
    Monitor(RegionId, bool),
    /// A policy comes into force.
    Policy(Vec<Slot>, Policy),
}

/// Acts with their times.
pub(crate) type Acts = Vec<(Duration, Act)>;

impl StepSpec {
    /// The verb and whom it is about, in words: `partition eu, us`.
    #[must_use]
    pub fn describe(&self) -> String {
        let table = toml::Table::try_from(self).unwrap_or_default();
        let verb = table.iter().find(|(key, _)| !["at", "for", "every"].contains(&key.as_str()));
        verb.map_or_else(String::new, |(verb, whom)| {
            format!("{} {}", verb.replace('_', " "), words(whom))
        })
    }
}

fn words(value: &toml::Value) -> String {
    let joined = |parts: Vec<String>| parts.join(", ");
    if let Some(text) = value.as_str() {
        text.to_owned()
    } else if let Some(list) = value.as_array() {
        joined(list.iter().map(words).collect())
    } else if let Some(table) = value.as_table() {
        joined(table.iter().map(|(key, value)| format!("{key} {}", words(value))).collect())
    } else {
        value.to_string()
    }
}

/// Works one step out.
pub(crate) fn acts(step: &StepSpec, span: &Range<usize>, names: &Topology) -> Result<Acts, Fault> {
    let reader = Reader { step, span, names };
    let mut found: Vec<Acts> = Vec::new();
    reader.network(&mut found)?;
    reader.processes(&mut found)?;
    reader.brokers(&mut found)?;
    found.extend(orders::acts(step, span, names)?);
    reader.nodes(&mut found)?;
    reader.policy(&mut found)?;
    reader.identity(&mut found)?;
    reader.outside(&mut found)?;
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(fault(span, "step: nothing happens; name one thing such as kill".to_owned())),
        _ => Err(fault(span, "step: two things at once; write two steps".to_owned())),
    }
}

struct Reader<'a> {
    step: &'a StepSpec,
    span: &'a Range<usize>,
    names: &'a Topology,
}

impl Reader<'_> {
    fn network(&self, found: &mut Vec<Acts>) -> Result<(), Fault> {
        let step = self.step;
        for (key, names, flow) in [
            ("partition", &step.partition, Flow::Cut),
            ("black_hole", &step.black_hole, Flow::BlackHole),
        ] {
            let Some(names) = names else { continue };
            found.push(self.flow(self.both_ways(key, names)?, flow));
        }
        if let Some(names) = &step.heal {
            let open = Act::Flow(self.both_ways("heal", names)?, Flow::Open);
            found.push(self.once("heal", open)?);
        }
        if let Some(names) = &step.one_way {
            found.push(self.flow(self.one_way("one_way", names)?, Flow::BlackHole));
        }
        if let Some(names) = &step.isolate {
            found.push(self.flow(self.away("isolate", names)?, Flow::Cut));
        }
        if let Some(names) = &step.flap {
            let pairs = self.both_ways("flap", names)?;
            let (cut, heal) = (Act::Flow(pairs.clone(), Flow::Cut), Act::Flow(pairs, Flow::Open));
            found.push(self.alternate(&cut, &heal));
        }
        if let Some(names) = &step.reset {
            let reset = Act::Reset(self.both_ways("reset", names)?);
            found.push(self.once("reset", reset)?);
        }
        if let Some(shape) = &step.shape {
            let pairs = self.both_ways("shape.between", &shape.between)?;
            found.push(self.once("shape", Act::Shape(pairs, shape.clone()))?);
        }
        Ok(())
    }

    fn processes(&self, found: &mut Vec<Acts>) -> Result<(), Fault> {
        let step = self.step;
        for (key, names, ending) in
            [("kill", &step.kill, Ending::Reset), ("power_off", &step.power_off, Ending::Silent)]
        {
            let Some(names) = names else { continue };
            let slots = self.slots(key, names)?;
            found.push(self.lasting(Act::End(slots.clone(), ending), Act::Start(slots)));
        }
        if let Some(names) = &step.start {
            found.push(self.once("start", Act::Start(self.slots("start", names)?))?);
        }
        if let Some(names) = &step.crash_loop {
            let slots = self.slots("crash_loop", names)?;
            let end = Act::End(slots.clone(), Ending::Reset);
            found.push(self.alternate(&end, &Act::Start(slots)));
        }
        if let Some(names) = &step.rolling_restart {
            self.must_not_last("rolling_restart")?;
            found.push(self.rolling(&self.slots("rolling_restart", names)?));
        }
        if let Some(names) = &step.pause {
            let slots = self.slots("pause", names)?;
            found.push(self.lasting(Act::Pause(slots.clone(), true), Act::Pause(slots, false)));
        }
        if let Some(busy) = &step.busy {
            let slots = self.slots("busy.of", &busy.of)?;
            let begin = Act::Busy(slots.clone(), Some(busy.up_to.0));
            found.push(self.lasting(begin, Act::Busy(slots, None)));
        }
        if let Some(names) = &step.drain {
            let slots = self.slots("drain", names)?;
            found.push(self.lasting(Act::Drain(slots.clone(), GRACE), Act::Start(slots)));
        }
        if let Some(names) = &step.half_open {
            let slots = self.slots("half_open", names)?;
            found.push(self.lasting(Act::Mute(slots.clone(), true), Act::Mute(slots, false)));
        }
        if let Some(skew) = &step.skew {
            let slots = self.slots("skew.of", &skew.of)?;
            let right = Act::Skew(slots.clone(), Skew::Ahead(Duration::ZERO));
            found.push(self.lasting(Act::Skew(slots, skew.by.0), right));
        }
        Ok(())
    }

    fn brokers(&self, found: &mut Vec<Acts>) -> Result<(), Fault> {
        let step = self.step;
        if let Some(names) = &step.broker_down {
            let act = |region, down: bool| Act::Broker(region, !down);
            found.push(self.in_regions("broker_down", names, act)?);
        }
        if let Some(names) = &step.garbage {
            self.must_not_last("garbage")?;
            let regions = self.regions("garbage", names)?.into_iter();
            found.push(regions.map(|region| (step.at.0, Act::Garbage(region))).collect());
        }
        if let Some(names) = &step.slow_consumer {
            let lose = Act::LoseBroker(self.slots("slow_consumer", names)?);
            found.push(self.once("slow_consumer", lose)?);
        }
        if let Some(deny) = &step.deny {
            let region = self.names.region(&deny.region, "deny.region", self.span)?;
            let act = |denied| Act::Deny(region.clone(), deny.subject.clone(), denied);
            found.push(self.lasting(act(true), act(false)));
        }
        if let Some(names) = &step.join {
            let [a, b] = self.two("join", names)?;
            let a = self.names.region(a, "join", self.span)?;
            let b = self.names.region(b, "join", self.span)?;
            let act = |joined| Act::Join(a.clone(), b.clone(), joined);
            found.push(self.lasting(act(true), act(false)));
        }
        Ok(())
    }

    fn nodes(&self, found: &mut Vec<Acts>) -> Result<(), Fault> {
        let step = self.step;
        if let Some(moves) = &step.moves {
            let (nodes, to) = self.places("move", moves)?;
            let startup = if moves.silent { Startup::Silent } else { Startup::Told };
            found.push(self.once("move", Act::Move(nodes, to, startup))?);
        }
        if let Some(twin) = &step.twin {
            let (nodes, to) = self.places("twin", twin)?;
            let act = |there| Act::Twin(nodes.clone(), to.clone(), there);
            found.push(self.lasting(act(true), act(false)));
        }
        if let Some(split) = &step.split {
            let region = self.names.region(&split.region, "split.region", self.span)?;
            let slots = self.slots("split.gateways", &split.gateways)?;
            let whole = Act::Split(region.clone(), Vec::new(), 0);
            found.push(self.lasting(Act::Split(region, slots, split.nodes), whole));
        }
        if let Some(names) = &step.monitor_down {
            let act = |region, down: bool| Act::Monitor(region, !down);
            found.push(self.in_regions("monitor_down", names, act)?);
        }
        Ok(())
    }

    fn places(&self, key: &str, moves: &MoveSpec) -> Result<(Vec<Identity>, RegionId), Fault> {
        let to = self.names.region(&moves.to, &format!("{key}.to"), self.span)?;
        let wrong = |error| fault(self.span, format!("{key}.nodes: {error}"));
        let nodes = moves.nodes.iter().map(|one| Identity::try_from(one.clone()));
        Ok((nodes.collect::<Result<_, _>>().map_err(wrong)?, to))
    }

    /// What goes wrong beside the gateways.
    fn outside(&self, found: &mut Vec<Acts>) -> Result<(), Fault> {
        if let Some(names) = &self.step.slow_client {
            found.push(self.in_regions("slow_client", names, Act::Deaf)?);
        }
        if let Some(forge) = &self.step.forge {
            let slots = self.slots("forge.of", &forge.of)?;
            let wrong = |key: &str, why: String| fault(self.span, format!("forge.{key}: {why}"));
            let gateway = forge.gateway.parse();
            let endpoint = forge.endpoint.parse();
            let member = Member {
                gateway: gateway.map_err(|error| wrong("gateway", format!("{error}")))?,
                region: self.names.region(&forge.region, "forge.region", self.span)?,
                incarnation: Incarnation(u64::MAX),
                endpoint: endpoint.map_err(|error| wrong("endpoint", format!("{error}")))?,
                state: GatewayState::Active,
                version: String::new(),
            };
            found.push(self.once("forge", Act::Forge(slots, member))?);
        }
        Ok(())
    }

    fn identity(&self, found: &mut Vec<Acts>) -> Result<(), Fault> {
        let step = self.step;
        if let Some(resolve) = &step.resolve {
            let mut names = resolve.to.iter().chain([&resolve.name]);
            let known = |name: &&String| self.names.places.iter().any(|one| one.name == **name);
            if let Some(name) = names.find(|name| !known(name)) {
                return Err(fault(self.span, format!("resolve: there is no place {name:?}")));
            }
            let act = |to| Act::Resolve(resolve.name.clone(), to);
            found.push(self.lasting(act(resolve.to.clone()), act(Vec::new())));
        }
        if let Some(names) = &step.readdress {
            let readdress = Act::Readdress(self.slots("readdress", names)?);
            found.push(self.once("readdress", readdress)?);
        }
        if let Some(names) = &step.expire {
            let slots = self.slots("expire", names)?;
            found.push(self.lasting(Act::Expire(slots.clone(), true), Act::Expire(slots, false)));
        }
        if let Some(names) = &step.exhaust {
            let slots = self.slots("exhaust", names)?;
            found.push(self.lasting(Act::Exhaust(slots.clone(), true), Act::Exhaust(slots, false)));
        }
        Ok(())
    }

    fn policy(&self, found: &mut Vec<Acts>) -> Result<(), Fault> {
        let Some(spec) = &self.step.policy else { return Ok(()) };
        let slots = self.slots("policy.of", &spec.of)?;
        let policy = spec.policy(self.span, self.names)?;
        let default = Act::Policy(slots.clone(), Policy::default());
        found.push(self.lasting(Act::Policy(slots, policy), default));
        Ok(())
    }

    fn regions(&self, key: &str, names: &[String]) -> Result<Vec<RegionId>, Fault> {
        names.iter().map(|name| self.names.region(name, key, self.span)).collect()
    }

    /// Something that begins in each of these regions, and ends.
    fn in_regions(
        &self,
        key: &str,
        names: &[String],
        act: impl Fn(RegionId, bool) -> Act,
    ) -> Result<Acts, Fault> {
        let regions = self.regions(key, names)?.into_iter();
        let acts = regions.flat_map(|one| self.lasting(act(one.clone(), true), act(one, false)));
        Ok(acts.collect())
    }

    fn flow(&self, pairs: Vec<(Slot, Slot)>, flow: Flow) -> Acts {
        self.lasting(Act::Flow(pairs.clone(), flow), Act::Flow(pairs, Flow::Open))
    }

    /// Something that begins, and ends if the step says for how long.
    fn lasting(&self, begin: Act, end: Act) -> Acts {
        let at = self.step.at.0;
        let mut acts = vec![(at, begin)];
        acts.extend(self.step.lasts.map(|span| (at + span.0, end)));
        acts
    }

    /// Something that is over at once.
    fn once(&self, key: &str, act: Act) -> Result<Acts, Fault> {
        self.must_not_last(key)?;
        Ok(vec![(self.step.at.0, act)])
    }

    fn must_not_last(&self, key: &str) -> Result<(), Fault> {
        must_not_last(self.step, key, self.span)
    }

    /// Two acts in turn, beginning with the first and ending with the second.
    fn alternate(&self, first: &Act, second: &Act) -> Acts {
        let every = self.step.every.map_or(EVERY, |span| span.0.max(Duration::from_millis(1)));
        let lasts = self.step.lasts.map_or(every * 2, |span| span.0);
        let (mut acts, mut at) = (Vec::new(), Duration::ZERO);
        while at < lasts {
            acts.push((self.step.at.0 + at, first.clone()));
            acts.push((self.step.at.0 + at + every / 2, second.clone()));
            at += every;
        }
        acts
    }

    fn rolling(&self, slots: &[Slot]) -> Acts {
        let mut at = self.step.at.0;
        let Some(every) = self.step.every.map(|span| span.0) else {
            return vec![(at, Act::Roll(slots.to_vec(), GRACE))];
        };
        let mut acts = Vec::new();
        for slot in slots {
            acts.push((at, Act::Drain(vec![*slot], GRACE)));
            acts.push((at + every / 2, Act::Start(vec![*slot])));
            at += every;
        }
        acts
    }

    fn slots(&self, key: &str, names: &[String]) -> Result<Vec<Slot>, Fault> {
        let mut slots = Vec::new();
        for name in names {
            slots.extend(self.names.slots(name, key, self.span)?);
        }
        Ok(slots)
    }

    fn two<'a>(&self, key: &str, names: &'a [String]) -> Result<[&'a String; 2], Fault> {
        match names {
            [a, b] => Ok([a, b]),
            _ => Err(fault(self.span, format!("{key}: two names are wanted"))),
        }
    }

    fn one_way(&self, key: &str, names: &[String]) -> Result<Vec<(Slot, Slot)>, Fault> {
        let [from, to] = self.two(key, names)?;
        let from = self.names.slots(from, key, self.span)?;
        let to = self.names.slots(to, key, self.span)?;
        Ok(pairs(&from, &to))
    }

    fn both_ways(&self, key: &str, names: &[String]) -> Result<Vec<(Slot, Slot)>, Fault> {
        let [a, b] = self.two(key, names)?;
        let (a, b) = ([a.clone(), b.clone()], [b.clone(), a.clone()]);
        Ok([self.one_way(key, &a)?, self.one_way(key, &b)?].concat())
    }

    /// Between these and everybody else.
    fn away(&self, key: &str, names: &[String]) -> Result<Vec<(Slot, Slot)>, Fault> {
        let inside = self.slots(key, names)?;
        let all = (0..self.names.places.len()).map(Slot);
        let outside: Vec<Slot> = all.filter(|slot| !inside.contains(slot)).collect();
        Ok([pairs(&inside, &outside), pairs(&outside, &inside)].concat())
    }
}

/// Refuses a `for` with what does not last, where it would say nothing.
pub(super) fn must_not_last(step: &StepSpec, key: &str, span: &Range<usize>) -> Result<(), Fault> {
    match step.lasts {
        None => Ok(()),
        Some(_) => Err(fault(span, format!("step.for: {key} does not last"))),
    }
}

/// Every pair of the one and the other, except a place with itself.
pub(crate) fn pairs(from: &[Slot], to: &[Slot]) -> Vec<(Slot, Slot)> {
    let all = from.iter().flat_map(|one| to.iter().map(move |other| (*one, *other)));
    all.filter(|(one, other)| one != other).collect()
}
