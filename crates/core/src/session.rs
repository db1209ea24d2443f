//! Sessions: frames of one direction between two gateways are numbered, acknowledged and retained,
//! so that a connection that drops and comes back loses and repeats nothing.
//!
//! A sending direction lives through *epochs*. Within one, the receiver accepts only the next
//! number. When a link comes (back) up, the sender offers its epoch; a receiver that knows it says
//! which number it expects, and everything from there is sent again. One that does not know it (it
//! restarted, or forgot after the resume window) says so: what was sent and not acknowledged is in
//! doubt, and a new epoch begins.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use crate::{
    control::{Accept, Ack, Open},
    frame::Frame,
    id::Epoch,
};

/// The sending direction.
///
/// Bounds: what is retained never exceeds the retention limit by more than one frame, nor the credit
/// that the receiver granted.
#[derive(Debug)]
pub(crate) struct Outbox {
    epoch: Epoch,
    /// Number of the next new frame.
    next: u64,
    /// Every smaller number is acknowledged; `retained` starts here.
    base: u64,
    retained: VecDeque<Retained>,
    retained_weight: u64,
    /// Total weight sent and granted in this epoch.
    sent: u64,
    granted: u64,
    /// Frames sent again, in all epochs.
    retransmissions: u64,
}

/// A frame that was sent and is not acknowledged.
#[derive(Clone, Debug)]
pub(crate) struct Retained {
    pub(crate) number: u64,
    pub(crate) weight: u64,
    pub(crate) frame: Arc<Frame>,
}

/// The peer said something that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Breach(pub(crate) &'static str);

impl Outbox {
    pub(crate) fn new(epoch: Epoch) -> Self {
        Self {
            epoch,
            next: 0,
            base: 0,
            retained: VecDeque::new(),
            retained_weight: 0,
            sent: 0,
            granted: 0,
            retransmissions: 0,
        }
    }

    pub(crate) fn epoch(&self) -> Epoch {
        self.epoch
    }

    pub(crate) fn next_number(&self) -> u64 {
        self.next
    }

    pub(crate) fn retransmissions(&self) -> u64 {
        self.retransmissions
    }

    pub(crate) fn retained_weight(&self) -> u64 {
        self.retained_weight
    }

    /// Bytes that may be sent before the receiver grants more.
    pub(crate) fn credit(&self) -> u64 {
        self.granted.saturating_sub(self.sent)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.retained.is_empty()
    }

    /// What to say when a link comes up.
    pub(crate) fn open(&self) -> Open {
        Open { epoch: self.epoch, base: self.base, fresh: self.next == 0 }
    }

    /// Whether a frame of this weight may be sent: within credit, and within retention unless
    /// nothing is retained.
    pub(crate) fn has_room(&self, weight: u64, retention_max: u64) -> bool {
        let retained = self.retained.is_empty() || self.retained_weight + weight <= retention_max;
        retained && self.credit() >= weight
    }

    /// Numbers and retains a frame that is sent now.
    pub(crate) fn send(&mut self, frame: Arc<Frame>, weight: u64) -> u64 {
        let number = self.next;
        self.next += 1;
        self.sent += weight;
        self.retained_weight += weight;
        self.retained.push_back(Retained { number, weight, frame });
        number
    }

    /// Takes the receiver's progress.
    pub(crate) fn on_ack(&mut self, ack: Ack) -> Result<(), Breach> {
        if ack.epoch != self.epoch {
            return Ok(()); // of an epoch that ended
        }
        self.progress(ack.next)?;
        self.granted = self.granted.max(ack.granted);
        Ok(())
    }

    /// Takes the receiver's answer to [`Outbox::open`]: the frames to send again, in order, or
    /// `None` if the receiver does not know the epoch.
    pub(crate) fn on_accept(&mut self, accept: Accept) -> Result<Option<Vec<Retained>>, Breach> {
        if accept.epoch != self.epoch {
            return Err(Breach("accepted an epoch that was not offered"));
        }
        let Some(next) = accept.next else { return Ok(None) };
        self.progress(next)?;
        self.granted = self.granted.max(accept.granted);
        self.retransmissions += self.retained.len() as u64;
        Ok(Some(self.retained.iter().cloned().collect()))
    }

