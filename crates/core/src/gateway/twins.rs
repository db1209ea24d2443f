//! Identities that our region and another have: found by comparing filters, confirmed by asking.

use antiphon_wire::{Collective, Identity};

use crate::{
    Action, Alarm, Called, Control, Gateway, GatewayId, IdentityHash, Now, ROLL_CALL_MAX, RegionId,
    RollCall,
};

/// Identities that are compared in one step: some tenth of a millisecond.
const STEP: usize = 1024;

impl Gateway {
    /// Compares, asks, raises and clears, as far as it is time.
    pub(super) fn tend_twins(&mut self, now: Now, out: &mut Vec<Action>) {
        if !self.hinting.twins.is_due(now.mono) {
            return;
        }
        self.compare_some(now);
        for ((gateway, collective), nodes) in self.hinting.twins.take_questions(now.mono) {
            let nodes = nodes.into_iter();
            let nodes = nodes.map(|(identity, name)| Called { identity, name, held: true });
            let nodes: Vec<Called> = nodes.collect();
            for some in nodes.chunks(ROLL_CALL_MAX) {
                let call = self.roll_call(&gateway, &collective, some.to_vec());
                self.send_towards(&gateway, Control::RollCall(call), out);
            }
        }
        self.review_twins(now, out);
        self.hinting.twins.plan(now.mono);
    }

    /// Another gateway told something new of its region's nodes.
    pub(super) fn on_filters_of(&mut self, gateway: &GatewayId, region: &RegionId, now: Now) {
        // Of two regions one compares: what it finds, both know.
        if *region > self.me.region {
            self.hinting.twins.on_filters(gateway, now.mono);
        }
    }

    /// A node of ours that was not known before: others may have it already.
    pub(super) fn look_for_twins_of(
        &mut self,
        collective: Option<&Collective>,
        name: &str,
        now: Now,
    ) {
        let identity = IdentityHash::of(name);
        let meant = |one: &Collective| collective.is_none_or(|collective| collective == one);
        for (region, gateway, shelf) in self.hinting.library.all() {
            if *region == self.me.region {
                continue;
            }
            for (collective, volume) in shelf.volumes().filter(|(one, _)| meant(one)) {
                if self.config.export.contains(collective) && volume.may_hold(identity) {
                    let node = (identity, name);
                    self.hinting.twins.on_match(gateway, collective, node, now.mono);
                }
            }
        }
    }

    fn compare_some(&mut self, now: Now) {
        let hinting = &mut self.hinting;
        let known = |gateway: &GatewayId| self.database.topology(gateway).is_some();
        hinting.twins.forget(known);
        let collectives = || hinting.local.collectives().map(|(collective, _)| collective);
        let again = self.config.hints.poll;
        let Some(step) = hinting.twins.next_step(collectives(), now.mono, again) else { return };
        let region = self.database.topology(&step.gateway).map(|(region, _)| region);
        let shelf = region.and_then(|region| hinting.library.shelf(region, &step.gateway));
        let volume = shelf.and_then(|shelf| shelf.get(&step.collective));
        let known = hinting.local.get(&step.collective);
        let Some((volume, known)) = volume.zip(known) else {
            return hinting.twins.go_on(step, None, collectives(), now.mono);
        };
        let (some, next) = known.some_from(step.from, STEP);
        for identity in some.into_iter().filter(|one| volume.may_hold(*one)) {
            let node = (identity, "");
            hinting.twins.on_match(&step.gateway, &step.collective, node, now.mono);
        }
        hinting.twins.go_on(step, next, collectives(), now.mono);
    }

    fn roll_call(&self, to: &GatewayId, collective: &Collective, nodes: Vec<Called>) -> RollCall {
        RollCall {
            from: self.me.gateway.clone(),
            to: to.clone(),
            limit: self.config.limits.hops,
            collective: collective.clone(),
            nodes,
        }
    }

