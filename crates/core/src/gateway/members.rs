//! What gossip tells, and whom we dial because of it.

use std::{collections::BTreeSet, time::Duration};

use crate::{Action, Gateway, GatewayId, GatewayState, Member, Now, RegionId};

impl Gateway {
    pub(super) fn on_member(&mut self, member: Member, now: Now) {
        self.dialing.call();
        if member.gateway == self.me.gateway {
            return;
        }
        self.lost_members.remove(&member.gateway);
        let known = self.members.contains_key(&member.gateway);
        if !known && self.members.len() >= self.config.limits.gateways_max {
            self.forget_a_lost_member();
        }
        if !known && self.members.len() >= self.config.limits.gateways_max {
            return;
        }
        let leaves = matches!(member.state, GatewayState::Draining | GatewayState::Left);
        if self.may_dial(&member.region) && !leaves {
            self.dialer.add(&member.gateway, now.mono + self.courtesy(&member.gateway));
        } else {
            self.dialer.remove(&member.gateway);
        }
        self.members.insert(member.gateway.clone(), member);
    }

    /// Gossip has lost sight of a gateway. If it did not say goodbye it may come back where it was,
    /// and gossip cannot tell while we are apart: it is dialled now and then.
    pub(super) fn on_member_gone(&mut self, gateway: &GatewayId, now: Now) {
        let Some(member) = self.members.get(gateway) else { return };
        self.dialing.call();
        if matches!(member.state, GatewayState::Draining | GatewayState::Left) {
            self.members.remove(gateway);
            self.dialer.remove(gateway);
            return;
        }
        self.lost_members.insert(gateway.clone());
        self.dialer.slow_down(gateway, now.mono);
    }

    /// Makes room for a member that gossip sees, at the cost of one that it does not.
    fn forget_a_lost_member(&mut self) {
        if let Some(gateway) = self.lost_members.pop_first() {
            self.members.remove(&gateway);
            self.dialer.remove(&gateway);
        }
    }

    /// Dials whoever is due, unless we are leaving.
    pub(super) fn dial(&mut self, now: Now, out: &mut Vec<Action>) {
        if !self.dialing.take(now.mono) {
            return;
        }
        if self.drain.is_some() {
            self.dialing.due = None;
            return;
        }
        let linked: BTreeSet<GatewayId> = self.links.values().cloned().collect();
        let due = self.dialer.due(&self.members, &linked, now.mono);
        out.extend(due.into_iter().map(|target| Action::Dial { target }));
        self.dialing.due = self.dialer.next_deadline(&linked);
    }

    /// How long we leave dialling to the other side, so that both do not dial at once.
    pub(super) fn courtesy(&self, gateway: &GatewayId) -> Duration {
        if self.me.gateway < *gateway { Duration::ZERO } else { self.config.periods.dial_courtesy }
    }

    fn may_dial(&self, region: &RegionId) -> bool {
        let listed = self.config.peers.as_ref().is_none_or(|peers| peers.contains(region));
        listed || region == self.region()
    }
}