    /// Ends the epoch; what was sent and not acknowledged is returned, in doubt.
    pub(crate) fn abandon(&mut self, epoch: Epoch) -> Vec<Arc<Frame>> {
        let retransmissions = self.retransmissions;
        let old = std::mem::replace(self, Self { retransmissions, ..Self::new(epoch) });
        old.retained.into_iter().map(|one| one.frame).collect()
    }

    fn progress(&mut self, next: u64) -> Result<(), Breach> {
        if next > self.next {
            return Err(Breach("acknowledged what was never sent"));
        }
        while self.base < next {
            let Some(done) = self.retained.pop_front() else { break };
            self.retained_weight -= done.weight;
            self.base = done.number + 1;
        }
        Ok(())
    }
}

/// The receiving direction.
#[derive(Debug)]
pub(crate) struct Inbox {
    epoch: Epoch,
    /// The only number that is accepted.
    next: u64,
    window: u64,
    /// Total weight received and taken in this epoch.
    received: u64,
    released: u64,
    /// What the sender knows of us.
    told: Ack,
    /// When it has to be told, if there is anything to tell.
    ack_due: Option<Duration>,
}

/// What to do with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// The next one.
    Accepted,
    /// Of an epoch that ended, or received before: nothing to do.
    Stale,
    /// One is missing, or more than the credit: the peer is at fault.
    Breach(Breach),
}

impl Inbox {
    /// A receiving direction that grants `window` bytes at a time.
    pub(crate) fn new(epoch: Epoch, window: u64) -> Self {
        let told = Ack { epoch, next: 0, granted: window };
        Self { epoch, next: 0, window, received: 0, released: 0, told, ack_due: None }
    }

    pub(crate) fn epoch(&self) -> Epoch {
        self.epoch
    }

    pub(crate) fn next_number(&self) -> u64 {
        self.next
    }

    pub(crate) fn accept(&mut self) -> Accept {
        let ack = self.ack();
        Accept { epoch: ack.epoch, next: Some(ack.next), granted: ack.granted }
    }

    /// Takes the number of a frame that arrived.
    pub(crate) fn on_frame(
        &mut self,
        epoch: Epoch,
        number: u64,
        weight: u64,
        due: Duration,
    ) -> Arrival {
        if epoch != self.epoch || number < self.next {
            return Arrival::Stale;
        }
        if number > self.next {
            return Arrival::Breach(Breach("a frame is missing"));
        }
        if self.received.saturating_add(weight) > self.told.granted {
            return Arrival::Breach(Breach("sent more than it had credit for"));
        }
        self.next += 1;
        self.received += weight;
        self.ack_due.get_or_insert(due);
        Arrival::Accepted
    }

    /// Gives credit back for frames that were queued, published or dropped.
    pub(crate) fn release(&mut self, weight: u64, due: Duration) {
        self.released += weight;
        self.ack_due.get_or_insert(due);
    }

    /// When [`Inbox::ack`] should be sent.
    pub(crate) fn ack_due(&self) -> Option<Duration> {
        self.ack_due
    }

    /// The same, which is now if waiting longer would slow the sender down.
    pub(crate) fn tell_at(&self, now: Duration) -> Option<Duration> {
        self.ack_due.map(|due| if self.is_urgent() { due.min(now) } else { due })
    }

    /// Whether a quarter of the window is untold.
    fn is_urgent(&self) -> bool {
        self.released + self.window - self.told.granted >= self.window / 4
    }

    /// What to tell the sender now.
    pub(crate) fn ack(&mut self) -> Ack {
        self.ack_due = None;
        self.told =
            Ack { epoch: self.epoch, next: self.next, granted: self.released + self.window };
        self.told
    }
}

#[cfg(test)]
mod tests;
