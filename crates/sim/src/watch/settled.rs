//! What can only be said of a world that is at rest, and what can be said of any at any time.

use std::collections::{BTreeMap, BTreeSet};

use antiphon_core::{GatewayId, RegionId, Snapshot, TallyView, UnitKind};

use super::Invariant;
use crate::world::{Slot, World};

/// What is asked of a world at rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Routes and tables.
    Routes,
    /// Routes, tables, and that every unit has ended.
    Accounts,
}

impl World {
    /// Checks what must hold at every moment and is not seen in passing.
    pub fn inspect(&mut self) {
        let now = self.now().mono;
        let living = self.slots().filter_map(|slot| Some((slot, self.snapshot(slot)?)));
        let living: Vec<(Slot, Snapshot)> = living.collect();
        let mut found = Vec::new();
        for (slot, view) in &living {
            found.extend(conserved(view).into_iter().chain(bounded(self, *slot, view)));
        }
        found.extend(truthful(self, &living));
        for (invariant, what) in found {
            self.watch_mut().violated(now, invariant, what);
        }
    }

    /// Checks what must hold a while after the last change.
    pub fn inspect_settled(&mut self, what: Settled) {
        let now = self.now().mono;
        let views: Vec<_> = self.slots().filter_map(|slot| self.snapshot(slot)).collect();
        let mut found = live_routes(&views);
        found.extend(agreed(&views));
        if what == Settled::Accounts {
            found.extend(views.iter().flat_map(nothing_pending));
        }
        for (invariant, what) in found {
            self.watch_mut().violated(now, invariant, what);
        }
        self.inspect();
    }
}

type Found = (Invariant, String);

fn conserved(view: &Snapshot) -> Vec<Found> {
    let ended = |one: &TallyView| {
        one.tally.delivered + one.tally.dropped.values().sum::<u64>() + one.tally.in_doubt
    };
    let wrong = view.tallies.iter().filter(|one| one.tally.created != ended(one) + one.pending);
    wrong.map(|one| (Invariant::Conservation, format!("{}: {one:?}", view.gateway))).collect()
}

fn nothing_pending(view: &Snapshot) -> Vec<Found> {
    let open = view.tallies.iter().filter(|one| one.pending > 0);
    open.map(|one| (Invariant::Conservation, format!("{} still waits: {one:?}", view.gateway)))
        .collect()
}

fn bounded(world: &World, slot: Slot, view: &Snapshot) -> Vec<Found> {
    let limits = &world.config(slot).limits;
    let mut found = Vec::new();
    let mut check = |name: &str, value: u64, bound: u64| {
        if value > bound {
            let what = format!("{}: {name} is {value}, bound {bound}", view.gateway);
            found.push((Invariant::Bounds, what));
        }
    };
    for queue in &view.queues {
        check("a queue", queue.bytes, limits.queue_bytes_max);
    }
    for link in &view.links {
        let retained = limits.retention_bytes_max.max(limits.frame_bytes_max * 2);
        check("what a session retains", link.unacknowledged, retained);
    }
    let publishing = limits.publish_messages_max + antiphon_core::IDENTITIES_MAX as u64;
    check("what the broker has not confirmed", view.broker.unconfirmed, publishing);
    check("gateways known", view.gateways.len() as u64, 2 * limits.gateways_max as u64);
    found
}

/// Compares what gateways say of their units with what brokers saw.
fn truthful(world: &World, living: &[(Slot, Snapshot)]) -> Vec<Found> {
    let watch = world.watch();
    let mut claimed: BTreeMap<(RegionId, UnitKind), (u64, u64)> = BTreeMap::new();
    for (_, view) in living.iter().chain(&watch.retired) {
        for one in &view.tallies {
            let key = (one.key.to.clone(), one.key.kind);
            let (delivered, perhaps) = claimed.entry(key).or_default();
            *delivered += one.tally.delivered;
            *perhaps += one.tally.delivered + one.tally.in_doubt + one.pending;
        }
    }
    let mut found = Vec::new();
    for ((region, kind), (delivered, perhaps)) in claimed {
        let published = watch.published_in(&region, kind);
        if delivered > published {
            let what = format!(
                "{delivered} units ({kind:?}) for {region} are called delivered, {published} were"
            );
            found.push((Invariant::Truthful, what));
        }
        if published > perhaps {
            let what = format!(
                "{published} units ({kind:?}) were published in {region}, all but {perhaps} are called dropped"
            );
            found.push((Invariant::Truthful, what));
        }
    }
    found
}

fn live_routes(views: &[Snapshot]) -> Vec<Found> {
    let living: BTreeSet<&GatewayId> = views.iter().map(|view| &view.gateway).collect();
    let mut found = Vec::new();
    for view in views {
        let up = |hop: &GatewayId| {
            view.links
                .iter()
                .any(|link| link.gateway == *hop && link.state == "up" && !link.held_down)
        };
        for region in &view.regions {
            let Some(route) = &region.route else { continue };
            let dead = route.ends.iter().find(|end| !living.contains(end));
            let down = route.next_hops.iter().find(|hop| !up(hop));
            for (gateway, why) in dead
                .map(|one| (one, "is gone"))
                .into_iter()
                .chain(down.map(|one| (one, "has no link")))
            {
                let what = format!(
                    "{}: the route to {} leads to {gateway}, which {why}",
                    view.gateway, region.region
                );
                found.push((Invariant::LiveRoutes, what));
            }
        }
    }
    found
}

/// Everybody knows the newest adjacencies of everybody who can be reached.
fn agreed(views: &[Snapshot]) -> Vec<Found> {
    let mut found = Vec::new();
    for truth in views {
        let Some(own) = truth.gateways.iter().find(|one| one.gateway == truth.gateway) else {
            continue;
        };
        for view in views {
            let reached = |one: &&antiphon_core::MemberView| {
                one.gateway == truth.gateway && (one.route.is_some() || one.gateway == view.gateway)
            };
            let Some(seen) = view.gateways.iter().find(reached) else { continue };
            let same = seen.adjacencies.keys().eq(own.adjacencies.keys())
                && seen.state == own.state
                && seen.broker == own.broker;
            if !same {
                let what = format!(
                    "{} sees {} with {:?}, which says {:?}",
                    view.gateway,
                    truth.gateway,
                    seen.adjacencies.keys().collect::<Vec<_>>(),
                    own.adjacencies.keys().collect::<Vec<_>>()
                );
                found.push((Invariant::Agreement, what));
            }
        }
    }
    found
}
