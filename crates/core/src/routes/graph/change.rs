//! What one gateway says anew, worked into the graph without building all of it.

use std::collections::BTreeSet;

use super::{Edge, Graph, edges, mutual};
use crate::{
    advert::Topology,
    id::{GatewayId, RegionId},
};

/// How a graph differs from what it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::routes) struct Delta {
    pub(in crate::routes) shifts: Vec<Shift>,
    /// Regions of which another set of gateways can end frames, by number.
    pub(in crate::routes) regions: BTreeSet<usize>,
}

/// One direction of an adjacency that has come, gone, or costs something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::routes) struct Shift {
    pub(in crate::routes) from: usize,
    pub(in crate::routes) to: usize,
    pub(in crate::routes) before: Option<u64>,
    pub(in crate::routes) after: Option<u64>,
}

impl Delta {
    pub(in crate::routes) fn is_empty(&self) -> bool {
        self.shifts.is_empty() && self.regions.is_empty()
    }
}

impl Graph {
    /// Takes what a gateway says of itself, adding to `delta` what changes by it; whether that can be
    /// done. It cannot where the gateway is new here, has another region, or changes what may pass
    /// through it: then the graph is as it was, and must be built anew.
    ///
    /// Cost: a comparison of its adjacencies with what it said before.
    pub(in crate::routes) fn change(
        &mut self,
        (gateway, region, topology): (&GatewayId, &RegionId, &Topology),
        delta: &mut Delta,
    ) -> bool {
        let Some(number) = self.number(gateway) else { return false };
        let here = topology.state.takes_frames();
        let same = |home: &RegionId| home == region;
        let Some(vertex) = self.vertices.get_mut(number) else { return false };
        let stays = self.regions.get(vertex.region).is_some_and(same);
        if !stays || vertex.passable != here || vertex.willing != topology.transit {
            return false;
        }
        let usable = here && topology.broker;
        if vertex.usable != usable {
            vertex.usable = usable;
            delta.regions.insert(vertex.region);
        }
        let said = edges(&self.gateways, topology);
        if vertex.said != said {
            self.change_edges(number, said, delta);
        }
        true
    }

    fn change_edges(&mut self, number: usize, said: Vec<Edge>, delta: &mut Delta) {
        let Some(vertex) = self.vertices.get_mut(number) else { return };
        let before = std::mem::replace(&mut vertex.said, said);
        let differences = differences(&before, &vertex.said);
        for (to, before, after) in differences {
            // Without the other end's word there is no adjacency, whatever this one says.
            let Some(back) = self.vertices.get(to).and_then(|there| there.said_of(number)) else {
                continue;
            };
            if to == number {
                continue;
            }
            delta.shifts.push(Shift { from: number, to, before, after });
            if before.is_none() != after.is_none() {
                let cost = |there: Option<u64>| there.map(|_| back);
                let (before, after) = (cost(before), cost(after));
                delta.shifts.push(Shift { from: to, to: number, before, after });
                self.set_edges(to);
            }
        }
        self.set_edges(number);
    }

    fn set_edges(&mut self, number: usize) {
        let edges = mutual(&self.vertices, number);
        if let Some(vertex) = self.vertices.get_mut(number) {
            vertex.edges = edges;
        }
    }
}

/// What differs between two lists that are sorted by number: the number, and both costs.
fn differences(before: &[Edge], after: &[Edge]) -> Vec<(usize, Option<u64>, Option<u64>)> {
    let (mut old, mut new) = (before.iter().peekable(), after.iter().peekable());
    let mut differences = Vec::new();
    while let Some(to) = old.peek().into_iter().chain(new.peek()).map(|edge| edge.to).min() {
        let before = old.next_if(|edge| edge.to == to).map(|edge| edge.cost);
        let after = new.next_if(|edge| edge.to == to).map(|edge| edge.cost);
        if before != after {
            differences.push((to, before, after));
        }
    }
    differences
}
