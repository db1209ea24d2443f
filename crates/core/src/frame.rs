//! What crosses a link: a hop header, made anew at each hop, around an end-to-end part that relays
//! pass on verbatim.

use std::time::Duration;

use antiphon_wire::RequestId;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::id::{Endpoint, GatewayId, Incarnation, RegionId, UnitId};

/// One message on its way through the fabric.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// Made anew at each hop.
    pub hop: Hop,
    /// Set by the gateway that created the frame, read by the one that ends it.
    pub end: EndToEnd,
    /// The end-to-end part as it arrived, so that fields unknown to us survive; `None` at its
    /// creator.
    pub verbatim: Option<Bytes>,
}

/// The hop header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// Links that the frame may still cross after this one.
    pub limit: u8,
    /// Gateways that have had it, the creator first; at most 255.
    pub visited: Vec<GatewayId>,
    /// Time spent in the fabric so far, measured by each gateway on its own clock.
    pub age: Duration,
}

/// The end-to-end part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndToEnd {
    /// Who created it, and keeps its account.
    pub creator: Creator,
    /// The first of its units; a frame has as many as it has identities, else one.
    pub unit: UnitId,
    /// The region in which it is to be published.
    pub to: RegionId,
    /// For a reply: the gateway nearest to the client's connection.
    pub prefer: Option<GatewayId>,
    /// Hash of entry gateway and reply subject; frames of one flow keep one path.
    pub flow: u64,
    /// How long it may spend in the fabric.
    pub lifetime: Duration,
    /// What is to be published.
    pub body: Body,
}

/// The gateway that created a frame, in one of its lives.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Creator {
    /// Its region.
    pub region: RegionId,
    /// Its name.
    pub gateway: GatewayId,
    /// Its life: receipts for an earlier one are of no use.
    pub incarnation: Incarnation,
}

/// What a frame carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// A request for the nodes of the destination region.
    Request(RequestBody),
    /// A reply for a client of the destination region.
    Reply(ReplyBody),
}

/// A request. Text of a peer is only ever parsed into typed tokens, never used as a subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestBody {
    /// The request id in the signed request.
    pub request: RequestId,
    /// The collective, not yet trusted to be one token.
    pub collective: String,
    /// Whom it is for.
    pub target: Target,
    /// The client's reply subject.
    pub reply_to: String,
    /// Set where the client speaks Choria Federation: the URL of the broker it published on.
    pub federated: Option<String>,
    /// The client's transport, byte for byte.
    pub payload: Bytes,
}

/// Whom a request is for; not yet trusted to be legal tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// Every node with this agent.
    Broadcast {
        /// The agent.
        agent: String,
    },
    /// One node of the agent's queue group.
    Service {
        /// The agent.
        agent: String,
    },
    /// Each of these nodes; 1 to [`crate::IDENTITIES_MAX`].
    Directed {
        /// The nodes' identities, in the order of publication.
        identities: Vec<String>,
    },
}

/// A reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyBody {
    /// The request id that the node echoed.
    pub request: String,
    /// The client's reply subject, as the node brought it back.
    pub subject: String,
    /// Set for a client that speaks Choria Federation: the URL of the broker the node is on.
    pub federated: Option<String>,
    /// The node's transport without `federation`.
    pub payload: Bytes,
}

impl Frame {
    /// The number of units: one for each message that its end will publish.
    #[must_use]
    pub fn units(&self) -> u64 {
        self.end.body.units()
    }

    /// What it counts for in queues and credit, in bytes: content plus a flat charge for headers.
    #[must_use]
    pub fn weight(&self) -> u64 {
        const HEADERS: usize = 256;
        let body = match &self.end.body {
            Body::Request(request) => request.payload.len() + request.target.weight(),
            Body::Reply(reply) => reply.payload.len() + reply.subject.len(),
        };
        (HEADERS + body) as u64
    }
}

impl Hop {
    /// The header that the next gateway sees, once this one has sent the frame on.
    pub(crate) fn leave(&mut self, gateway: &GatewayId) {
        self.limit = self.limit.saturating_sub(1);
        if self.visited.last() != Some(gateway) {
            self.visited.push(gateway.clone());
        }
    }
}

impl Body {
    /// The number of messages that its end will publish.
    #[must_use]
    pub fn units(&self) -> u64 {
        match self {
            Self::Request(RequestBody { target: Target::Directed { identities }, .. }) => {
                identities.len() as u64
            }
            Self::Request(_) | Self::Reply(_) => 1,
        }
    }

    /// The payload that its end will publish.
    #[must_use]
    pub fn payload(&self) -> &Bytes {
        match self {
            Self::Request(request) => &request.payload,
            Self::Reply(reply) => &reply.payload,
        }
    }

    /// What it is for, as text for people.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Request(RequestBody { collective, target, .. }) => target.describe(collective),
            Self::Reply(reply) => reply.subject.clone(),
        }
    }

    /// The request id, for records.
    #[must_use]
    pub fn request_id(&self) -> &str {
        match self {
            Self::Request(request) => request.request.as_str(),
            Self::Reply(reply) => &reply.request,
        }
    }
}

impl Target {
    /// The subject, as text for people.
    pub(crate) fn describe(&self, collective: &str) -> String {
        match self {
            Self::Broadcast { agent } => format!("{collective}.broadcast.agent.{agent}"),
            Self::Service { agent } => format!("{collective}.broadcast.service.{agent}"),
            Self::Directed { identities } => match identities.as_slice() {
                [one] => format!("{collective}.node.{one}"),
                many => format!("{collective}.node.({} identities)", many.len()),
            },
        }
    }

    fn weight(&self) -> usize {
        match self {
            Self::Broadcast { agent } | Self::Service { agent } => agent.len(),
            Self::Directed { identities } => identities.iter().map(|one| one.len() + 4).sum(),
        }
    }
}

/// What a gateway says of itself when a link begins, as far as the core needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// From the peer's certificate.
    pub region: RegionId,
    /// From the peer's certificate, or from its hello where the certificate names none.
    pub gateway: GatewayId,
    /// Its life.
    pub incarnation: Incarnation,
    /// Its release, for people.
    pub version: String,
    /// Where its data connection and its peers reach it.
    pub endpoint: Endpoint,
}
