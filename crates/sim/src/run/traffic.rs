//! Clients: what they ask, and when.

use std::time::Duration;

use antiphon_core::RegionId;
use antiphon_wire::Identity;

use crate::{
    chance::{Chance, Concern},
    scenario::{Plan, Traffic},
    watch::{Question, Whom},
    world::World,
};

/// Nodes in one federated request.
const FEDERATED_TARGETS: usize = 10;

/// All clients of a run.
#[derive(Debug)]
pub(super) struct Clients {
    streams: Vec<Stream>,
}

#[derive(Debug)]
struct Stream {
    traffic: Traffic,
    next: Duration,
    /// Nodes that have been asked one by one so far.
    turn: usize,
    nodes: usize,
}

impl Clients {
    pub(super) fn new(plan: &Plan, seed: u64) -> Self {
        let mut chance = Chance::new(seed, Concern::Plan);
        let stream = |traffic: &Traffic| {
            let nodes = |region: &RegionId| {
                let found = plan.regions().find(|(one, _)| *one == region);
                found.map_or(0, |(_, nodes)| nodes)
            };
            // Clients of different regions do not ask in step.
            let next = traffic.start + chance.between(Duration::ZERO, traffic.every / 2);
            let nodes = traffic.to.as_ref().map_or(0, nodes);
            Stream { traffic: traffic.clone(), next, turn: 0, nodes }
        };
        Self { streams: plan.traffic.iter().map(stream).collect() }
    }

    pub(super) fn next_at(&self) -> Option<Duration> {
        let active = self.streams.iter().filter(|one| one.next < one.traffic.until);
        active.map(|one| one.next).min()
    }

    /// Asks what is due.
    pub(super) fn ask(&mut self, world: &mut World, now: Duration) {
        for stream in &mut self.streams {
            while stream.next <= now && stream.next < stream.traffic.until {
                stream.next += stream.traffic.every;
                for _ in 0..stream.traffic.count {
                    let question = stream.question();
                    world.ask(&stream.traffic.from, &question);
                }
            }
        }
    }
}

impl Stream {
    fn question(&mut self) -> Question {
        let Traffic { to, federated, list, service, bytes, ttl, .. } = &self.traffic;
        let whom = match to {
            None if service.is_some() => service.clone().map_or(Whom::Everybody, Whom::Service),
            None => Whom::Everybody,
            Some(region) if *federated => {
                let count = self.nodes.min(FEDERATED_TARGETS);
                Whom::Federated(region.clone(), (1..=count).map(|n| node(n, region)).collect())
            }
            Some(region) if *list => {
                Whom::Nodes((1..=self.nodes).map(|n| node(n, region)).collect())
            }
            Some(region) => {
                self.turn = self.turn % self.nodes.max(1) + 1;
                Whom::Node(node(self.turn, region))
            }
        };
        question(whom, *bytes, *ttl)
    }
}

/// A question on the collective that every region exports.
pub(super) fn question(whom: Whom, bytes: usize, ttl: Duration) -> Question {
    let collective = "mcollective".try_into().expect("a plain token");
    Question { collective, whom, bytes, ttl }
}

fn node(number: usize, region: &RegionId) -> Identity {
    let name = format!("n{number}.{region}.example.net");
    Identity::try_from(name).expect("a region is a plain token")
}
