//! The planted defects: wrappers that twist what goes in or comes out of the real machine.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use antiphon_core::{
    Accept, Ack, Action, AdvertKey, Control, Epoch, Event, Frame, Gateway, GatewayId, LinkId, Now,
    Outcome, Snapshot,
};
use antiphon_sim::Machine;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Defect {
    /// Sends its last frames once more when a session could not be resumed.
    ResendsInANewEpoch,
    /// Publishes its last messages once more when its broker is back.
    RepublishesOnReconnect,
    /// Takes an advert for new whatever its stamp.
    AcceptsOldAdverts,
    /// Publishes every hundredth message twice.
    PublishesTwice,
    /// Calls delivered what was dropped.
    TellsLies,
    /// Wipes the list of gateways that had a frame.
    ForgetsVisited,
    /// Does not notice that links go down.
    KeepsDeadLinks,
    /// Leaves out every hundredth number of a session.
    SkipsANumber,
    /// Loses every hundredth frame and says nothing.
    LosesFrames,
    /// Once without a broker, never hears of it again.
    NeverRejoins,
}

/// The machine with a defect.
#[derive(Debug)]
pub(crate) struct Mutant {
    defect: Defect,
    machine: Gateway,
    count: u64,
    newest: BTreeMap<AdvertKey, u64>,
    peers: BTreeMap<LinkId, GatewayId>,
    sessions: BTreeMap<GatewayId, Session>,
    published: VecDeque<Action>,
    was_down: bool,
}

/// What was sent to one peer.
#[derive(Debug, Default)]
struct Session {
    epoch: Epoch,
    last: VecDeque<(u64, Arc<Frame>)>,
    /// How many frames the machine does not know of.
    extra: u64,
}

/// Frames or messages that a forgetful machine sends again.
const AGAIN: usize = 5;

impl Mutant {
    pub(crate) fn new(defect: Defect, machine: Gateway) -> Self {
        Self {
            defect,
            machine,
            count: 0,
            newest: BTreeMap::new(),
            peers: BTreeMap::new(),
            sessions: BTreeMap::new(),
            published: VecDeque::new(),
            was_down: false,
        }
    }

    /// Whether it is the hundredth turn.
    fn now_and_then(&mut self) -> bool {
        self.count += 1;
        self.count.is_multiple_of(100)
    }

    /// What the machine gets to see instead.
    fn twist_event(&mut self, event: Event) -> Option<Event> {
        Some(match (self.defect, event) {
            (Defect::AcceptsOldAdverts, Event::FromPeer { link, message }) => {
                Event::FromPeer { link, message: self.renew(message) }
            }
            (Defect::ResendsInANewEpoch, Event::LinkUp { link, peer, dialed }) => {
                self.peers.insert(link, peer.gateway.clone());
                Event::LinkUp { link, peer, dialed }
            }
            (Defect::ResendsInANewEpoch, Event::FromPeer { link, message }) => {
                Event::FromPeer { link, message: self.conceal(link, message) }
            }
            (Defect::KeepsDeadLinks, Event::LinkDown { .. }) => return None,
            (Defect::ForgetsVisited, Event::Frame { link, epoch, number, weight, frame }) => {
                let frame = frame.map(|mut frame| {
                    frame.hop.visited.clear();
                    frame
                });
                Event::Frame { link, epoch, number, weight, frame }
            }
            (Defect::NeverRejoins, Event::BrokerDown) => {
                self.was_down = true;
                Event::BrokerDown
            }
            (Defect::NeverRejoins, Event::BrokerUp(_)) if self.was_down => return None,
            (_, event) => event,
        })
    }

    /// Gives an advert a stamp that beats the last one.
    fn renew(&mut self, message: Control) -> Control {
        let Control::Adverts { mut adverts, answered } = message else { return message };
        for advert in &mut adverts {
            let newest = self.newest.entry(advert.draft.key()).or_default();
            *newest += 1;
            advert.draft.stamp.incarnation.0 = u64::MAX / 2;
            advert.draft.stamp.version = *newest;
        }
        Control::Adverts { adverts, answered }
    }

