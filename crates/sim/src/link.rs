//! Links that stand: two ends, two connections, and what is under way on them.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use antiphon_core::{Connection, Event, LinkId};

use crate::{process::Life, world::Slot};

/// One link between two gateways, as the network sees it.
#[derive(Debug)]
pub(crate) struct Link {
    /// Who dialled, then who answered.
    pub(crate) ends: [End; 2],
}

/// One side of a link.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) slot: Slot,
    pub(crate) life: Life,
    /// Neither closed by its owner nor reset.
    pub(crate) open: bool,
    control: Lane,
    data: Lane,
}

/// What one side sends on one connection; first in, first out.
#[derive(Debug)]
pub(crate) struct Lane {
    /// When the last thing sent will have arrived.
    pub(crate) last_arrival: Duration,
    /// When the line is free for the next byte.
    pub(crate) free_at: Duration,
    /// What waits in the sender's socket while the path is a black hole.
    ///
    /// Bound: the sender's credit, and the pings of one link timeout.
    pub(crate) held: VecDeque<Event>,
}

impl End {
    pub(crate) fn new(slot: Slot, life: Life, since: Duration) -> Self {
        let lane = || Lane { last_arrival: since, free_at: since, held: VecDeque::new() };
        Self { slot, life, open: true, control: lane(), data: lane() }
    }

    pub(crate) fn lane(&mut self, connection: Connection) -> &mut Lane {
        match connection {
            Connection::Control => &mut self.control,
            Connection::Data => &mut self.data,
        }
    }
}

impl Link {
    /// The index of the end at this gateway.
    pub(crate) fn side(&self, slot: Slot) -> Option<usize> {
        self.ends.iter().position(|end| end.slot == slot)
    }

    pub(crate) fn end(&mut self, side: usize) -> &mut End {
        let [first, second] = &mut self.ends;
        if side == 0 { first } else { second }
    }

    pub(crate) fn other(&mut self, side: usize) -> &mut End {
        self.end(1 - side)
    }

    fn is_over(&self) -> bool {
        self.ends.iter().all(|end| !end.open)
    }
}

/// All links, by number.
#[derive(Debug, Default)]
pub(crate) struct Links {
    by_id: BTreeMap<LinkId, Link>,
    last: u64,
}

impl Links {
    pub(crate) fn open(&mut self, ends: [End; 2]) -> LinkId {
        self.last += 1;
        let id = LinkId(self.last);
        self.by_id.insert(id, Link { ends });
        id
    }

    pub(crate) fn get(&mut self, id: LinkId) -> Option<&mut Link> {
        self.by_id.get_mut(&id)
    }

    /// Forgets a link both of whose ends are closed.
    pub(crate) fn tidy(&mut self, id: LinkId) {
        if self.by_id.get(&id).is_some_and(Link::is_over) {
            self.by_id.remove(&id);
        }
    }

    /// Links with an end here.
    pub(crate) fn of(&self, slot: Slot) -> Vec<LinkId> {
        let here = |link: &Link| link.side(slot).is_some();
        self.by_id.iter().filter(|(_, link)| here(link)).map(|(id, _)| *id).collect()
    }

    /// Links between two gateways.
    pub(crate) fn between(&self, a: Slot, b: Slot) -> Vec<LinkId> {
        let both = |link: &Link| link.side(a).is_some() && link.side(b).is_some();
        self.by_id.iter().filter(|(_, link)| both(link)).map(|(id, _)| *id).collect()
    }
}

/// The connection that an action's event travels on.
pub(crate) fn size_of(event: &Event) -> u64 {
    match event {
        Event::Frame { weight, .. } => *weight,
        Event::FromPeer { .. } => 512,
        Event::Ping { .. } | Event::Pong { .. } => 32,
        Event::Tick
        | Event::Drain { .. }
        | Event::Undrain
        | Event::BrokerUp(_)
        | Event::BrokerDown
        | Event::FromBroker(_)
        | Event::Unsubscribed { .. }
        | Event::BarrierPassed { .. }
        | Event::PublishRefused { .. }
        | Event::BeaconHeard(_)
        | Event::LinkUp { .. }
        | Event::LinkDown { .. }
        | Event::Heard { .. }
        | Event::MemberSeen(_)
        | Event::MemberGone { .. }
        | Event::DialFailed { .. }
        | Event::Originated { .. }
        | Event::Verified { .. }
        | Event::PolicyApplied { .. }
        | Event::Ask { .. }
        | Event::Answer { .. } => 0,
    }
}
