//! Leaving without losing anything.
//!
//! Advertise it, leave the queue groups, send what is held, ask each peer for its last frame,
//! deliver through it, have the broker confirm, await receipts for our own units until the grace
//! ends, say goodbye, stop.

use std::{collections::BTreeMap, time::Duration};

use crate::{Action, Control, Epoch, Gateway, GatewayId, GatewayState, LinkId, Now};

/// Between two looks at what is still open.
const LOOK: Duration = Duration::from_millis(20);

/// ```text
///  Leaving ──out of the groups──▶ Emptying ──all peers' last frames in, nothing held──▶ Settling
///                                                                                         │
///                                    receipts for our own units in, or grace over ──▶ Stopped
/// ```
#[derive(Debug)]
pub(super) struct Drain {
    stage: Stage,
    deadline: Duration,
    look: Option<Duration>,
    /// The last number of each peer that we asked; `None` until it answers.
    last: BTreeMap<GatewayId, Option<(Epoch, u64)>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Leaving,
    Emptying,
    Settling,
    Stopped,
}

impl Drain {
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.look
    }
}

impl Gateway {
    pub(super) fn on_drain(&mut self, grace: Duration, now: Now, _out: &mut Vec<Action>) {
        if self.drain.is_some() {
            return;
        }
        self.set_state(GatewayState::Draining);
        self.dialing.call();
        self.drain = Some(Drain {
            stage: Stage::Leaving,
            deadline: now.mono + grace,
            look: Some(now.mono),
            last: BTreeMap::new(),
        });
    }

    /// Whether a drain is on its way and nobody has been told goodbye.
    #[must_use]
    pub fn can_undrain(&self) -> bool {
        self.drain.as_ref().is_some_and(|drain| drain.stage != Stage::Stopped)
    }

    /// Back to work: peers may send frames again, and the queue groups are joined anew.
    pub(super) fn on_undrain(&mut self, out: &mut Vec<Action>) {
        if !self.can_undrain() {
            return;
        }
        let told = self.drain.take().map(|drain| drain.last).unwrap_or_default();
        for gateway in told.keys() {
            let link = self.peers.get(gateway).and_then(|peer| peer.link.as_ref());
            out.extend(
                link.map(|link| Action::Control { link: link.id, message: Control::Undrain }),
            );
        }
        self.dialing.call();
        // Active as soon as it is in the queue groups.
        self.set_state(GatewayState::Starting);
    }

    /// A peer that drained takes frames again.
    pub(super) fn on_peer_undrains(&mut self, link: LinkId) {
        let Some((_, peer)) = self.peer_of(link) else { return };
        self.graph_stale |= std::mem::take(&mut peer.draining);
    }

    /// A peer drains: nothing more is sent to it, and it is told which frame was the last.
    pub(super) fn on_drain_request(&mut self, link: LinkId, now: Now, out: &mut Vec<Action>) {
        let Some((_, peer)) = self.peer_of(link) else { return };
        peer.draining = true;
        let (epoch, next) = (peer.outbox.epoch(), peer.outbox.next_number());
        out.push(Action::Control { link, message: Control::LastFrame { epoch, next } });
        self.reroute(now, out);
    }

    pub(super) fn on_last_frame(&mut self, link: LinkId, epoch: Epoch, next: u64) {
        let Some((gateway, _)) = self.peer_of(link) else { return };
        if let Some(drain) = &mut self.drain
            && let Some(last) = drain.last.get_mut(&gateway)
        {
            *last = Some((epoch, next));
        }
    }

    /// Goes on with the drain as far as it can.
    pub(super) fn advance_drain(&mut self, now: Now, out: &mut Vec<Action>) {
        while let Some(next) = self.next_stage(now) {
            self.enter(next, out);
        }
        if let Some(drain) = &mut self.drain {
            drain.look = (drain.stage != Stage::Stopped).then(|| now.mono + LOOK);
        }
    }

    fn next_stage(&self, now: Now) -> Option<Stage> {
        let drain = self.drain.as_ref()?;
        let over = drain.deadline <= now.mono;
        match drain.stage {
            Stage::Leaving => (self.membership.is_apart() || over).then_some(Stage::Emptying),
            Stage::Emptying => (self.is_empty(drain) || over).then_some(Stage::Settling),
            Stage::Settling => {
                let settled = self.account.pending() == 0 && self.outgoing.is_empty();
                (settled || over).then_some(Stage::Stopped)
            }
            Stage::Stopped => None,
        }
    }

    fn enter(&mut self, stage: Stage, out: &mut Vec<Action>) {
        let links: Vec<(GatewayId, LinkId)> = self
            .peers
            .iter()
            .filter_map(|(gateway, peer)| Some((gateway.clone(), peer.link.as_ref()?.id)))
            .collect();
        let Some(drain) = &mut self.drain else { return };
        drain.stage = stage;
        match stage {
            Stage::Leaving | Stage::Settling => {}
            Stage::Emptying => {
                for (gateway, link) in links {
                    drain.last.insert(gateway, None);
                    out.push(Action::Control { link, message: Control::DrainRequest });
                }
            }
            Stage::Stopped => {
                for (_, link) in links {
                    out.push(Action::Control { link, message: Control::Goodbye });
                    out.push(super::links::close(link, "this gateway leaves"));
                }
                out.push(Action::Stop);
            }
        }
    }

    /// A link has opened: its peer hears (again) whether it may send. What it heard on an earlier link may have
    /// been lost, or be over.
    pub(super) fn tell_of_drain(&mut self, link: LinkId, out: &mut Vec<Action>) {
        let Some((gateway, _)) = self.peer_of(link) else { return };
        let message = match &mut self.drain {
            // Who leaves the queue groups takes frames yet.
            None | Some(Drain { stage: Stage::Leaving, .. }) => Control::Undrain,
            Some(Drain { stage: Stage::Emptying | Stage::Settling, last, .. }) => {
                last.insert(gateway, None);
                Control::DrainRequest
            }
            Some(Drain { stage: Stage::Stopped, .. }) => return,
        };
        out.push(Action::Control { link, message });
    }

    /// Nothing is held here and nothing more will come.
    fn is_empty(&self, drain: &Drain) -> bool {
        let all_in = drain.last.iter().all(|(gateway, last)| {
            let Some(peer) = self.peers.get(gateway) else { return true };
            let inbox = peer.inbox.as_ref().map(|inbox| (inbox.epoch(), inbox.next_number()));
            match (last, inbox) {
                (Some((epoch, next)), Some((open, got))) => *epoch != open || got >= *next,
                (Some((_, next)), None) => *next == 0,
                (None, _) => peer.link.is_none(),
            }
        });
        let acknowledged = self.peers.values().all(|peer| peer.outbox.is_empty());
        let nothing_held = self.gathering.is_empty()
            && self.queues.is_empty()
            && self.vetting.is_empty()
            && self.services.waiting() == 0;
        all_in && acknowledged && nothing_held && self.broker.is_quiet()
    }
}