    /// Another region's gateway asks which of its nodes we have.
    pub(super) fn on_roll_call(&mut self, call: RollCall, now: Now, out: &mut Vec<Action>) {
        if call.to != self.me.gateway {
            return self.pass_on(call, Control::RollCall, out);
        }
        let held: Vec<bool> = call.nodes.iter().map(|one| self.holds(&call, one)).collect();
        self.note_twins(&call, now);
        let answer = |(called, held): (&Called, bool)| Called {
            identity: called.identity,
            name: self.hinting.twins.name_of(called.identity).to_owned(),
            held,
        };
        let nodes = call.nodes.iter().zip(held).map(answer).collect();
        let answer = self.roll_call(&call.from, &call.collective, nodes);
        self.send_towards(&call.from, Control::RollAnswer(answer), out);
    }

    /// What another region's gateway says of nodes that we asked it about.
    pub(super) fn on_roll_answer(&mut self, answer: RollCall, now: Now, out: &mut Vec<Action>) {
        if answer.to != self.me.gateway {
            return self.pass_on(answer, Control::RollAnswer, out);
        }
        let denied =
            |identity| answer.nodes.iter().any(|one| one.identity == identity && !one.held);
        let over = self.hinting.twins.retain(|_, identity, twin| {
            twin.gateway != answer.from || twin.collective != answer.collective || !denied(identity)
        });
        self.clear_twins(over, out);
        self.note_twins(&answer, now);
    }

    fn pass_on(&mut self, call: RollCall, as_what: fn(RollCall) -> Control, out: &mut Vec<Action>) {
        if let Some(limit) = call.limit.checked_sub(1) {
            let to = call.to.clone();
            self.send_towards(&to, as_what(RollCall { limit, ..call }), out);
        }
    }

    fn holds(&self, call: &RollCall, one: &Called) -> bool {
        let known = self.hinting.local.get(&call.collective);
        known.is_some_and(|known| known.holds(one.identity))
    }

    /// Takes what another region has for certain; what we have too is a twin.
    fn note_twins(&mut self, call: &RollCall, now: Now) {
        let Some((region, _)) = self.database.topology(&call.from) else { return };
        // Regions that are joined natively hear each other's nodes: another alarm says so.
        if *region == self.me.region || self.is_native(region) {
            return;
        }
        let region = region.clone();
        for called in &call.nodes {
            if called.held && self.holds(call, called) {
                let is_its_name = IdentityHash::of(&called.name) == called.identity
                    && Identity::try_from(called.name.as_str()).is_ok();
                let name = if is_its_name { called.name.as_str() } else { "" };
                let (from, node) = ((&region, &call.from), (called.identity, name));
                self.hinting.twins.on_confirmed(from, &call.collective, node, now.mono);
            }
        }
    }

    fn review_twins(&mut self, now: Now, out: &mut Vec<Action>) {
        let local = &self.hinting.local;
        let ours = |collective: &Collective, identity| {
            local.get(collective).is_some_and(|known| known.holds(identity))
        };
        let over = self.hinting.twins.retain(|_, identity, twin| {
            !twin.is_over(now.mono) && ours(&twin.collective, identity)
        });
        self.clear_twins(over, out);
        let mut changes = Vec::new();
        for (region, identity, twin) in self.hinting.twins.found_mut() {
            let title = twin.title(identity, now.mono);
            if title.is_some() && title != twin.raised {
                let before = std::mem::replace(&mut twin.raised, title.clone());
                changes.push((region.clone(), before, title));
            }
        }
        for (region, before, after) in changes {
            if let Some(identity) = before {
                let region = region.clone();
                self.clear(Alarm::IdentityInTwoRegions { identity, region }, out);
            }
            if let Some(identity) = after {
                self.raise(Alarm::IdentityInTwoRegions { identity, region }, out);
            }
        }
        if !self.hinting.twins.nameless().is_empty() {
            self.hasten_reading(now);
        }
    }

    fn clear_twins(&mut self, over: Vec<(RegionId, crate::hints::Twin)>, out: &mut Vec<Action>) {
        for (region, twin) in over {
            if let Some(identity) = twin.raised {
                self.clear(Alarm::IdentityInTwoRegions { identity, region }, out);
            }
        }
    }
}
