//! Runs a plan with one seed, and says what was seen.

mod expect;
mod outcome;
mod traffic;

use std::{collections::BTreeMap, time::Duration};

use antiphon_core::{DropReason, RegionId};
use bytes::Bytes;

pub use self::outcome::{Asking, Outcome, Percentiles, Second, Seen};
use self::{expect::Probes, traffic::Clients};
use crate::{
    machine::Make,
    network::Path,
    scenario::{Act, LinkSpec, Pings, Plan},
    watch::Settled,
    world::World,
};

/// One-way delay where a scenario says nothing.
const LATENCY: Duration = Duration::from_millis(20);
/// Between two looks at what is not seen in passing.
const LOOK: Duration = Duration::from_secs(5);

/// Runs a plan with one seed on these machines.
#[must_use]
pub fn run(plan: &Plan, seed: u64, make: Make) -> Outcome {
    let mut course = Course::new(plan, seed, make);
    course.go_on(plan.run_for + plan.settle);
    let Course { mut world, probes, .. } = course;
    world.inspect_settled(Settled::Accounts);
    expect::judge(plan, &probes, &mut world);
    Outcome::new(plan, seed, &world)
}

/// The world of a plan at some moment, at its end at the latest.
#[must_use]
pub fn world_at(plan: &Plan, seed: u64, make: Make, at: Duration) -> World {
    let mut course = Course::new(plan, seed, make);
    course.go_on(at.min(plan.run_for + plan.settle));
    course.world
}

/// A run on its way.
struct Course<'a> {
    plan: &'a Plan,
    world: World,
    clients: Clients,
    probes: Probes,
    acts: std::slice::Iter<'a, (Duration, Act)>,
    next_look: Duration,
}

impl<'a> Course<'a> {
    fn new(plan: &'a Plan, seed: u64, make: Make) -> Self {
        Self {
            plan,
            world: build(plan, seed, make),
            clients: Clients::new(plan, seed),
            probes: Probes::new(plan),
            acts: plan.acts.iter(),
            next_look: LOOK,
        }
    }

    /// Lets happen what happens until then.
    fn go_on(&mut self, until: Duration) {
        while let Some(at) = self.next_at().filter(|at| *at < until.min(self.plan.run_for)) {
            self.world.run_until(at);
            while let Some((_, act)) = self.acts.as_slice().first().filter(|(due, _)| *due <= at) {
                perform(&mut self.world, act);
                self.acts.next();
            }
            self.probes.ask(self.plan, &mut self.world, at);
            self.clients.ask(&mut self.world, at);
            if self.next_look <= at {
                self.world.inspect();
                self.next_look += LOOK;
            }
        }
        self.world.run_until(until);
    }

    /// When something comes from outside of the world.
    fn next_at(&self) -> Option<Duration> {
        let act = self.acts.as_slice().first().map(|(at, _)| *at);
        let due = [act, self.clients.next_at(), self.probes.next_at(), Some(self.next_look)];
        due.into_iter().flatten().min()
    }
}

/// Builds the world of a plan as it is at the beginning.
#[must_use]
pub fn build(plan: &Plan, seed: u64, make: Make) -> World {
    let mut world = World::new(seed, Path::with_latency(LATENCY), make);
    if plan.pings == Pings::Folded {
        world.fold_pings();
    }
    for (region, nodes, answering) in &plan.regions {
        world.add_region(region, *nodes, *answering);
    }
    for (region, path) in &plan.brokers {
        world.set_broker_path(region, (path.min, path.max));
    }
    for (region, services) in &plan.services {
        world.set_services(region, services.clone());
    }
    plan.blind.iter().for_each(|region| world.watch_mut().is_blind(region));
    let mut ids = BTreeMap::new();
    for place in &plan.topology.places {
        world.add_gateway(&place.name, place.config.clone());
        *ids.entry(&place.config.gateway).or_insert(0) += 1;
    }
    if ids.values().any(|count| *count > 1) {
        world.watch_mut().may_alarm("duplicate-gateway");
    }
    within_regions(&mut world);
    for (pairs, spec) in &plan.links {
        for (from, to) in pairs {
            world.edit_path(*from, *to, |path| shape(path, spec));
        }
    }
    for (slot, place) in world.slots().zip(&plan.topology.places).collect::<Vec<_>>() {
        if place.running {
            world.start(slot);
        }
    }
    world
}

/// Gateways of one region are near each other.
fn within_regions(world: &mut World) {
    let slots: Vec<_> = world.slots().collect();
    for from in &slots {
        for to in &slots {
            if from != to && world.config(*from).region == world.config(*to).region {
                let near = Path::with_latency(Duration::from_micros(500));
                world.edit_path(*from, *to, |path| *path = near);
            }
        }
    }
}

fn shape(path: &mut Path, spec: &LinkSpec) {
    if let Some(latency) = spec.latency {
        (path.latency_min, path.latency_max) = (latency.min, latency.max);
    }
    path.loss = spec.loss.unwrap_or(path.loss);
    path.duplicate = spec.duplicate.unwrap_or(path.duplicate);
    path.bandwidth = spec.bandwidth.or(path.bandwidth);
}

