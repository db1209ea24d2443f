//! Alarms of what happens once and again, and is not seen to end: they stand for a while after the last time.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    Action, Alarm, Gateway, GatewayId, LinkId, Now, gateway::links::close, session::Breach,
};

/// How long such an alarm stands: a peer that broke the protocol is back within a second, and an operator should
/// still hear of it.
pub(super) const TOLD: Duration = Duration::from_secs(600);

/// Until when each of them stands. Bound: that of alarms.
#[derive(Debug, Default)]
pub(super) struct Passing(BTreeMap<Alarm, Duration>);

impl Passing {
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.0.values().min().copied()
    }

    pub(super) fn forget(&mut self, alarm: &Alarm) {
        self.0.remove(alarm);
    }
}

impl Gateway {
    /// Raises an alarm, or lets it stand for longer.
    pub(super) fn raise_for_a_while(&mut self, alarm: Alarm, now: Now, out: &mut Vec<Action>) {
        self.raise(alarm.clone(), out);
        if self.alarms.contains(&alarm) {
            self.passing.0.insert(alarm, now.mono + TOLD);
        }
    }

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
        // The latest of each peer is enough.
        let is_its = |one: &Alarm| matches!(one, Alarm::PeerMisbehaves { gateway: its, .. } if *its == gateway);
        self.clear_all(|one| *one != alarm && is_its(one), out);
        self.raise_for_a_while(alarm, now, out);
    }

    /// Clears the alarms of what has not happened again.
    pub(super) fn expire_passing(&mut self, now: Now, out: &mut Vec<Action>) {
        if self.passing.next_deadline().is_none_or(|due| now.mono < due) {
            return;
        }
        let over = self.passing.0.iter().filter(|(_, until)| **until <= now.mono);
        for alarm in over.map(|(alarm, _)| alarm.clone()).collect::<Vec<_>>() {
            self.clear(alarm, out);
        }
    }
}
