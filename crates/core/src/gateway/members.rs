//! What gossip tells, and whom we dial because of it.

use std::{collections::BTreeSet, time::Duration};

use crate::{Action, Gateway, GatewayId, GatewayState, Member, Now, RegionId};

/// How long a member that gossip has lost sight of is dialled, and missed: over a weekend.
const LOST_FOR: Duration = Duration::from_secs(72 * 3600);

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
        if self.may_dial(&member.region) && !leaves(&member) {
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
        if leaves(member) {
            self.forget_member(&gateway.clone());
            return;
        }
        self.lost_members.entry(gateway.clone()).or_insert(now.mono);
        self.dialer.slow_down(gateway, now.mono);
    }

    /// Makes room for a member that gossip sees, at the cost of one that it does not.
    fn forget_a_lost_member(&mut self) {
        if let Some((gateway, _)) = self.lost_members.pop_first() {
            self.forget_member(&gateway);
        }
    }

    fn forget_member(&mut self, gateway: &GatewayId) {
        self.lost_members.remove(gateway);
        self.members.remove(gateway);
        self.gone.remove(gateway);
        self.dialer.remove(gateway);
    }

    /// When the first of the lost members is given up.
    pub(super) fn lost_deadline(&self) -> Option<Duration> {
        self.lost_members.values().min().map(|since| *since + LOST_FOR)
    }

    /// Gives up members that nobody has seen for days: a machine that was taken away for good.
    pub(super) fn expire_members(&mut self, now: Now) {
        if self.lost_deadline().is_none_or(|due| now.mono < due) {
            return;
        }
        let over = self.lost_members.iter().filter(|(_, since)| **since + LOST_FOR <= now.mono);
        for gateway in over.map(|(gateway, _)| gateway.clone()).collect::<Vec<_>>() {
            self.forget_member(&gateway);
        }
    }

    /// Members that should be linked with us and have no session: their links are down for longer than one waits.
    pub(super) fn absent(&self) -> impl Iterator<Item = &Member> {
        self.members.values().filter(|member| {
            !leaves(member)
                && self.may_dial(&member.region)
                && !self.peers.contains_key(&member.gateway)
        })
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

/// Whether it said that it goes.
pub(super) fn leaves(member: &Member) -> bool {
    matches!(member.state, GatewayState::Draining | GatewayState::Left)
}
