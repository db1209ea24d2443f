//! Orders that leave the machine.

use std::{collections::BTreeSet, sync::Arc};

use antiphon_wire::Collective;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    DropReason,
    advert::AdvertDraft,
    control::Control,
    event::Beacon,
    frame::Frame,
    hints::IdentityHash,
    id::{
        BarrierId, Endpoint, Epoch, GatewayId, LinkId, QuestionId, RegionId, SubscriptionId,
        TicketId,
    },
    probe::Trace,
    question::{AskFailure, Asked},
};

/// Something that the driver must do, in the order given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Subscribe on the region's broker.
    Subscribe {
        /// The name of the subscription.
        subscription: SubscriptionId,
        /// A NATS subject, wildcards allowed.
        subject: String,
        /// The queue group.
        group: Option<String>,
    },
    /// Leave without loss, then report [`crate::Event::Unsubscribed`].
    Unsubscribe {
        /// The subscription to end.
        subscription: SubscriptionId,
    },
    /// Publish on the region's broker, with the NATS header [`crate::MARK`].
    Publish {
        /// Built from typed tokens, legal for publishing.
        subject: String,
        /// The value of the mark.
        mark: Arc<str>,
        /// The payload.
        payload: Bytes,
    },
    /// Ask the broker to confirm everything before.
    Barrier {
        /// The name to report.
        barrier: BarrierId,
    },
    /// Read who listens to what from every server of the region's broker, then report
    /// [`crate::Event::InterestRead`]. May take a minute.
    ReadInterest {
        /// The collectives of which the nodes, agents and services are wanted.
        collectives: BTreeSet<Collective>,
        /// Nodes whose names are wanted too; seldom any.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        names: BTreeSet<IdentityHash>,
    },
    /// Ask every server of the region's broker whether anybody listens to exactly this subject, then
    /// report [`crate::Event::InterestAnswered`]. Wanted within a second.
    AskInterest {
        /// The name to report.
        question: QuestionId,
        /// A subject without wildcards.
        subject: String,
    },
    /// Sign this and publish it on the subject.
    PublishBeacon {
        /// `antiphon.beacon.<fabric>.<region>.<gateway>`.
        subject: String,
        /// What to say.
        beacon: Beacon,
    },

    /// Open a link.
    Dial {
        /// Whom.
        target: DialTarget,
    },
    /// Close a link, after what was handed out for its control connection.
    CloseLink {
        /// Which.
        link: LinkId,
        /// Why, for people.
        reason: String,
    },
    /// Ask the peer whether it lives.
    Ping {
        /// On which link.
        link: LinkId,
        /// On which of its connections.
        connection: Connection,
        /// To be returned.
        nonce: u64,
    },
    /// Answer the peer's ping.
    Pong {
        /// On which link.
        link: LinkId,
        /// On the connection that asked.
        connection: Connection,
        /// As it was sent.
        nonce: u64,
    },
    /// Send on the control connection.
    Control {
        /// On which link.
        link: LinkId,
        /// What.
        message: Control,
    },
    /// Send on the data connection. Within the peer's credit.
    Send {
        /// On which link.
        link: LinkId,
        /// Our epoch.
        epoch: Epoch,
        /// Its number in that epoch.
        number: u64,
        /// What it counts for in credit, in bytes.
        weight: u64,
        /// The frame; the session retains the same one until it is acknowledged.
        frame: Arc<Frame>,
    },
    /// Sign this advert, then report [`crate::Event::Originated`].
    Originate {
        /// What to sign.
        draft: AdvertDraft,
    },

    /// Verify that a request comes from the caller that it names, then report
    /// [`crate::Event::Verified`].
    Verify {
        /// The name to report.
        ticket: TicketId,
        /// The client's transport.
        payload: Bytes,
    },
    /// Work out an answer, then report [`crate::Event::Answer`].
    Answer {
        /// Which question.
        asked: Asked,
        /// What it is about.
        topic: String,
        /// More about it.
        body: Bytes,
    },
    /// How [`crate::Event::Ask`] ended.
    Answered {
        /// The driver's name for it.
        ticket: u64,
        /// The answer.
        answer: Result<Bytes, AskFailure>,
    },

    /// A message was refused or lost; it has been counted. For the log and for examples.
    Dropped(Box<Dropped>),
    /// Something that an operator should know began or ended.
    Alarm {
        /// What.
        alarm: Alarm,
        /// Whether it began (else it ended).
        raised: bool,
    },
    /// Readiness changed: good exactly while in the queue group.
    Ready {
        /// Whether it is good.
        ready: bool,
    },
    /// A way has been traced, as far as it could be.
    Traced {
        /// The question that this answers.
        asked: Asked,
        /// What was found.
        trace: Box<Trace>,
    },
    /// The drain is over: the process may end.
    Stop,
}

