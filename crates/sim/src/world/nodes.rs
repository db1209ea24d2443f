//! What befalls a region's nodes and its cluster: nodes move, clusters split, monitors fall silent.

use std::{collections::BTreeSet, time::Duration};

use antiphon_core::{RegionId, STARTUP_SUBJECT};
use antiphon_wire::{Agent, Identity};
use bytes::Bytes;

use super::{Slot, World};
use crate::broker::Apart;

/// How long it takes until everybody knows what a region says of itself.
const SPREADING: Duration = Duration::from_secs(4);

/// Whether a node that starts says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Startup {
    /// It publishes a startup event, as Choria's server does.
    Told,
    /// Nobody hears of it.
    Silent,
}

impl World {
    /// Lets all nodes of a region run service agents.
    pub fn set_services(&mut self, region: &RegionId, services: BTreeSet<Agent>) {
        self.watch.serves(region, &services);
        if let Some(broker) = self.brokers.get_mut(region) {
            broker.services = services;
        }
    }

    /// Whether the monitoring port of a region's broker answers.
    pub fn set_monitored(&mut self, region: &RegionId, monitored: bool) {
        if !monitored {
            self.watch.is_blind(region);
        }
        if let Some(broker) = self.brokers.get_mut(region) {
            broker.monitored = monitored;
        }
    }

    /// A node leaves its region and starts in another one. What it was asked before may get lost.
    pub fn move_node(&mut self, node: &Identity, to: &RegionId, startup: Startup) {
        let Some(from) = self.watch.region_of(node).filter(|from| *from != to).cloned() else {
            return; // There is no such node, or nowhere to go.
        };
        for broker in self.brokers.values_mut() {
            broker.nodes.retain(|one| one != node);
            broker.apart.nodes.remove(node);
        }
        let found_from = self.now + self.time_to_find(to, startup);
        if self.watch.nodes_of(&from) == 1 {
            self.watch.unsettled(&from, self.now + self.time_to_find(&from, Startup::Silent));
        }
        if self.watch.nodes_of(to) == 0 {
            // A node that starts tells of itself, and not of its services.
            self.watch.unsettled(to, self.now + self.time_to_find(to, Startup::Silent));
        }
        let Some(broker) = self.brokers.get_mut(to) else { return };
        broker.nodes.push(node.clone());
        self.watch.moved(self.now, node, to, found_from);
        if startup == Startup::Told {
            let event = format!("{{\"data\":{{\"identity\":\"{node}\"}}}}");
            self.publish(to, STARTUP_SUBJECT, &Bytes::from(event));
        }
    }

    /// A node runs in another region too, under the same name, or no longer.
    pub fn set_twin(&mut self, node: &Identity, region: &RegionId, there: bool) {
        let Some(broker) = self.brokers.get_mut(region) else { return };
        broker.nodes.retain(|one| one != node);
        if there {
            broker.nodes.push(node.clone());
            self.watch.twin(node);
        }
    }

    /// Clients of a region read nothing, or again: their broker throws away what it has for them.
    pub fn set_deaf(&mut self, region: &RegionId, deaf: bool) {
        if let Some(broker) = self.brokers.get_mut(region) {
            broker.deaf = deaf;
        }
    }

    /// How long a node that starts in a region may stay unknown there: what the region says of itself
    /// holds for two polls, unless it cannot say.
    fn time_to_find(&self, region: &RegionId, startup: Startup) -> Duration {
        let configs = self.slots().map(|slot| self.config(slot));
        let reads = configs.filter(|one| one.region == *region && one.hints.monitors);
        let poll = reads.map(|config| config.hints.poll).max().unwrap_or_default();
        match startup {
            Startup::Told => SPREADING,
            Startup::Silent => poll * 2 + SPREADING,
        }
    }

    /// Splits a region's cluster: these gateways, and so many of its nodes (the last ones), are apart
    /// from the rest and from clients. Without any it is whole again.
    pub fn split_broker(&mut self, region: &RegionId, gateways: &[Slot], nodes: usize) {
        let Some(broker) = self.brokers.get_mut(region) else { return };
        let nodes = broker.nodes.iter().rev().take(nodes).cloned().collect();
        let apart = Apart { gateways: gateways.iter().copied().collect(), nodes };
        broker.apart = apart;
        self.watch.may_alarm("two-clusters");
    }
}
