//! The planted defects: wrappers that twist what goes in or comes out of the real machine.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use antiphon_core::{
    Accept, Ack, Action, AdvertContent, AdvertKey, Body, Control, Epoch, Event, Frame, FromBroker,
    Gateway, GatewayId, LinkId, Now, Outcome, Snapshot, Target, policy::Rules,
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
    /// Takes every link that ever was for one that stands.
    KeepsDeadLinks,
    /// Leaves out every hundredth number of a session.
    SkipsANumber,
    /// Loses every hundredth frame and says nothing.
    LosesFrames,
    /// Once without a broker, never hears of it again.
    NeverRejoins,
    /// Lets in what its region's policy does not accept.
    IgnoresAcceptRules,
    /// Lets out what its region's policy does not export.
    IgnoresExportRules,
    /// Takes every filter for a complete one.
    PrunesOnPartialFilters,
    /// Leaves one identity out of every fifth list.
    LosesAnIdentity,
    /// Names one identity twice in every fifth list.
    DoublesAnIdentity,
    /// Does not recognise what came out of the fabric.
    ForgetsTheMark,
    /// Sends as though its peers had granted whatever it likes.
    IgnoresItsCredit,
    /// Takes no credit but that of a session's beginning.
    MissesCredit,
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
    dead: BTreeSet<LinkId>,
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
            dead: BTreeSet::new(),
        }
    }

    /// Whether it is the hundredth turn.
    fn now_and_then(&mut self) -> bool {
        self.every(100)
    }

    fn every(&mut self, turns: u64) -> bool {
        self.count += 1;
        self.count.is_multiple_of(turns)
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
            (Defect::KeepsDeadLinks, Event::LinkDown { link, .. }) => {
                self.dead.insert(link);
                return None;
            }
            (Defect::IgnoresAcceptRules, Event::PolicyApplied { mut policy }) => {
                policy.accept = Rules::default();
                Event::PolicyApplied { policy }
            }
            (Defect::IgnoresExportRules, Event::PolicyApplied { mut policy }) => {
                policy.export = Rules::default();
                Event::PolicyApplied { policy }
            }
            (Defect::PrunesOnPartialFilters, Event::FromPeer { link, message }) => {
                Event::FromPeer { link, message: completed(message) }
            }
            (Defect::ForgetsVisited, Event::Frame { link, epoch, number, weight, frame }) => {
                let frame = frame.map(|mut frame| {
                    frame.hop.visited.clear();
                    frame
                });
                Event::Frame { link, epoch, number, weight, frame }
            }
            (Defect::ForgetsTheMark, Event::FromBroker(message)) => {
                Event::FromBroker(FromBroker { mark: None, ..message })
            }
            (Defect::IgnoresItsCredit, Event::FromPeer { link, message }) => {
                Event::FromPeer { link, message: granted_all(message) }
            }
            (Defect::MissesCredit, Event::FromPeer { link, message: Control::Ack(ack) }) => {
                Event::FromPeer { link, message: Control::Ack(Ack { granted: 0, ..ack }) }
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

    /// Names one identity too few or too many in every fifth list.
    fn miscount(&mut self, frame: Arc<Frame>) -> Arc<Frame> {
        let mut twisted = (*frame).clone();
        let Body::Request(request) = &mut twisted.end.body else { return frame };
        let Target::Directed { identities } = &mut request.target else { return frame };
        if identities.len() < 2 || !self.every(5) {
            return frame;
        }
        let last = identities.pop();
        if self.defect == Defect::DoublesAnIdentity {
            identities.extend(last.iter().chain(&last).cloned());
        }
        Arc::new(twisted)
    }

    /// Says on behalf of peers that are gone that they live.
    fn pretend(&mut self, actions: &[Action], now: Now) -> Vec<Action> {
        let mut more = Vec::new();
        for action in actions {
            if let Action::Ping { link, connection, nonce } = action
                && self.dead.contains(link)
            {
                let (link, connection, nonce) = (*link, *connection, *nonce);
                more.extend(self.machine.handle(Event::Pong { link, connection, nonce }, now));
            }
        }
        more
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
            (
                Defect::LosesAnIdentity | Defect::DoublesAnIdentity,
                Action::Send { link, epoch, number, weight, frame },
            ) => {
                let frame = self.miscount(frame);
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

/// Lets a peer have granted more than anybody ever sends.
fn granted_all(message: Control) -> Control {
    const PLENTY: u64 = u64::MAX;
    match message {
        Control::Accept(accept) => Control::Accept(Accept { granted: PLENTY, ..accept }),
        Control::Ack(ack) => Control::Ack(Ack { granted: PLENTY, ..ack }),
        message => message,
    }
}

/// Says of all filters that they are complete.
fn completed(message: Control) -> Control {
    let Control::Adverts { mut adverts, answered } = message else { return message };
    for advert in &mut adverts {
        if let AdvertContent::Hints(hints) = &mut advert.draft.content {
            Arc::make_mut(hints).collectives.values_mut().for_each(|one| one.complete = true);
        }
    }
    Control::Adverts { adverts, answered }
}

impl Machine for Mutant {
    fn handle(&mut self, event: Event, now: Now) -> Vec<Action> {
        let again =
            self.defect == Defect::RepublishesOnReconnect && matches!(event, Event::BrokerUp(_));
        let Some(event) = self.twist_event(event) else { return Vec::new() };
        let mut actions = if again { self.published.drain(..).collect() } else { Vec::new() };
        let ordered = self.machine.handle(event, now);
        let more = self.pretend(&ordered, now);
        for action in ordered.into_iter().chain(more) {
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
