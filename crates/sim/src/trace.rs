//! The trace of a run as one number: same seed, same number, on any machine.

use std::time::Duration;

use antiphon_core::{Action, Event};

use crate::world::Slot;

const PRIME: u64 = 0x0000_0100_0000_01b3;

/// FNV-1a over everything that happened, word by word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trace(u64);

impl Default for Trace {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Trace {
    /// The number so far.
    #[must_use]
    pub(crate) fn hash(self) -> u64 {
        self.0
    }

    pub(crate) fn event(&mut self, at: Duration, slot: Slot, event: &Event) {
        let nanos = u64::try_from(at.as_nanos()).unwrap_or(u64::MAX);
        let (kind, number) = event_words(event);
        for word in [nanos, slot.0 as u64, kind, number] {
            self.word(word);
        }
    }

    pub(crate) fn action(&mut self, action: &Action) {
        let (kind, number) = action_words(action);
        self.word(kind);
        self.word(number);
    }

    fn word(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(PRIME).rotate_left(17);
    }
}

fn text(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
}

fn event_words(event: &Event) -> (u64, u64) {
    match event {
        Event::Tick => (1, 0),
        Event::Drain { .. } => (2, 0),
        Event::BrokerUp(info) => (3, text(&info.url)),
        Event::BrokerDown => (4, 0),
        Event::FromBroker(message) => (5, text(&message.subject) ^ message.payload.len() as u64),
        Event::Unsubscribed { subscription } => (6, subscription.0),
        Event::BarrierPassed { barrier } => (7, barrier.0),
        Event::PublishRefused { subject, .. } => (8, text(subject)),
        Event::BeaconHeard(beacon) => (9, text(beacon.gateway.as_str())),
        Event::LinkUp { link, .. } => (10, link.0),
        Event::LinkDown { link, .. } => (11, link.0),
        Event::Heard { link, .. } => (12, link.0),
        Event::Ping { nonce, .. } => (13, *nonce),
        Event::Pong { nonce, .. } => (14, *nonce),
        Event::FromPeer { link, .. } => (15, link.0),
        Event::Frame { epoch, number, .. } => (16, epoch.0 << 32 | number),
        Event::MemberSeen(member) => (17, text(member.gateway.as_str())),
        Event::MemberGone { gateway } => (18, text(gateway.as_str())),
        Event::DialFailed { .. } => (19, 0),
        Event::Trace { asked, .. } => (28, asked.number),
        Event::Originated { advert } => (20, advert.draft.stamp.version),
        Event::Verified { ticket, .. } => (21, ticket.0),
        Event::PolicyApplied { .. } => (22, 0),
        Event::Ordered { order } => (29, u64::from(order.stands)),
        Event::Ask { ticket, .. } => (23, *ticket),
        Event::Answer { asked, .. } => (24, asked.number),
        Event::Undrain => (25, 0),
        Event::InterestRead(reading) => (26, reading.servers),
        Event::InterestAnswered(answer) => (27, answer.question.0),
    }
}

fn action_words(action: &Action) -> (u64, u64) {
    match action {
        Action::Subscribe { subscription, .. } => (31, subscription.0),
        Action::Unsubscribe { subscription } => (32, subscription.0),
        Action::Publish { subject, payload, .. } => (33, text(subject) ^ payload.len() as u64),
        Action::Barrier { barrier } => (34, barrier.0),
        Action::PublishBeacon { .. } => (35, 0),
        Action::Dial { .. } => (36, 0),
        Action::CloseLink { link, .. } => (37, link.0),
        Action::Ping { nonce, .. } => (38, *nonce),
        Action::Pong { nonce, .. } => (39, *nonce),
        Action::Control { link, .. } => (40, link.0),
        Action::Send { epoch, number, .. } => (41, epoch.0 << 32 | number),
        Action::Originate { draft } => (42, draft.stamp.version),
        Action::Dropped(dropped) => (43, text(dropped.reason.label())),
        Action::Alarm { raised, .. } => (44, u64::from(*raised)),
        Action::Ready { ready } => (45, u64::from(*ready)),
        Action::Traced { asked, .. } => (53, asked.number),
        Action::Stop => (46, 0),
        Action::Verify { ticket, .. } => (47, ticket.0),
        Action::Answer { asked, .. } => (48, asked.number),
        Action::Answered { ticket, .. } => (49, *ticket),
        Action::ReadInterest { collectives, .. } => (51, collectives.len() as u64),
        Action::AskInterest { question, .. } => (52, question.0),
    }
}
