//! Links that stand: two ends, two connections, and what is under way on them.

use std::{collections::VecDeque, time::Duration};

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
    pub(crate) held: VecDeque<Crossing>,
}

/// What crosses a link. Most of it is signs of life: they are kept small.
#[derive(Clone, Debug)]
pub(crate) enum Crossing {
    Ping(Connection, u64),
    Pong(Connection, u64),
    Event(Box<Event>),
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
    /// Those that were opened, by number from 1; `None` where one is forgotten.
    all: Vec<Option<Link>>,
}

impl Links {
    pub(crate) fn open(&mut self, ends: [End; 2]) -> LinkId {
        self.all.push(Some(Link { ends }));
        LinkId(self.all.len() as u64)
    }

    pub(crate) fn get(&mut self, id: LinkId) -> Option<&mut Link> {
        self.all.get_mut(index(id)?)?.as_mut()
    }

    /// Forgets a link both of whose ends are closed.
    pub(crate) fn tidy(&mut self, id: LinkId) {
        if let Some(place) = index(id).and_then(|at| self.all.get_mut(at)) {
            place.take_if(|link| link.is_over());
        }
    }

    /// Links with an end here.
    pub(crate) fn of(&self, slot: Slot) -> Vec<LinkId> {
        self.those(|link| link.side(slot).is_some())
    }

    /// Links between two gateways.
    pub(crate) fn between(&self, a: Slot, b: Slot) -> Vec<LinkId> {
        self.those(|link| link.side(a).is_some() && link.side(b).is_some())
    }

    fn those(&self, meant: impl Fn(&Link) -> bool) -> Vec<LinkId> {
        let standing = (1..).zip(&self.all).filter_map(|(id, link)| Some((id, link.as_ref()?)));
        standing.filter(|(_, link)| meant(link)).map(|(id, _)| LinkId(id)).collect()
    }
}

fn index(id: LinkId) -> Option<usize> {
    usize::try_from(id.0.checked_sub(1)?).ok()
}

impl Crossing {
    /// What the machine at the other end is told.
    pub(crate) fn into_event(self, link: LinkId) -> Event {
        match self {
            Self::Ping(connection, nonce) => Event::Ping { link, connection, nonce },
            Self::Pong(connection, nonce) => Event::Pong { link, connection, nonce },
            Self::Event(event) => *event,
        }
    }

    /// Bytes on the wire, about.
    pub(crate) fn size(&self) -> u64 {
        match self {
            Self::Ping(..) | Self::Pong(..) => 32,
            Self::Event(event) => weight_of(event).unwrap_or(512),
        }
    }

    pub(crate) fn is_frame(&self) -> bool {
        matches!(self, Self::Event(event) if matches!(**event, Event::Frame { .. }))
    }
}

fn weight_of(event: &Event) -> Option<u64> {
    if let Event::Frame { weight, .. } = event { Some(*weight) } else { None }
}
