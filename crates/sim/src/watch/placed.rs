//! Where nodes and services are, and which answers a client may count on.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use antiphon_core::{RegionId, UnitKind, policy::Policy};
use antiphon_wire::{Agent, Identity};

use super::{Asked, Watch, Whom, policies::Judged};
use crate::{message::CALLER, world::Slot};

/// How long after a client asked the last policy may look at a request: what has not been answered by
/// then is not expected in calm times.
const JUDGING: Duration = Duration::from_secs(20);

/// What is known of nodes beside their region.
#[derive(Debug, Default)]
pub(crate) struct Placed {
    /// When a node moved last, and from when on it must be found.
    moved: BTreeMap<Identity, (Duration, Duration)>,
    /// Names that nodes of two regions have, or had: both execute.
    twins: BTreeSet<Identity>,
    services: BTreeMap<RegionId, BTreeSet<Agent>>,
    /// Until when a region may tell of services that have gone, or not yet of those that came: its last
    /// node has left, or a first one has come.
    unsettled: BTreeMap<RegionId, Duration>,
    /// Regions that cannot say who is there: they never could, or could not at some time.
    blind: BTreeSet<RegionId>,
}

impl Placed {
    /// Whether a node may hear a request in two regions.
    pub(super) fn has_twin(&self, node: &Identity) -> bool {
        self.twins.contains(node)
    }

    /// Whether a node moved at this time or later.
    pub(super) fn moved_since(&self, node: &Identity, at: Duration) -> bool {
        self.moved.get(node).is_some_and(|(moved, _)| *moved >= at)
    }
}

impl Watch {
    pub(crate) fn add_place(&mut self, slot: Slot, region: &RegionId) {
        self.policies.add(slot, region.clone());
    }

    pub(crate) fn policy_applied(&mut self, at: Duration, slot: Slot, policy: Policy) {
        self.policies.applied(at, slot, policy);
    }

    pub(crate) fn serves(&mut self, region: &RegionId, services: &BTreeSet<Agent>) {
        self.placed.services.insert(region.clone(), services.clone());
    }

    /// The gateways of a region cannot always read who listens there.
    pub(crate) fn is_blind(&mut self, region: &RegionId) {
        self.placed.blind.insert(region.clone());
    }

    /// What a region tells of its services may be wrong until then: it has no node any more, or a first
    /// one.
    pub(crate) fn unsettled(&mut self, region: &RegionId, until: Duration) {
        self.placed.unsettled.insert(region.clone(), until);
    }

    /// A node has moved, and must be found from this moment on.
    pub(crate) fn moved(
        &mut self,
        at: Duration,
        node: &Identity,
        to: &RegionId,
        found_from: Duration,
    ) {
        let to = self.regions.iter().position(|region| region == to);
        if let (Some(to), Some((region, _))) = (to, self.nodes.get_mut(node)) {
            *region = to;
            self.placed.moved.insert(node.clone(), (at, found_from));
            // The region that it left goes on holding it until it looks again.
            self.may_alarm("identity-in-two-regions");
        }
    }

    /// A node of another region has the same name.
    pub(crate) fn twin(&mut self, node: &Identity) {
        self.placed.twins.insert(node.clone());
        self.may_alarm("identity-in-two-regions");
    }

    /// Nodes of one region whose answers the client of a request can count on, as far as policies,
    /// hints and moves are concerned, and that have not answered.
    #[must_use]
    pub fn owing(&self, asked: &Asked, region: &RegionId) -> Vec<Identity> {
        let allowed = asked.region == *region || self.is_allowed(asked, region);
        // A federated request goes where it says, and nowhere after a node that moved.
        let elsewhere = matches!(&asked.whom, Whom::Federated(to, _) if to != region);
        if !allowed || elsewhere || self.may_stay(asked, region) {
            return Vec::new();
        }
        let late = |node: &Identity| {
            self.placed.moved.get(node).is_some_and(|(_, found_from)| asked.at < *found_from)
        };
        let missing = self.missing_of(asked, region).into_iter();
        missing.filter(|node| !late(node)).collect()
    }

    fn is_allowed(&self, asked: &Asked, to: &RegionId) -> bool {
        self.policies.surely(&Judged {
            from: &asked.region,
            to,
            collective: asked.collective.as_str(),
            agent: asked.whom.agent(),
            caller: CALLER,
            since: asked.at,
            until: asked.at + JUDGING,
        })
    }

    /// Whether a request for a service need not come to this region.
    fn may_stay(&self, asked: &Asked, region: &RegionId) -> bool {
        let Whom::Service(agent) = &asked.whom else { return false };
        let offers = |one: &RegionId| {
            self.placed.services.get(one).is_some_and(|services| services.contains(agent))
        };
        let serves = |one: &RegionId| offers(one) && self.nodes_of(one) > 0;
        let blind = |one: &RegionId| self.placed.blind.contains(one);
        let unsettled =
            |one: &RegionId| self.placed.unsettled.get(one).is_some_and(|until| asked.at < *until);
        let fails = |one: &RegionId| {
            unsettled(one) || (serves(one) && (blind(one) || !self.is_allowed(asked, one)))
        };
        // At home it is taken at once. Elsewhere one region of many takes it, and which is not ours to
        // say: it is owed if any would do, and told of the first.
        if asked.region == *region {
            return !serves(region);
        }
        if serves(&asked.region) || blind(&asked.region) {
            return true;
        }
        let mut others = self.regions.iter().filter(|one| **one != asked.region && offers(one));
        others.clone().any(fails) || others.find(|one| serves(one)) != Some(region)
    }

    /// The nodes of these regions, in the order of their names.
    pub(crate) fn nodes_in(&self, regions: &[RegionId]) -> impl Iterator<Item = &Identity> {
        let there =
            |node: &&Identity| self.region_of(node).is_some_and(|one| regions.contains(one));
        self.nodes.keys().filter(there)
    }

    /// All services that there are.
    pub(crate) fn services(&self) -> BTreeSet<Agent> {
        self.placed.services.values().flatten().cloned().collect()
    }

    /// Nodes that have a service, by region.
    pub(super) fn serving(&self, agent: &Agent) -> impl Iterator<Item = &Identity> {
        self.nodes.iter().filter_map(|(node, (region, _))| {
            let region = self.regions.get(*region)?;
            self.placed.services.get(region)?.contains(agent).then_some(node)
        })
    }

    /// Copies of directed requests, made between these times, that were published where the node is
    /// not.
    #[must_use]
    pub fn strays(&self, since: Duration, until: Duration) -> u64 {
        let strays = self.strays.iter().filter(|(asked_at, _)| (since..until).contains(*asked_at));
        strays.map(|(_, count)| count).sum()
    }

    /// Publications by gateways of a region.
    #[must_use]
    pub fn published_in(&self, region: &RegionId, kind: UnitKind) -> u64 {
        self.published.get(&(region.clone(), kind)).copied().unwrap_or(0)
    }
}
