//! The words of the links: what the shell may ask and what it hears back.

use std::sync::Arc;

use antiphon_core::{
    Advert, Connection, Control, DialFailure, DialTarget, Endpoint, Epoch, Frame, GatewayId, Hello,
    LinkId, Malformed,
};
use bytes::Bytes;

use super::shown::Shown;

/// An order to the links. Taken without waiting: the core sends only within credit, so a full queue
/// is our own defect, counted and loud.
#[derive(Debug)]
pub enum LinkCommand {
    /// Dial; ends in [`LinkEvent::Up`] or [`LinkEvent::DialFailed`].
    Dial {
        /// Whom; only this gateway may answer for [`DialTarget::Member`].
        target: DialTarget,
        /// Where, after configured overrides.
        endpoint: Endpoint,
    },
    /// Close a link after its control messages have been written; ends in [`LinkEvent::Down`].
    Close {
        /// Which.
        link: LinkId,
        /// Why, told to the log.
        reason: String,
    },
    /// Send a ping on one connection.
    Ping {
        /// On which link.
        link: LinkId,
        /// On which of its connections.
        connection: Connection,
        /// To be returned.
        nonce: u64,
    },
    /// Answer a ping on the connection that asked.
    Pong {
        /// On which link.
        link: LinkId,
        /// On which of its connections.
        connection: Connection,
        /// As it was sent.
        nonce: u64,
    },
    /// Send a control message.
    Control {
        /// On which link.
        link: LinkId,
        /// What.
        message: Control,
    },
    /// Send a frame on the data connection.
    Send {
        /// On which link.
        link: LinkId,
        /// Our epoch.
        epoch: Epoch,
        /// Its number in that epoch.
        number: u64,
        /// What it counts for in credit, in bytes.
        weight: u64,
        /// The frame.
        frame: Arc<Frame>,
    },
    /// Send gossip on the control connection; no link to that gateway: dropped, as UDP would.
    Gossip {
        /// To whom.
        gateway: GatewayId,
        /// An encoded gossip message.
        message: Bytes,
    },
}

/// A fact about links.
#[derive(Debug)]
pub enum LinkEvent {
    /// Both connections stand, the peer is authenticated, and both sides have said hello.
    Up {
        /// Its number, unique in this process.
        link: LinkId,
        /// Who it is; region and gateway agree with its certificate.
        peer: Hello,
        /// Whom we dialled to get it; `None`: the peer dialled.
        dialed: Option<DialTarget>,
        /// Its certificates, and when they or ours end.
        shown: Shown,
    },
    /// The link is gone; nothing more comes of it.
    Down {
        /// Which.
        link: LinkId,
        /// Why, for people.
        reason: String,
    },
    /// A dial ended without a link.
    DialFailed {
        /// What was dialled.
        target: DialTarget,
        /// How it ended.
        failure: DialFailure,
    },
    /// Somebody was turned away, by us dialling or by us answering.
    Refused {
        /// The stable word for it: `wrong-fabric`, `unknown-region`, `no-client-certificate`,
        /// `expired`, `untrusted`, `version`...; a metric label.
        kind: String,
        /// Everything else, for people: address, certificate names.
        detail: String,
    },
    /// Bytes arrived that make no whole message yet. At most one a connection and ping period.
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
        /// On which of its connections.
        connection: Connection,
        /// To be returned.
        nonce: u64,
    },
    /// The peer answered.
    Pong {
        /// On which link.
        link: LinkId,
        /// On which of its connections.
        connection: Connection,
        /// As we sent it.
        nonce: u64,
    },
    /// A control message. Its adverts have been verified; those that failed are in
    /// [`LinkEvent::AdvertsRefused`] instead.
    Control {
        /// From which link.
        link: LinkId,
        /// What it says.
        message: Control,
    },
    /// Adverts that could not be verified: neither used nor relayed.
    AdvertsRefused {
        /// From which link.
        link: LinkId,
        /// Why, one for each, a stable word.
        kinds: Vec<String>,
    },
    /// A frame, or what is left of one that cannot be read.
    Frame {
        /// From which link.
        link: LinkId,
        /// The sender's epoch.
        epoch: Epoch,
        /// Its number in that epoch.
        number: u64,
        /// What it counts for in credit, in bytes.
        weight: u64,
        /// The frame.
        frame: Result<Box<Frame>, Malformed>,
    },
    /// Gossip from a peer.
    Gossip {
        /// From whom, as its certificate says.
        gateway: GatewayId,
        /// An encoded gossip message.
        message: Bytes,
    },
}

/// Signs our statements and verifies those of others; [`antiphon_identity`] behind it in the
/// daemon.
pub trait Notary: Send + Sync {
    /// Verifies the signed bytes of an advert and returns it decoded, or a stable word for why not;
    /// `None` for one of a kind that only newer gateways know, which is neither used nor refused.
    ///
    /// # Errors
    /// The stable word of the refusal: `untrusted`, `expired`, `not-its-own`, `malformed`...
    fn verify_advert(&self, sealed: Bytes) -> Result<Option<Advert>, String>;

    /// The advert in these bytes, if they were verified a moment ago; at no cost worth a thread.
    fn known_advert(&self, sealed: &Bytes) -> Option<Advert>;
}