/// Changes the world.
fn perform(world: &mut World, act: &Act) {
    match act {
        Act::Flow(pairs, flow) => {
            for (from, to) in pairs {
                world.edit_path(*from, *to, |path| path.flow = *flow);
            }
        }
        Act::Reset(pairs) => pairs.iter().for_each(|(a, b)| world.reset_links(*a, *b)),
        Act::Shape(pairs, spec) => {
            for (from, to) in pairs {
                world.edit_path(*from, *to, |path| shape(path, spec));
            }
        }
        Act::End(slots, ending) => slots.iter().for_each(|slot| world.kill(*slot, *ending)),
        Act::Start(slots) => slots.iter().for_each(|slot| world.start(*slot)),
        Act::Pause(slots, true) => slots.iter().for_each(|slot| world.pause(*slot)),
        Act::Pause(slots, false) => slots.iter().for_each(|slot| world.resume(*slot)),
        Act::Busy(slots, longest) => slots.iter().for_each(|slot| world.set_busy(*slot, *longest)),
        Act::Roll(slots, grace) => world.roll(slots, *grace),
        Act::Drain(slots, grace) => slots.iter().for_each(|slot| world.drain(*slot, *grace)),
        Act::Mute(slots, mute) => slots.iter().for_each(|slot| world.set_mute(*slot, *mute)),
        Act::Broker(region, true) => world.start_broker(region),
        Act::Broker(region, false) => world.stop_broker(region),
        Act::LoseBroker(slots) => slots.iter().for_each(|slot| world.lose_broker(*slot)),
        Act::Deny(region, subject, denied) => {
            for kind in ["permission-denied", "two-clusters"] {
                world.watch_mut().may_alarm(kind);
            }
            world.deny(region, subject, *denied);
        }
        Act::Join(a, b, joined) => world.join_brokers(a, b, *joined),
        Act::Skew(slots, skew) => slots.iter().for_each(|slot| world.set_skew(*slot, *skew)),
        Act::Garbage(region) => garbage(world, region),
        Act::Order(slots, given) => world.operate(slots, given),
        Act::Move(nodes, to, startup) => {
            nodes.iter().for_each(|node| world.move_node(node, to, *startup));
        }
        Act::Twin(nodes, region, there) => {
            nodes.iter().for_each(|node| world.set_twin(node, region, *there));
        }
        Act::Deaf(region, deaf) => world.set_deaf(region, *deaf),
        Act::Forge(slots, member) => slots.iter().for_each(|slot| world.forge(*slot, member)),
        Act::Split(region, slots, nodes) => world.split_broker(region, slots, *nodes),
        Act::Resolve(name, to) => world.alias(name, to.clone()),
        Act::Readdress(slots) => slots.iter().for_each(|slot| world.readdress(*slot)),
        Act::Expire(slots, expired) => slots.iter().for_each(|slot| world.expire(*slot, *expired)),
        Act::Exhaust(slots, full) => slots.iter().for_each(|slot| world.set_full(*slot, *full)),
        Act::Monitor(region, answers) => world.set_monitored(region, *answers),
        Act::Policy(slots, policy) => {
            slots.iter().for_each(|slot| world.apply_policy(*slot, policy));
        }
    }
}

/// What is no Choria message, or one that ends a node.
fn garbage(world: &mut World, region: &RegionId) {
    let deep = "[".repeat(4096);
    let poison = [
        "",
        "not json",
        "{\"protocol\":\"choria:transport:1\",\"data\":\"e30=\",\"headers\":null}",
        "{\"protocol\":\"choria:transport:1\",\"data\":\"e30=\"}",
        "{\"protocol\":\"choria:transport:1\",\"data\":\"e30=\",\"headers\":{},\"HEADERS\":null}",
        &deep,
    ];
    let subjects = [
        "mcollective.broadcast.agent.discovery".to_owned(),
        format!("mcollective.node.n1.{region}.example.net"),
        format!("choria.federation.{region}.collective"),
        format!("choria.federation.{region}.federation"),
    ];
    for subject in &subjects {
        for payload in poison {
            world.publish(region, subject, &Bytes::copy_from_slice(payload.as_bytes()));
        }
    }
}

/// Alarms of a run, by kind, with how often each was raised.
#[must_use]
pub(crate) fn alarms(world: &World) -> BTreeMap<&'static str, u64> {
    let mut counts = BTreeMap::new();
    for (_, _, alarm) in world.watch().alarms() {
        *counts.entry(alarm.kind()).or_default() += 1;
    }
    counts
}

/// Drops of a run, by label.
#[must_use]
pub(crate) fn drops(world: &World) -> BTreeMap<&'static str, u64> {
    let drops = world.watch().drops().iter();
    drops.map(|(reason, count): (&DropReason, &u64)| (reason.label(), *count)).collect()
}
