//! Facts that enter the machine.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    DropReason,
    action::{Connection, DialTarget},
    advert::{Advert, GatewayState},
    control::Control,
    frame::{Frame, Hello},
    hints::{InterestAnswer, InterestRead},
    id::{
        BarrierId, Endpoint, Epoch, GatewayId, Incarnation, LinkId, RegionId, SubscriptionId,
        TicketId,
    },
    order::OrderGiven,
    policy::{Policy, Proof},
    question::Asked,
};

/// Something that happened. The driver reports facts; it decides nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// Time has passed.
    Tick,
    /// Leave the fabric without losing anything, within this time.
    Drain {
        /// After it, leave whatever is still held.
        grace: Duration,
    },

    /// Drain no longer, if it has not gone too far; see [`crate::Gateway::can_undrain`].
    Undrain,

    /// The broker connection stands.
    BrokerUp(BrokerInfo),
    /// The broker connection is gone; what was not confirmed is in doubt.
    BrokerDown,
    /// A message from the region's broker.
    FromBroker(FromBroker),
    /// Nothing more will come of this subscription.
    Unsubscribed {
        /// The subscription that ended.
        subscription: SubscriptionId,
    },
    /// The broker has processed everything that was asked before this barrier.
    BarrierPassed {
        /// Which one.
        barrier: BarrierId,
    },
    /// One publication on this subject certainly did not happen.
    PublishRefused {
        /// The subject.
        subject: String,
        /// Why.
        reason: DropReason,
    },
    /// [`crate::Action::ReadInterest`] is done; exactly one for each.
    InterestRead(InterestRead),
    /// [`crate::Action::AskInterest`] is done; one for each, or none if the driver cannot ask.
    InterestAnswered(InterestAnswer),
    /// A gateway's beacon was heard on our broker, and its signature holds.
    BeaconHeard(Beacon),

    /// A pair of connections to a peer stands and both have said hello.
    LinkUp {
        /// Its number.
        link: LinkId,
        /// Who it is.
        peer: Hello,
        /// Who dialled: us, and for which target, or the peer.
        dialed: Option<DialTarget>,
    },
    /// It is gone.
    LinkDown {
        /// Its number.
        link: LinkId,
        /// Why, for people.
        reason: String,
    },
    /// Bytes arrived on a connection that do not make a whole message yet. (A whole message counts
    /// as life by itself.)
    Heard {
        /// On which link.
        link: LinkId,
        /// On which of its connections.
        connection: Connection,
    },
    /// The peer asks whether we live.
    Ping {
        /// On which link.
        link: LinkId,
        /// On which of its connections; the answer takes the same.
        connection: Connection,
        /// To be returned.
        nonce: u64,
    },
    /// The peer answered our ping.
    Pong {
        /// On which link.
        link: LinkId,
        /// On which of its connections.
        connection: Connection,
        /// As we sent it.
        nonce: u64,
    },
    /// A control message. Adverts in it are verified; those that failed have been taken out.
    FromPeer {
        /// From which link.
        link: LinkId,
        /// What it says.
        message: Control,
    },
    /// A data frame, or what is left of one that cannot be read.
    Frame {
        /// From which link.
        link: LinkId,
        /// The sender's epoch.
        epoch: Epoch,
        /// Its number in that epoch.
        number: u64,
        /// What it counts for in credit, in bytes, as the sender reckons.
        weight: u64,
        /// The frame; `Err` when its end-to-end part makes no sense.
        frame: Result<Box<Frame>, Malformed>,
    },

    /// Gossip knows this gateway.
    MemberSeen(Member),
    /// Gossip has not heard of it for its grace.
    MemberGone {
        /// Which.
        gateway: GatewayId,
    },
    /// An attempt to dial ended without a link.
    DialFailed {
        /// What was dialled.
        target: DialTarget,
        /// How it ended.
        failure: DialFailure,
    },
    /// Trace the way to a region, for whoever asked; ends with [`crate::Action::Traced`].
    Trace {
        /// The question that this answers.
        asked: Asked,
        /// The region whose broker is to be reached.
        to: RegionId,
        /// How long to wait.
        timeout: Duration,
    },
    /// [`crate::Action::Originate`] is done.
    Originated {
        /// The draft and its signed bytes.
        advert: Advert,
    },
    /// [`crate::Action::Verify`] is done.
    Verified {
        /// Which.
        ticket: TicketId,
        /// The verdict; [`Proof::Unasked`] counts as refused.
        proof: Proof,
    },

    /// An operator stops something, or lets it go on; see [`crate::Gateway::may_order`].
    Ordered {
        /// What.
        order: Box<OrderGiven>,
    },
    /// A policy is in force from here on.
    PolicyApplied {
        /// The policy.
        policy: Box<Policy>,
    },

    /// Ask a gateway something; [`crate::Action::Answered`] follows.
    Ask {
        /// The driver's name for it.
        ticket: u64,
        /// Whom; ourselves too.
        to: GatewayId,
        /// What it is about; see [`crate::Question::topic`].
        topic: String,
        /// More about it.
        body: Bytes,
        /// How long to wait, at most half a minute.
        patience: Duration,
    },
    /// [`crate::Action::Answer`] is done.
    Answer {
        /// Which question.
        asked: Asked,
        /// The answer, or for people why there is none.
        answer: Result<Bytes, String>,
    },
}

/// What the broker said when the connection stood.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokerInfo {
    /// Its URL as configured or discovered, `nats://host:port`; Choria's `seen-by` shows it.
    pub url: String,
    /// Its name.
    pub name: String,
    /// Its release.
    pub version: String,
    /// Largest payload, NATS headers included, in bytes.
    pub max_payload: u64,
}

/// One message from the region's broker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FromBroker {
    /// The subject it was published on.
    pub subject: String,
    /// The value of the NATS header [`crate::MARK`], where it carries one.
    pub mark: Option<String>,
    /// The payload.
    pub payload: Bytes,
    /// Whether more messages of the broker wait behind this one already. Copies of a directed request
    /// are gathered only while they do.
    #[serde(default)]
    pub more: bool,
}

/// What can still be said of a frame whose end-to-end part makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Malformed {
    /// Why, for the log; names the field.
    pub reason: String,
}

/// What a gateway tells its own broker, signed: siblings learn of each other by it, and regions
/// whose brokers are joined natively are found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beacon {
    /// Its region, as proved by its certificate.
    pub region: RegionId,
    /// Its name.
    pub gateway: GatewayId,
    /// Its life.
    pub incarnation: Incarnation,
    /// Where it is in its life.
    pub state: GatewayState,
    /// Whether it is in the queue group.
    pub joined: bool,
    /// How many other regions it has a route to.
    pub regions: u32,
    /// When it was made, since 1970-01-01 UTC: an old one that is played again is refused.
    pub made: Duration,
}

/// A gateway as gossip knows it. A suggestion whom to dial, nothing more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its name.
    pub gateway: GatewayId,
    /// Its region, as its signed endpoint record says.
    pub region: RegionId,
    /// Its life.
    pub incarnation: Incarnation,
    /// Where to dial it.
    pub endpoint: Endpoint,
    /// Where it is in its life.
    pub state: GatewayState,
    /// Its release.
    pub version: String,
}

/// How an attempt to dial ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DialFailure {
    /// We answered ourselves (a seed may be a shared name).
    Ourselves,
    /// Nobody answered, or the connection broke.
    Unreachable {
        /// Why, for people.
        reason: String,
    },
    /// Somebody answered who may not.
    Refused {
        /// Why, for people.
        reason: String,
    },
}
