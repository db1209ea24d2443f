//! Peers that broke the protocol of a link.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    Action, Alarm, Gateway, GatewayId, LinkId, Now, gateway::links::close, session::Breach,
};

/// How long the alarm stands after the last breach: the peer is back within a second, and an operator
/// should still hear of it.
pub(super) const TOLD: Duration = Duration::from_secs(600);

/// Until when the alarm of each such peer stands. Bound: an entry for each alarm that stands.
#[derive(Debug, Default)]
pub(super) struct Breaches(BTreeMap<GatewayId, Duration>);

impl Breaches {
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.0.values().min().copied()
    }
}

impl Gateway {
    /// A peer that breaks the protocol of the link loses the link.
    pub(super) fn misbehaves(
        &mut self,
        link: LinkId,
        gateway: GatewayId,
        breach: Breach,
        now: Now,
        out: &mut Vec<Action>,
    ) {
        // Its numbers cannot be trusted: a new epoch begins when it comes back.
        if let Some(peer) = self.peers.get_mut(&gateway) {
            peer.inbox = None;
        }
        out.push(close(link, breach.0));
        let alarm = Alarm::PeerMisbehaves { gateway: gateway.clone(), what: breach.0.to_owned() };
        if !self.alarms.contains(&alarm) {
            self.clear_breach(&gateway, out);
            self.raise(alarm.clone(), out);
        }
        if self.alarms.contains(&alarm) {
            self.breaches.0.insert(gateway, now.mono + TOLD);
        }
    }

    /// Clears the alarms of those that have kept to the protocol since.
    pub(super) fn expire_breaches(&mut self, now: Now, out: &mut Vec<Action>) {
        if self.breaches.next_deadline().is_none_or(|due| now.mono < due) {
            return;
        }
        let over = self.breaches.0.iter().filter(|(_, until)| **until <= now.mono);
        for gateway in over.map(|(gateway, _)| gateway.clone()).collect::<Vec<_>>() {
            self.breaches.0.remove(&gateway);
            self.clear_breach(&gateway, out);
        }
    }

    fn clear_breach(&mut self, of: &GatewayId, out: &mut Vec<Action>) {
        let is_its =
            |one: &Alarm| matches!(one, Alarm::PeerMisbehaves { gateway, .. } if gateway == of);
        self.clear_all(is_its, out);
    }
}
