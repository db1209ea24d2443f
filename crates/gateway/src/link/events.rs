//! The way of events to the shell: control never waits behind data.

use antiphon_core::LinkId;
use tokio::sync::mpsc;

use super::{config::LinkConfig, port::LinkEvent};

/// Facts about links, in the order in which they are to be taken.
///
/// Two bounded queues: frames and what belongs in order with them (pings on data connections, the
/// end of a link) in one, everything else in the other, which goes first. A full queue holds up the
/// connections that feed it, and so their peers.
#[derive(Debug)]
pub struct LinkEvents {
    control: mpsc::Receiver<LinkEvent>,
    data: mpsc::Receiver<LinkEvent>,
}

impl LinkEvents {
    /// The next event; `None` once all links have ended, asked or not. Safe to cancel.
    pub async fn recv(&mut self) -> Option<LinkEvent> {
        tokio::select! {
            biased;
            Some(event) = self.control.recv() => Some(event),
            Some(event) = self.data.recv() => Some(event),
            else => None,
        }
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
    data: mpsc::Sender<LinkEvent>,
}

pub(crate) fn channel(config: &LinkConfig) -> (EventSink, LinkEvents) {
    let (control, control_events) = mpsc::channel(config.control_events_max);
    let (data, data_events) = mpsc::channel(config.data_events_max);
    (EventSink { control, data }, LinkEvents { control: control_events, data: data_events })
}

impl EventSink {
    /// Waits for room. An event that nobody takes any more is let go: the shell has ended.
    pub(crate) async fn control(&self, event: LinkEvent) {
        if self.control.send(event).await.is_err() {
            tracing::debug!("the shell takes no more events of links");
        }
    }

    /// As [`control`](Self::control), in order with frames.
    pub(crate) async fn data(&self, event: LinkEvent) {
        if self.data.send(event).await.is_err() {
            tracing::debug!("the shell takes no more frames");
        }
    }

    /// The link is gone: after its last frame.
    pub(crate) async fn down(&self, link: LinkId, reason: String) {
        self.data(LinkEvent::Down { link, reason }).await;
    }
}
