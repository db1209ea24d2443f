//! Graphs of what is not so, and the way that frames would take in one.

use super::{Graph, Table, graph::Edge};
use crate::id::{GatewayId, RegionId};

impl Graph {
    /// The same graph without the links for which `cut` says so, by the names of their ends.
    pub(crate) fn without(
        &self,
        cut: impl Fn((&GatewayId, &RegionId), (&GatewayId, &RegionId)) -> bool,
    ) -> Self {
        let mut graph = self.clone();
        for number in 0..self.vertex_count() {
            let Some(one) = self.place(number) else { continue };
            let stays = |edge: &Edge| self.place(edge.to).is_some_and(|other| !cut(one, other));
            graph.retain_edges(number, stays);
        }
        graph
    }

    /// The gateways of a region that can take requests there, by name.
    pub(crate) fn entries(&self, region: &RegionId) -> impl Iterator<Item = &GatewayId> {
        let usable = self.gateways().filter(move |(number, _, vertex)| {
            vertex.usable && self.place(*number).is_some_and(|(_, one)| one == region)
        });
        usable.map(|(_, gateway, _)| gateway)
    }

    /// What the link from one gateway to another costs.
    pub(crate) fn cost(&self, from: &GatewayId, to: &GatewayId) -> Option<u64> {
        let to = self.number(to)?;
        let edges = &self.vertex(self.number(from)?)?.edges;
        edges.iter().find(|edge| edge.to == to).map(|edge| edge.cost)
    }

    /// Whether frames can end at a gateway.
    pub(crate) fn is_usable(&self, gateway: &GatewayId) -> bool {
        self.number(gateway).and_then(|number| self.vertex(number)).is_some_and(|one| one.usable)
    }

    /// Whether there is a region or a gateway of this name.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.gateways().any(|(_, gateway, _)| gateway.as_str() == name)
            || self.regions().any(|(_, region)| region.as_str() == name)
    }

    /// The region of a gateway.
    pub(crate) fn region_of(&self, gateway: &GatewayId) -> Option<&RegionId> {
        self.place(self.number(gateway)?).map(|(_, region)| region)
    }

    /// The routes of a gateway for frames of this origin.
    pub(crate) fn table(&self, of: &GatewayId, origin: &RegionId) -> Table {
        Table::new(self, of, self.origin(origin))
    }
}
