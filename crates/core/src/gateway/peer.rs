//! One other gateway that we have, or lately had, a link with.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use rand_chacha::ChaCha8Rng;
use rand_core::RngCore;

use crate::{
    Ack, Connection, DialTarget, Epoch, Frame, GatewayId, Hello, LinkId, Periods, RegionId,
    gateway::cost::link_cost,
    session::{Inbox, Outbox},
};

/// A peer and our session with it, which outlives the link for a while.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) hello: Hello,
    pub(super) link: Option<Link>,
    /// The link that the one in handover replaces: frames go over it no more, receipts still arrive by
    /// it. Closed when the new one carries, or with it.
    pub(super) previous: Option<LinkId>,
    pub(super) outbox: Outbox,
    /// `None` until the peer has opened its sending direction.
    pub(super) inbox: Option<Inbox>,
    /// Since when there is no link.
    pub(super) down_since: Option<Duration>,
    pub(super) down_reason: String,
    /// It asked us to send nothing more.
    pub(super) draining: bool,
    /// An operator has ordered that links with its region are not to be used.
    pub(super) barred: bool,
    /// Adverts have been exchanged since the link came up.
    pub(super) synchronised: bool,
    /// Smoothed round trip; `None` before the first answer.
    pub(super) rtt: Option<Duration>,
    /// Shortest round trip since its cost was last looked at.
    pub(super) least_rtt: Option<Duration>,
    /// What its adjacency costs in our adverts.
    pub(super) cost: u32,
    /// Frames it sent us, and we sent it, in this link's life and before.
    pub(super) frames_in: u64,
    pub(super) frames_out: u64,
    /// Its entry in [`Timers`].
    due: Option<Duration>,
}

/// ```text
///  LinkUp ──▶ Opening ──peer accepted our epoch──▶ Open ──LinkDown──▶ (no link)
///                                                 ▲ │ LinkUp of another, newer link
///                        peer accepted our epoch  │ ▼
///                                              Handover ──LinkDown──▶ (no link)
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// We have offered our epoch.
    Opening,
    /// As `Opening`, beside a link that was open and stays until this one is ([`Peer::previous`]): the
    /// adjacency goes on, frames wait a round trip.
    Handover,
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
            previous: None,
            outbox: Outbox::new(epoch),
            inbox: None,
            down_since: None,
            down_reason: String::new(),
            draining: false,
            barred: false,
            synchronised: false,
            rtt: None,
            least_rtt: None,
            cost: 1,
            frames_in: 0,
            frames_out: 0,
            due: None,
        }
    }

    /// The link, if frames may be sent over it.
    pub(super) fn open_link(&self) -> Option<LinkId> {
        self.link.as_ref().filter(|link| link.phase == Phase::Open).map(|link| link.id)
    }

    /// Whether there is a path to it: a link that is open, or that is about to be in place of one.
    pub(super) fn is_adjacent(&self) -> bool {
        self.link.as_ref().is_some_and(|link| link.phase != Phase::Opening)
    }

    /// Whether it may be chosen as a next hop.
    pub(super) fn takes_frames(&self) -> bool {
        !self.draining && !self.barred && self.is_adjacent()
    }

    /// Whether its session has waited too long for a link.
    pub(super) fn is_forgotten(&self, now: Duration, periods: &Periods) -> bool {
        self.down_since.is_some_and(|since| since + periods.resume <= now)
    }

    /// The link, if nothing has been heard on it for too long.
    pub(super) fn silent_link(&self, now: Duration, periods: &Periods) -> Option<LinkId> {
        let link = self.link.as_ref()?;
        (link.heard.oldest() + periods.link_timeout <= now).then_some(link.id)
    }

    /// What has to be acknowledged now, and on which link.
    pub(super) fn take_ack(&mut self, now: Duration) -> Option<(LinkId, Ack)> {
        let (link, inbox) = (self.link.as_ref()?, self.inbox.as_mut()?);
        inbox.tell_at(now).is_some_and(|due| due <= now).then(|| (link.id, inbox.ack()))
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

    /// Looks at what its adjacency costs: when the link comes up, at its first round trip, and with
    /// those of all others. Whether that has changed.
    pub(super) fn review_cost(&mut self, configured: &BTreeMap<RegionId, u32>) -> bool {
        let configured = configured.get(&self.hello.region).copied();
        let cost = link_cost(self.cost, configured, self.least_rtt.take());
        std::mem::replace(&mut self.cost, cost) != cost
    }

    /// Takes one measured round trip.
    pub(super) fn measure(&mut self, sample: Duration) {
        self.rtt = Some(match self.rtt {
            Some(rtt) => (rtt * 7 + sample) / 8,
            None => sample,
        });
        self.least_rtt = Some(self.least_rtt.map_or(sample, |least| least.min(sample)));
    }
}

/// When each peer has to be looked after, at the latest.
///
/// Bound: an entry for each peer.
#[derive(Debug, Default)]
pub(super) struct Timers(BTreeSet<(Duration, GatewayId)>);

impl Timers {
    /// Has a peer looked after at this time, or earlier.
    pub(super) fn arm(&mut self, gateway: &GatewayId, peer: &mut Peer, at: Duration) {
        if peer.due.is_some_and(|due| due <= at) {
            return;
        }
        self.disarm(gateway, peer);
        peer.due = Some(at);
        self.0.insert((at, gateway.clone()));
    }

    pub(super) fn disarm(&mut self, gateway: &GatewayId, peer: &mut Peer) {
        if let Some(due) = peer.due.take() {
            self.0.remove(&(due, gateway.clone()));
        }
    }

    /// Who has to be looked after now, in the order of time.
    pub(super) fn due(&self, now: Duration) -> Vec<GatewayId> {
        let due = self.0.iter().take_while(|(at, _)| *at <= now);
        due.map(|(_, gateway)| gateway.clone()).collect()
    }

    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.0.first().map(|(at, _)| *at)
    }
}

/// When in each period a gateway pings: all its links at once, so that it wakes once for all of them;
/// not in step with others.
pub(super) fn beat(period: Duration, rng: &mut ChaCha8Rng) -> Duration {
    period * (rng.next_u32() % 1024) / 1024
}

/// The next beat of this period.
pub(super) fn next_beat(now: Duration, beat: Duration, period: Duration) -> Duration {
    let into = (now + period).saturating_sub(beat).as_nanos() % period.as_nanos().max(1);
    now + period.saturating_sub(Duration::from_nanos(u64::try_from(into).unwrap_or(0)))
}

impl Link {
    /// Notes that the peer is asked whether it lives; the link.
    pub(super) fn ask(&mut self, nonce: u64, now: Duration) -> LinkId {
        self.asked = Some((nonce, now));
        self.id
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
