//! What is supposed to be down, and the graph that is left.

use std::borrow::Cow;

use crate::{
    ExplainError, Frame, GatewayId, Leg, RegionId, Supposition, gateway::decide::Will,
    order::InForce, policy::Policy, routes::Graph,
};

/// Longest path that is drawn.
const LEGS_MAX: usize = 64;

/// A graph, and what has been taken out of it.
#[derive(Debug)]
pub(super) struct Supposed<'a> {
    graph: Cow<'a, Graph>,
    downs: Vec<Down<'a>>,
    will: Option<(&'a Policy, InForce)>,
}

/// Every link between two places, or of one.
#[derive(Clone, Copy, Debug)]
struct Down<'a> {
    one: &'a str,
    other: Option<&'a str>,
}

/// A gateway and its region.
type Place<'a> = (&'a GatewayId, &'a RegionId);

impl<'a> Supposed<'a> {
    /// `orders`: those that would hold under a policy.
    pub(super) fn new(
        graph: &'a Graph,
        suppositions: &'a [Supposition],
        orders: impl Fn(&Policy) -> InForce,
    ) -> Result<Self, ExplainError> {
        let (mut downs, mut another) = (Vec::new(), None);
        for supposition in suppositions {
            match supposition {
                Supposition::Down { what } => {
                    let down = Down::read(graph, what);
                    downs.push(down.ok_or_else(|| ExplainError::UnknownPlace(what.clone()))?);
                }
                Supposition::Policy { policy } => another = Some(&**policy),
            }
        }
        let graph = match downs.is_empty() {
            true => Cow::Borrowed(graph),
            false => Cow::Owned(
                graph.without(|one, other| downs.iter().any(|down| down.cuts(one, other))),
            ),
        };
        Ok(Self { graph, downs, will: another.map(|policy| (policy, orders(policy))) })
    }

    pub(super) fn graph(&self) -> &Graph {
        &self.graph
    }

    /// What is supposed to be in force, where that is not what is.
    pub(super) fn will(&self) -> Option<Will<'_>> {
        self.will.as_ref().map(|(policy, orders)| Will { policy, orders })
    }

    /// Whether this very gateway is supposed to be down.
    pub(super) fn is_gone(&self, gateway: &GatewayId) -> bool {
        self.downs.iter().any(|down| down.other.is_none() && down.one == gateway.as_str())
    }

    /// Whether the link between two gateways is supposed to be down.
    pub(super) fn cuts(&self, one: Place<'_>, other: Place<'_>) -> bool {
        self.downs.iter().any(|down| down.cuts(one, other))
    }

    /// The links that a frame is expected to cross, from its entry over the first peer.
    pub(super) fn path(&self, frame: &Frame, entry: &GatewayId, first: &GatewayId) -> Vec<Leg> {
        let graph = self.graph();
        let mut legs: Vec<Leg> = Vec::new();
        let (mut at, mut next) = (entry.clone(), first.clone());
        while legs.len() < LEGS_MAX {
            let (Some(cost), Some(region)) = (graph.cost(&at, &next), graph.region_of(&next))
            else {
                break;
            };
            let region = region.clone();
            let there = region == frame.end.to && graph.is_usable(&next);
            legs.push(Leg { from: at, to: next.clone(), region, cost });
            if there {
                break;
            }
            at = next;
            let table = graph.table(&at, &frame.end.creator.region);
            let Some(route) = table.region(&frame.end.to) else { break };
            let seen =
                |peer: &&GatewayId| *peer == entry || legs.iter().any(|leg| leg.to == **peer);
            let fit: Vec<&GatewayId> = route.next_hops.iter().filter(|one| !seen(one)).collect();
            let index = frame.end.flow.checked_rem(fit.len() as u64).unwrap_or_default();
            let Some(peer) = usize::try_from(index).ok().and_then(|index| fit.get(index)) else {
                break;
            };
            next = (*peer).clone();
        }
        legs
    }
}

impl<'a> Down<'a> {
    /// One name, or two joined by a hyphen; names may hold hyphens themselves.
    fn read(graph: &Graph, what: &'a str) -> Option<Self> {
        if graph.knows(what) {
            return Some(Self { one: what, other: None });
        }
        let mut splits = what.match_indices('-').filter_map(|(at, _)| what.split_at_checked(at));
        splits.find_map(|(one, rest)| {
            let other = rest.strip_prefix('-')?;
            let known = graph.knows(one) && graph.knows(other);
            known.then_some(Self { one, other: Some(other) })
        })
    }

    fn cuts(self, one: Place<'_>, other: Place<'_>) -> bool {
        let is = |place: Place<'_>, name| place.0.as_str() == name || place.1.as_str() == name;
        match self.other {
            Some(name) => {
                (is(one, self.one) && is(other, name)) || (is(one, name) && is(other, self.one))
            }
            // What is down may still talk to itself: a region keeps its own links.
            None => is(one, self.one) != is(other, self.one),
        }
    }
}