/// One of the two connections of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Connection {
    /// Hello, pings, acknowledgements, credit, adverts, receipts, gossip.
    Control,
    /// Frames.
    Data,
}

/// Whom to dial.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DialTarget {
    /// A configured place; whoever answers.
    Seed {
        /// As configured.
        endpoint: Endpoint,
    },
    /// A gateway that gossip told us of; nobody else may answer.
    Member {
        /// Its name.
        gateway: GatewayId,
        /// Where it says it is.
        endpoint: Endpoint,
    },
}

/// What is told of one dropped message: never its payload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// Why.
    pub reason: DropReason,
    /// The region it was for; `None` where it was refused before routing.
    pub to: Option<RegionId>,
    /// The subject it came on or was to be published on, at most 256 characters.
    pub subject: String,
    /// The request id, where one could be read.
    pub request: Option<String>,
    /// The payload's size in bytes.
    pub size: u64,
    /// How many messages; more than one for a frame with several identities.
    pub count: u64,
}

/// Something that an operator should know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "alarm", rename_all = "kebab-case")]
pub enum Alarm {
    /// Another region's beacon is heard on our broker: each request would be heard twice there, so
    /// nothing is forwarded between the two.
    NativelyJoined {
        /// The other region.
        region: RegionId,
    },
    /// A gateway of our region is linked with us and has a broker, and its beacons do not reach ours: the
    /// brokers of the region are not one cluster.
    TwoClusters {
        /// The gateway that is not heard.
        gateway: GatewayId,
    },
    /// Somebody else uses our gateway id: adverts in our name that we did not make.
    DuplicateGateway {
        /// Our own name.
        gateway: GatewayId,
    },
    /// A node of ours goes by the same identity as one of another region: both act on a request for it.
    IdentityInTwoRegions {
        /// The identity; while nobody has read its name, `#` and its hash in 16 hexadecimal digits.
        identity: String,
        /// The other region.
        region: RegionId,
    },
    /// A peer broke the protocol of the link.
    PeerMisbehaves {
        /// Which.
        gateway: GatewayId,
        /// What it did.
        what: String,
    },
    /// An operator has stopped something, and that holds here.
    Halted {
        /// What: `collective mcollective`.
        what: String,
        /// The region whose operator it was.
        region: RegionId,
        /// Who, and at which gateway.
        by: String,
        /// Why.
        reason: String,
    },
    /// An operator has ordered that links between our region and another are not to be used.
    LinkOrderedDown {
        /// Our region and the other.
        between: [RegionId; 2],
        /// The one of them whose operator it was.
        region: RegionId,
        /// Who, and at which gateway.
        by: String,
        /// Why.
        reason: String,
    },
    /// The broker does not let us publish or subscribe on a subject that we need.
    PermissionDenied {
        /// `publish` or `subscribe`.
        operation: String,
        /// The subject.
        subject: String,
    },
}

impl Alarm {
    /// A stable word: the one that it has in documents, and as a label.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::NativelyJoined { .. } => "natively-joined",
            Self::TwoClusters { .. } => "two-clusters",
            Self::DuplicateGateway { .. } => "duplicate-gateway",
            Self::IdentityInTwoRegions { .. } => "identity-in-two-regions",
            Self::PeerMisbehaves { .. } => "peer-misbehaves",
            Self::Halted { .. } => "halted",
            Self::LinkOrderedDown { .. } => "link-ordered-down",
            Self::PermissionDenied { .. } => "permission-denied",
        }
    }
}
