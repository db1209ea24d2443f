//! The way of events to the shell: control never waits behind data.

use std::sync::Arc;

use antiphon_core::LinkId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::{config::LinkConfig, port::LinkEvent};

/// The unit in which room for frames is given out.
const ROOM_UNIT: usize = 1 << 10;

/// Facts about links, in the order in which they are to be taken.
///
/// Two queues: frames and what belongs in order with them (pings on data connections, the end of a
/// link) in one, bounded in number and bytes, everything else in the other, which goes first. A full
/// queue holds up the connections that feed it, and so their peers.
#[derive(Debug)]
pub struct LinkEvents {
    control: mpsc::Receiver<LinkEvent>,
    data: mpsc::Receiver<DataEvent>,
}

/// An event that waits, and the room that it takes until it is received.
#[derive(Debug)]
struct DataEvent {
    event: LinkEvent,
    _room: Option<OwnedSemaphorePermit>,
}

impl LinkEvents {
    /// The next event; `None` once all links have ended, asked or not. Safe to cancel.
    pub async fn recv(&mut self) -> Option<LinkEvent> {
        tokio::select! {
            biased;
            Some(event) = self.control.recv() => Some(event),
            Some(waited) = self.data.recv() => Some(waited.event),
            else => None,
        }
    }

    /// The next event, if one waits; control first.
    pub(crate) fn try_recv(&mut self) -> Option<LinkEvent> {
        let control = self.control.try_recv().ok();
        control.or_else(|| self.data.try_recv().ok().map(|waited| waited.event))
    }

    /// Events that wait: those of control, then those of data.
    #[must_use]
    pub fn waiting(&self) -> (usize, usize) {
        (self.control.len(), self.data.len())
    }
}

/// The sending half.
#[derive(Clone, Debug)]
pub(crate) struct EventSink {
    control: mpsc::Sender<LinkEvent>,
    data: mpsc::Sender<DataEvent>,
    room: Arc<Semaphore>,
    room_max: usize,
}

pub(crate) fn channel(config: &LinkConfig) -> (EventSink, LinkEvents) {
    let (control, control_events) = mpsc::channel(config.control_events_max);
    let (data, data_events) = mpsc::channel(config.data_events_max);
    let room_max = (config.data_events_bytes_max / ROOM_UNIT).max(1);
    let room = Arc::new(Semaphore::new(room_max));
    let sink = EventSink { control, data, room, room_max };
    (sink, LinkEvents { control: control_events, data: data_events })
}

impl EventSink {
    /// Waits for room. An event that nobody takes any more is let go: the shell has ended.
    pub(crate) async fn control(&self, event: LinkEvent) {
        if self.control.send(event).await.is_err() {
            tracing::debug!("the shell takes no more events of links");
        }
    }

    /// A frame of so many bytes: waits for that much room, or for all of it.
    pub(crate) async fn frame(&self, event: LinkEvent, bytes: usize) {
        let units = (bytes / ROOM_UNIT + 1).min(self.room_max);
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).acquire_many_owned(units).await.ok();
        self.send(DataEvent { event, _room: room }).await;
    }

    /// What belongs in order with frames.
    pub(crate) async fn data(&self, event: LinkEvent) {
        self.send(DataEvent { event, _room: None }).await;
    }

    /// The link is gone: after its last frame.
    pub(crate) async fn down(&self, link: LinkId, reason: String) {
        self.data(LinkEvent::Down { link, reason }).await;
    }

    async fn send(&self, event: DataEvent) {
        if self.data.send(event).await.is_err() {
            tracing::debug!("the shell takes no more frames");
        }
    }
}
