//! One other gateway that we have, or lately had, a link with.

use std::{sync::Arc, time::Duration};

use crate::{
    Connection, DialTarget, Epoch, Frame, Hello, LinkId, Periods,
    session::{Inbox, Outbox},
};

/// A peer and our session with it, which outlives the link for a while.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) hello: Hello,
    pub(super) link: Option<Link>,
    pub(super) outbox: Outbox,
    /// `None` until the peer has opened its sending direction.
    pub(super) inbox: Option<Inbox>,
    /// Since when there is no link.
    pub(super) down_since: Option<Duration>,
    pub(super) down_reason: String,
    /// It asked us to send nothing more.
    pub(super) draining: bool,
    /// Adverts have been exchanged since the link came up.
    pub(super) synchronised: bool,
    /// Smoothed round trip; `None` before the first answer.
    pub(super) rtt: Option<Duration>,
    /// What its adjacency costs in our adverts.
    pub(super) cost: u32,
    /// Frames it sent us, and we sent it, in this link's life and before.
    pub(super) frames_in: u64,
    pub(super) frames_out: u64,
}

/// ```text
///  LinkUp ──▶ Opening ──peer accepted our epoch──▶ Open ──LinkDown──▶ (no link)
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// We have offered our epoch.
    Opening,
    /// Frames may be sent.
    Open,
}

#[derive(Debug)]
pub(super) struct Link {
    pub(super) id: LinkId,
    /// Whom we dialled to get it; `None`: the peer dialled.
    pub(super) dialed: Option<DialTarget>,
    pub(super) phase: Phase,
    pub(super) since: Duration,
    pub(super) heard: Heard,
    pub(super) next_ping: Duration,
    /// The ping on the control connection that is not answered yet.
    pub(super) asked: Option<(u64, Duration)>,
}

/// When each connection last showed life.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard {
    pub(super) control: Duration,
    pub(super) data: Duration,
}

impl Peer {
    pub(super) fn new(hello: Hello, epoch: Epoch) -> Self {
        Self {
            hello,
            link: None,
            outbox: Outbox::new(epoch),
            inbox: None,
            down_since: None,
            down_reason: String::new(),
            draining: false,
            synchronised: false,
            rtt: None,
            cost: 1,
            frames_in: 0,
            frames_out: 0,
        }
    }

    /// The link, if frames may be sent over it.
    pub(super) fn open_link(&self) -> Option<LinkId> {
        self.link.as_ref().filter(|link| link.phase == Phase::Open).map(|link| link.id)
    }

    /// Whether it may be chosen as a next hop.
    pub(super) fn takes_frames(&self) -> bool {
        !self.draining && self.open_link().is_some()
    }

    /// When something has to be done about this peer by itself.
    pub(super) fn next_deadline(&self, periods: &Periods) -> Option<Duration> {
        let link = self
            .link
            .as_ref()
            .map(|link| (link.heard.oldest() + periods.link_timeout).min(link.next_ping));
        let ack = self.link.as_ref().and(self.inbox.as_ref()).and_then(Inbox::ack_due);
        let forget = self.down_since.map(|since| since + periods.resume);
        [link, ack, forget].into_iter().flatten().min()
    }

    /// Ends the sending epoch; what nobody acknowledged is returned.
    pub(super) fn abandon(&mut self, epoch: Epoch) -> Vec<Arc<Frame>> {
        self.outbox.abandon(epoch)
    }

    /// Takes one measured round trip.
    pub(super) fn measure(&mut self, sample: Duration) {
        self.rtt = Some(match self.rtt {
            Some(rtt) => (rtt * 7 + sample) / 8,
            None => sample,
        });
    }
}

impl Heard {
    pub(super) fn at(now: Duration) -> Self {
        Self { control: now, data: now }
    }

    pub(super) fn note(&mut self, connection: Connection, now: Duration) {
        match connection {
            Connection::Control => self.control = now,
            Connection::Data => self.data = now,
        }
    }

    /// Losing either connection loses the link.
    pub(super) fn oldest(self) -> Duration {
        self.control.min(self.data)
    }
}