    /// Hides frames that the machine does not know of from it.
    fn conceal(&self, link: LinkId, message: Control) -> Control {
        let session = self.peers.get(&link).and_then(|peer| self.sessions.get(peer));
        let hide = |epoch, next: u64| match session {
            Some(session) if session.epoch == epoch => next.saturating_sub(session.extra),
            _ => next,
        };
        match message {
            Control::Ack(ack) => Control::Ack(Ack { next: hide(ack.epoch, ack.next), ..ack }),
            Control::Accept(accept) => {
                let next = accept.next.map(|next| hide(accept.epoch, next));
                Control::Accept(Accept { next, ..accept })
            }
            message => message,
        }
    }

    /// Sends the last frames of the session before first.
    fn resend(&mut self, link: LinkId, epoch: Epoch, actions: &mut Vec<Action>) -> u64 {
        let Some(peer) = self.peers.get(&link) else { return 0 };
        let session = self.sessions.entry(peer.clone()).or_default();
        if session.epoch != epoch {
            session.extra = session.last.len() as u64;
            session.epoch = epoch;
            for (number, (weight, frame)) in (0..).zip(session.last.drain(..)) {
                actions.push(Action::Send { link, epoch, number, weight, frame });
            }
        }
        session.extra
    }

    fn remember(&mut self, link: LinkId, weight: u64, frame: Arc<Frame>) {
        let Some(peer) = self.peers.get(&link) else { return };
        let session = self.sessions.entry(peer.clone()).or_default();
        session.last.push_back((weight, frame));
        if session.last.len() > AGAIN {
            session.last.pop_front();
        }
    }

    /// What the machine gets to do instead.
    fn twist_action(&mut self, action: Action, actions: &mut Vec<Action>) {
        match (self.defect, action) {
            (Defect::PublishesTwice, action @ Action::Publish { .. }) => {
                if self.now_and_then() {
                    actions.push(action.clone());
                }
                actions.push(action);
            }
            (Defect::LosesFrames, action @ Action::Publish { .. }) => {
                if !self.now_and_then() {
                    actions.push(action);
                }
            }
            (Defect::RepublishesOnReconnect, action @ Action::Publish { .. }) => {
                self.published.push_back(action.clone());
                if self.published.len() > AGAIN {
                    self.published.pop_front();
                }
                actions.push(action);
            }
            (Defect::TellsLies, Action::Control { link, message: Control::Receipts(mut all) }) => {
                all.receipts.iter_mut().for_each(|one| one.outcome = Outcome::Delivered);
                actions.push(Action::Control { link, message: Control::Receipts(all) });
            }
            (Defect::ResendsInANewEpoch, Action::Send { link, epoch, number, weight, frame }) => {
                let number = number + self.resend(link, epoch, actions);
                self.remember(link, weight, Arc::clone(&frame));
                actions.push(Action::Send { link, epoch, number, weight, frame });
            }
            (Defect::SkipsANumber, Action::Send { link, epoch, number, weight, frame }) => {
                let number = number + u64::from(self.now_and_then());
                actions.push(Action::Send { link, epoch, number, weight, frame });
            }
            (_, action) => actions.push(action),
        }
    }
}

impl Machine for Mutant {
    fn handle(&mut self, event: Event, now: Now) -> Vec<Action> {
        let again =
            self.defect == Defect::RepublishesOnReconnect && matches!(event, Event::BrokerUp(_));
        let Some(event) = self.twist_event(event) else { return Vec::new() };
        let mut actions = if again { self.published.drain(..).collect() } else { Vec::new() };
        for action in self.machine.handle(event, now) {
            self.twist_action(action, &mut actions);
        }
        actions
    }

    fn next_deadline(&self) -> Option<Duration> {
        self.machine.next_deadline()
    }

    fn snapshot(&self, now: Now) -> Snapshot {
        self.machine.snapshot(now)
    }
}
