//! What hints rule out: regions that a directed request need not go to.

use antiphon_wire::Collective;

use crate::{
    Candidate, Gateway, Hint, Holding, IdentityHash, RegionId, Rejection, Target, Verdict,
    gateway::decide::Asked,
};

impl Gateway {
    /// What the hints of a region, our own or another, say of a node.
    ///
    /// `No` only where a gateway of the region that is at work and in reach has read every server of
    /// its cluster less than two polls ago. Cost: some hundred nanoseconds a gateway of the region.
    #[must_use]
    pub fn hint(&self, region: &RegionId, collective: &Collective, identity: &str) -> Hint {
        self.hint_of(region, collective, IdentityHash::of(identity))
    }

    fn hint_of(&self, region: &RegionId, collective: &Collective, identity: IdentityHash) -> Hint {
        let mut hint = Hint { holding: Holding::Unknown, read: std::time::Duration::ZERO };
        if *region == self.me.region
            && let Some(known) = self.hinting.local.get(collective)
        {
            hint.read = self.hinting.local.read_at();
            if known.holds(identity) {
                return Hint { holding: Holding::Yes, ..hint };
            }
            if self.hinting.has_complete() {
                hint.holding = Holding::No;
            }
        }
        for (gateway, shelf) in self.hinting.library.shelves(region) {
            let Some(volume) = shelf.get(collective) else { continue };
            if *gateway == self.me.gateway {
                continue;
            }
            hint.read = hint.read.max(volume.hints.read);
            if volume.may_hold(identity) {
                return Hint { holding: Holding::Yes, ..hint };
            }
            if volume.complete && hint.holding == Holding::Unknown && self.is_live(gateway) {
                hint.holding = Holding::No;
            }
        }
        hint
    }

    /// Rejects regions whose complete hints do not hold the node that is asked. One that no region
    /// holds may be too new for all of them: it is looked for everywhere.
    pub(super) fn prune(&self, asked: &Asked<'_>, candidates: &mut [Candidate]) {
        let Target::Directed { identities } = asked.target else { return };
        // Several are told apart by region before they come here.
        let [identity] = identities.as_slice() else { return };
        if !candidates.iter().any(Candidate::is_accepted) {
            return;
        }
        let identity = IdentityHash::of(identity);
        let hint = |region: &RegionId| self.hint_of(region, &asked.head.collective, identity);
        let hints: Vec<Hint> = candidates.iter().map(|one| hint(&one.region)).collect();
        let said: Vec<(&Candidate, Hint)> = candidates.iter().zip(hints).collect();
        if !said.iter().any(|(_, hint)| hint.holding == Holding::Yes) {
            return;
        }
        let ruled_out: Vec<Option<Hint>> = said
            .iter()
            .map(|(candidate, hint)| {
                candidate.is_accepted().then(|| reached(candidate, *hint, &said))
            })
            .map(|hint| hint.filter(|hint| hint.holding == Holding::No))
            .collect();
        for (candidate, hint) in candidates.iter_mut().zip(ruled_out) {
            if let Some(hint) = hint {
                candidate.verdict = Verdict::Rejected(Rejection::NotThere { read: hint.read });
            }
        }
    }

    /// The regions that have a service, as they say.
    pub(super) fn offers_service(
        &self,
        region: &RegionId,
        collective: &Collective,
        agent: &str,
    ) -> bool {
        let has = |(gateway, shelf): (&crate::GatewayId, &crate::hints::Shelf)| {
            let volume = shelf.get(collective);
            volume.is_some_and(|volume| volume.hints.services.contains(agent))
                && self.is_live(gateway)
        };
        self.hinting.library.shelves(region).any(has)
    }
}

/// What is said of all nodes that a request to this region reaches: its own, and those of regions that
/// hear it natively.
fn reached(candidate: &Candidate, own: Hint, said: &[(&Candidate, Hint)]) -> Hint {
    let through = Verdict::Rejected(Rejection::HeardThrough { through: candidate.region.clone() });
    let others = said.iter().filter(|(one, _)| one.verdict == through).map(|(_, hint)| *hint);
    others.fold(own, |all, one| match (all.holding, one.holding) {
        (Holding::No, Holding::No) | (Holding::Yes, _) => all,
        (Holding::No | Holding::Unknown, Holding::Yes | Holding::Unknown) => one,
        (Holding::Unknown, Holding::No) => all,
    })
}
