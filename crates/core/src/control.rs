//! What two gateways say to each other on the control connection.

use serde::{Deserialize, Serialize};

use crate::{
    DropReason,
    advert::{Advert, AdvertKey, Stamp},
    id::{Epoch, GatewayId, Incarnation, UnitId},
    probe::Probe,
    question::{Answer, Question},
    roll_call::RollCall,
};

/// One control message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Control {
    /// Offers to resume, or begins, the sender's sending direction. First message on a link.
    Open(Open),
    /// Answers [`Control::Open`]; data may flow from then on.
    Accept(Accept),
    /// Acknowledges frames and grants credit.
    Ack(Ack),
    /// What the sender has of every advert; answered by [`Control::Adverts`].
    Digest(Vec<(AdvertKey, Stamp)>),
    /// Adverts, relayed verbatim. At most [`crate::ADVERTS_MAX`].
    Adverts {
        /// Newer than what the receiver had, as far as the sender knows.
        adverts: Vec<Advert>,
        /// Whether this ends the answer to the receiver's digest.
        answered: bool,
    },
    /// How units ended, on the way to the gateway that created them.
    Receipts(Receipts),
    /// What a message would meet on its way; gateways pass it on as they would a frame.
    Probe(Box<Probe>),
    /// The sender is draining: send nothing more, and say which frame was the last.
    DrainRequest,
    /// Answers [`Control::DrainRequest`].
    LastFrame {
        /// The sending direction's life.
        epoch: Epoch,
        /// The number that the next frame would have had: every smaller one has been sent.
        next: u64,
    },
    /// The sender drains no longer: it takes frames again.
    Undrain,
    /// The sender leaves for good; its session is over.
    Goodbye,
    /// A question of an operator, on the way to the gateway that is asked.
    Question(Question),
    /// A part of its answer, on the way back.
    Answer(Answer),
    /// Which of these nodes does the region of the gateway that is asked have?
    RollCall(RollCall),
    /// The answer, on the way back.
    RollAnswer(RollCall),
}

/// The sender's side of a session, as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// The life of this sending direction.
    pub epoch: Epoch,
    /// The lowest number that is not acknowledged.
    pub base: u64,
    /// Nothing was ever sent in this epoch.
    pub fresh: bool,
}

/// The receiver's side of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accept {
    /// The epoch that was offered.
    pub epoch: Epoch,
    /// `Some`: the number expected next. `None`: the epoch is unknown here, and what was sent in it
    /// is in doubt.
    pub next: Option<u64>,
    /// Total weight granted since the epoch began, in bytes.
    pub granted: u64,
}

/// Progress of one receiving direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// The epoch it is about.
    pub epoch: Epoch,
    /// Every smaller number has been received.
    pub next: u64,
    /// Total weight granted since the epoch began, in bytes.
    pub granted: u64,
}

/// A batch of receipts for one creator; relays pass it on towards that gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipts {
    /// Whose units these are.
    pub to: GatewayId,
    /// The life in which it created them.
    pub incarnation: Incarnation,
    /// Links that the batch may still cross.
    pub limit: u8,
    /// At most [`crate::RECEIPTS_MAX`].
    pub receipts: Vec<Receipt>,
}

/// How a run of units ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The first of them.
    pub unit: UnitId,
    /// How many, at least 1; all of one frame or of frames that follow each other.
    pub count: u64,
    /// How they ended.
    pub outcome: Outcome,
}

/// How a unit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Outcome {
    /// Published, and the broker confirmed.
    Delivered,
    /// Went no further, for this reason.
    Dropped(DropReason),
    /// Nobody can know: the connection ended between handing over and confirmation.
    InDoubt,
}
