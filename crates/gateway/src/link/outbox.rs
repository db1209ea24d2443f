//! What waits to be written: each stream takes what is queued when its connection is ready.

use std::{
    collections::VecDeque,
    future::Future as _,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use antiphon_core::{Control, Epoch, Frame};
use antiphon_proto::v1::{
    self, ControlMessage, DataMessage, SequencedFrame, control_message, data_message,
};
use bytes::Bytes;
use futures_util::Stream;
use prost::Message as _;
use tokio::{
    sync::mpsc,
    time::{Instant, Sleep, sleep_until},
};

use super::{
    compress::{Compression, Compressor},
    config::LinkConfig,
    stats::Meter,
};

/// Waits for a control connection.
#[derive(Debug)]
pub(crate) enum ControlItem {
    Message(Control),
    Ping(u64),
    Pong(u64),
    Gossip(Bytes),
    /// Nothing follows: the stream ends.
    Close,
}

/// Waits for a data connection.
#[derive(Debug)]
pub(crate) enum DataItem {
    Frame { epoch: Epoch, number: u64, weight: u64, frame: Arc<Frame> },
    Ping(u64),
    Pong(u64),
}

/// The messages of a control connection: a greeting, then what is queued.
pub(crate) struct ControlOutbox {
    greeting: Option<ControlMessage>,
    queue: mpsc::Receiver<ControlItem>,
}

impl ControlOutbox {
    pub(crate) fn new(greeting: control_message::Body, queue: mpsc::Receiver<ControlItem>) -> Self {
        Self { greeting: Some(ControlMessage { body: Some(greeting) }), queue }
    }
}

impl Stream for ControlOutbox {
    type Item = ControlMessage;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<ControlMessage>> {
        if let Some(greeting) = self.greeting.take() {
            return Poll::Ready(Some(greeting));
        }
        let body = match ready!(self.queue.poll_recv(cx)) {
            None | Some(ControlItem::Close) => {
                self.queue.close();
                return Poll::Ready(None);
            }
            Some(ControlItem::Message(message)) => {
                return Poll::Ready(Some(antiphon_proto::control(&message)));
            }
            Some(ControlItem::Ping(nonce)) => control_message::Body::Ping(v1::Ping { nonce }),
            Some(ControlItem::Pong(nonce)) => control_message::Body::Pong(v1::Pong { nonce }),
            Some(ControlItem::Gossip(message)) => control_message::Body::Gossip(message),
        };
        Poll::Ready(Some(ControlMessage { body: Some(body) }))
    }
}

/// The messages of a data connection: a greeting, then batches of what is queued, bounded in frames
/// and bytes. No timer: a batch is what gathered while the connection was busy.
pub(crate) struct DataOutbox {
    greeting: Option<DataMessage>,
    queue: mpsc::Receiver<DataItem>,
    /// Taken from the queue; at most `frames_max`.
    taken: VecDeque<DataItem>,
    /// Encoded, and too large for the batch before.
    left: Option<SequencedFrame>,
    buffer: Vec<DataItem>,
    frames_max: usize,
    bytes_max: usize,
    compressor: Option<Compressor>,
    /// Wakes us when the compressor's window may have been idle for long.
    idle: Option<Pin<Box<Sleep>>>,
    meter: Arc<Meter>,
}

impl DataOutbox {
    pub(crate) fn new(
        greeting: data_message::Body,
        queue: mpsc::Receiver<DataItem>,
        config: &LinkConfig,
        compression: Compression,
        meter: Arc<Meter>,
    ) -> Self {
        Self {
            greeting: Some(DataMessage { body: Some(greeting) }),
            queue,
            taken: VecDeque::new(),
            left: None,
            buffer: Vec::new(),
            frames_max: config.batch_frames_max,
            bytes_max: config.batch_bytes_max,
            compressor: (compression == Compression::Zstd).then(Compressor::default),
            idle: None,
            meter,
        }
    }

    /// Takes from the queue what there is; pending only when nothing is at hand.
    fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<Option<()>> {
        let room = self.frames_max.saturating_sub(self.taken.len());
        if room > 0 {
            let polled = self.queue.poll_recv_many(cx, &mut self.buffer, room);
            self.taken.extend(self.buffer.drain(..));
            if self.taken.is_empty() && self.left.is_none() {
                return polled.map(|count| (count > 0).then_some(()));
            }
        }
        Poll::Ready(Some(()))
    }

    fn next_message(&mut self) -> Option<data_message::Body> {
        if self.left.is_none() {
            match self.taken.front() {
                Some(DataItem::Frame { .. }) | None => {}
                Some(DataItem::Ping(nonce)) => {
                    let ping = v1::Ping { nonce: *nonce };
                    self.taken.pop_front();
                    return Some(data_message::Body::Ping(ping));
                }
                Some(DataItem::Pong(nonce)) => {
                    let pong = v1::Pong { nonce: *nonce };
                    self.taken.pop_front();
                    return Some(data_message::Body::Pong(pong));
                }
            }
        }
        let frames = self.next_frames();
        if frames.is_empty() {
            return None;
        }
        self.meter.sent(frames.len() as u64);
        let full = self.left.is_some() || frames.len() == self.frames_max;
        Some(data_message::Body::Batch(match &mut self.compressor {
            Some(compressor) => compressor.batch(frames, full),
            None => v1::Batch { frames, ..v1::Batch::default() },
        }))
    }

    /// Ends the compressor's window when it has been idle for long; pending otherwise.
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<v1::Batch> {
        let Some(compressor) = &mut self.compressor else { return Poll::Pending };
        loop {
            let Some(at) = compressor.idle_at() else {
                self.idle = None;
                return Poll::Pending;
            };
            let sleep = self.idle.get_or_insert_with(|| Box::pin(sleep_until(at)));
            ready!(sleep.as_mut().poll(cx));
            if at <= Instant::now() {
                self.idle = None;
                return Poll::Ready(compressor.end());
            }
            // Batches came meanwhile.
            sleep.as_mut().reset(at);
        }
    }

    /// Frames up to the bounds, or up to the next ping; a larger one alone.
    fn next_frames(&mut self) -> Vec<SequencedFrame> {
        let mut frames = Vec::new();
        let mut bytes = 0;
        while frames.len() < self.frames_max {
            let Some(frame) = self.left.take().or_else(|| self.next_frame()) else { break };
            bytes += frame.encoded_len();
            if !frames.is_empty() && bytes > self.bytes_max {
                self.left = Some(frame);
                break;
            }
            frames.push(frame);
        }
        frames
    }

    fn next_frame(&mut self) -> Option<SequencedFrame> {
        match self.taken.pop_front()? {
            DataItem::Frame { epoch, number, weight, frame } => {
                Some(antiphon_proto::sequenced(epoch, number, weight, &frame))
            }
            ping @ (DataItem::Ping(_) | DataItem::Pong(_)) => {
                self.taken.push_front(ping);
                None
            }
        }
    }
}

impl Stream for DataOutbox {
    type Item = DataMessage;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<DataMessage>> {
        if let Some(greeting) = self.greeting.take() {
            return Poll::Ready(Some(greeting));
        }
        let body = match self.poll_take(cx) {
            Poll::Ready(Some(())) => self.next_message(),
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Pending => Some(data_message::Body::Batch(ready!(self.poll_idle(cx)))),
        };
        Poll::Ready(Some(DataMessage { body }))
    }
}

#[cfg(test)]
mod tests;
