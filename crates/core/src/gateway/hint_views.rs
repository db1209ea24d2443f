//! What is known of interest, for operators.

use std::{collections::BTreeMap, time::Duration};

use antiphon_wire::Collective;

use crate::{Gateway, GatewayId, HintView, InterestView, RegionId, hints::Volume};

impl Gateway {
    pub(super) fn interest_view(&self) -> InterestView {
        let local = &self.hinting.local;
        InterestView {
            monitors: self.config.hints.monitors,
            reads: self.hinting.reads(),
            servers: local.servers(),
            complete: self.hinting.has_complete(),
            read: some(local.read_at()),
            problem: local.problem().to_owned(),
            waiting: self.services.waiting(),
        }
    }

    /// By region and collective, our own included.
    pub(super) fn hint_views(&self) -> Vec<HintView> {
        let mut views: BTreeMap<(&RegionId, &Collective), HintView> = BTreeMap::new();
        for (region, gateway, shelf) in self.hinting.library.all() {
            for (collective, volume) in shelf.volumes() {
                let view =
                    views.entry((region, collective)).or_insert_with(|| empty(region, collective));
                self.add(view, gateway, volume);
            }
        }
        views.into_values().collect()
    }

    fn add(&self, view: &mut HintView, gateway: &GatewayId, volume: &Volume) {
        let live = *gateway == self.me.gateway || self.is_live(gateway);
        let hints = &volume.hints;
        view.complete |= volume.complete && live;
        view.identities = view.identities.max(hints.identities);
        view.read = view.read.max(some(hints.read));
        view.gateways.push(gateway.clone());
        for (all, said) in
            [(&mut view.agents, &hints.agents), (&mut view.services, &hints.services)]
        {
            all.extend(said.iter().map(str::to_owned));
            all.sort_unstable();
            all.dedup();
        }
    }
}

fn empty(region: &RegionId, collective: &Collective) -> HintView {
    HintView {
        region: region.clone(),
        collective: collective.to_string(),
        complete: false,
        identities: 0,
        agents: Vec::new(),
        services: Vec::new(),
        read: None,
        gateways: Vec::new(),
    }
}

fn some(read: Duration) -> Option<Duration> {
    (read > Duration::ZERO).then_some(read)
}
