//! One connection, from login to its end.

use std::{collections::VecDeque, time::Duration};

use tokio::{
    io::{AsyncWriteExt, WriteHalf, split},
    time::{Instant, MissedTickBehavior, interval_at, timeout},
};

use super::{
    Driver, Subscription,
    handshake::Connected,
    reader::{Read, Reader},
    stream::Stream,
};
use crate::{
    intake::Hold,
    port::{
        BarrierId, BrokerCommand, BrokerEvent, Delivery, Operation, Publication, RefusedPublish,
        SubscriptionId,
    },
    protocol::{Info, ServerOp, Writer, decode_headers, size},
};

/// What is gathered for one write, in bytes; a single message may be larger.
const WRITE_BYTES: usize = 256 * 1024;
/// Facts gathered while the caller does not listen; then nothing more is read.
const OUTGOING_MAX: usize = 1024;
/// Unanswered PINGs that end a connection.
const PINGS_MAX: usize = 2;
/// How long [`BrokerCommand::Close`] waits for the server to have processed everything.
const CLOSE_PATIENCE: Duration = Duration::from_secs(2);

/// How a connection ended.
#[derive(Debug)]
pub(super) enum End {
    Lost {
        reason: String,
        /// It was cut while we were not reading.
        lagged: bool,
    },
    Closed,
}

/// What a PONG stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    Barrier(BarrierId),
    Leave(SubscriptionId),
    KeepAlive,
    Close,
}

/// What lives as long as the connection.
struct Life {
    reader: Reader,
    stream: WriteHalf<Stream>,
    writer: Writer,
    /// PINGs that were written, in order.
    awaited: VecDeque<Awaited>,
    max_payload: usize,
    headers: bool,
    slow: bool,
    /// When a close that was ordered gives up waiting.
    closing: Option<Instant>,
}

impl Driver {
    /// Lives until the connection ends.
    pub(super) async fn live(&mut self, connected: Connected) -> End {
        self.stats.connects.add(1);
        self.outgoing.push_back(BrokerEvent::Connected(connected.server_info()));
        let (reader, stream) = split(connected.stream);
        let mut life = Life {
            reader: Reader::start(reader, connected.parser, self.intake.clone()),
            stream,
            writer: Writer::default(),
            awaited: VecDeque::new(),
            max_payload: connected.info.max_payload,
            headers: connected.info.headers,
            slow: false,
            closing: None,
        };
        for (id, one) in &self.subscriptions {
            life.writer.subscribe(*id, &one.subject, one.group.as_deref());
        }
        let end = self.run_life(&mut life).await;
        // The server hears of the end where it can; it is over for us in any case.
        let _ended = timeout(Duration::from_secs(1), life.stream.shutdown()).await;
        end
    }

    async fn run_life(&mut self, life: &mut Life) -> End {
        let period = self.config.ping_interval;
        let mut ping = interval_at(Instant::now() + period, period);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let events = self.events.clone();
        loop {
            self.gather(life);
            if let Err(reason) = life.write(period * 2).await {
                return life.lost(reason);
            }
            let closing = life.closing;
            tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return End::Closed,
                permit = events.reserve(), if !self.outgoing.is_empty() => {
                    let Ok(permit) = permit else { return End::Closed };
                    if let Some(event) = self.outgoing.pop_front() {
                        permit.send(event);
                    }
                }
                read = life.reader.ops.recv(), if self.outgoing.len() < OUTGOING_MAX => {
                    match read {
                        Some(Read::Op(op, hold)) => {
                            if let Some(end) = self.on_op(life, op, hold) {
                                return end;
                            }
                        }
                        Some(Read::End(reason)) => return life.lost(reason),
                        None => return life.lost("the reader ended".to_owned()),
                    }
                }
                command = self.commands.recv(), if closing.is_none() => {
                    match command {
                        Some(command) => self.order(life, command),
                        None => return End::Closed,
                    }
                }
                _ = ping.tick() => {
                    if life.is_stale() {
                        return life.lost("the server no longer answers".to_owned());
                    }
                    life.ping(Awaited::KeepAlive);
                }
                () = until(closing), if closing.is_some() => return End::Closed,
            }
        }
    }

    /// Takes more orders without waiting, so that one write carries many.
    fn gather(&mut self, life: &mut Life) {
        while !life.writer.buffer.is_empty()
            && life.writer.buffer.len() < WRITE_BYTES
            && life.closing.is_none()
        {
            let Ok(command) = self.commands.try_recv() else { return };
            self.order(life, command);
        }
    }

    fn order(&mut self, life: &mut Life, command: BrokerCommand) {
        match command {
            BrokerCommand::Subscribe { id, subject, group } => {
                life.writer.subscribe(id, &subject, group.as_deref());
                self.subscriptions.insert(id, Subscription { subject, group, leaving: false });
            }
            BrokerCommand::Unsubscribe { id } => match self.subscriptions.get_mut(&id) {
                Some(one) => {
                    one.leaving = true;
                    life.writer.unsubscribe(id);
                    life.ping(Awaited::Leave(id));
                }
                None => self.outgoing.push_back(BrokerEvent::Unsubscribed { id }),
            },
            BrokerCommand::Publish(message) => match life.refusal(&message) {
                None => {
                    self.stats.published.add(1);
                    self.stats.published_bytes.add(message.payload.len() as u64);
                    life.writer.publish(&message);
                }
                Some(reason) => {
                    let subject = message.subject;
                    self.outgoing.push_back(BrokerEvent::PublishRefused { subject, reason });
                }
            },
            BrokerCommand::Barrier { id } => life.ping(Awaited::Barrier(id)),
            BrokerCommand::Close => {
                life.ping(Awaited::Close);
                life.closing = Some(Instant::now() + CLOSE_PATIENCE);
            }
        }
    }

    /// Takes one operation of the server.
    fn on_op(&mut self, life: &mut Life, op: ServerOp, hold: Option<Hold>) -> Option<End> {
        match op {
            ServerOp::Message(message) => {
                let subscription = SubscriptionId(message.sid);
                if let Some(hold) = hold
                    && self.subscriptions.contains_key(&subscription)
                {
                    self.stats.received.add(1);
                    self.stats.received_bytes.add(message.payload.len() as u64);
                    self.outgoing.push_back(BrokerEvent::Message(Delivery {
                        subscription,
                        subject: message.subject,
                        reply: message.reply,
                        headers: decode_headers(&message.headers),
                        payload: message.payload,
                        hold,
                    }));
                }
            }
            ServerOp::Ping => life.writer.pong(),
            ServerOp::Pong => return self.on_pong(life),
            ServerOp::Info(info) => self.on_info(life, &info),
            ServerOp::Error(text) => self.on_error(life, &text),
            ServerOp::Ok => {}
        }
        None
    }

    fn on_pong(&mut self, life: &mut Life) -> Option<End> {
        match life.awaited.pop_front()? {
            Awaited::Barrier(id) => self.outgoing.push_back(BrokerEvent::BarrierPassed { id }),
            Awaited::Leave(id) => {
                self.subscriptions.remove(&id);
                self.outgoing.push_back(BrokerEvent::Unsubscribed { id });
            }
            Awaited::KeepAlive => {}
            Awaited::Close => return Some(End::Closed),
        }
        None
    }

    fn on_info(&mut self, life: &mut Life, info: &Info) {
        self.pool.learn(&info.connect_urls);
        life.max_payload = info.max_payload;
        if info.ldm {
            // It goes on serving us for a while, then closes; then we go elsewhere.
            tracing::info!(server = info.server_name, "the broker announces its end");
        }
    }

    fn on_error(&mut self, life: &mut Life, text: &str) {
        let lower = text.to_ascii_lowercase();
        if lower.starts_with("permissions violation") {
            let (operation, subject) = denied(text);
            self.outgoing.push_back(BrokerEvent::PermissionDenied { operation, subject });
        } else if lower.contains("slow consumer") {
            life.slow = true;
        } else {
            // The server closes the connection after most of these; the end tells the rest.
            tracing::warn!(error = text, "the broker complains");
        }
    }
}

impl Life {
    fn ping(&mut self, awaited: Awaited) {
        self.writer.ping();
        self.awaited.push_back(awaited);
    }

    /// Whether the server has left our PINGs unanswered although we were reading.
    fn is_stale(&self) -> bool {
        let pings = self.awaited.iter().filter(|one| **one == Awaited::KeepAlive).count();
        pings >= PINGS_MAX && !self.reader.is_held_up()
    }

    /// Why this message cannot be published.
    fn refusal(&self, message: &Publication) -> Option<RefusedPublish> {
        if !is_publishable(&message.subject) {
            return Some(RefusedPublish::BadSubject);
        }
        let too_large = self.max_payload > 0 && size(message) > self.max_payload;
        if !message.headers.is_empty() && !self.headers {
            return Some(RefusedPublish::NoHeaders);
        }
        too_large.then_some(RefusedPublish::TooLarge { max_payload: self.max_payload })
    }

    /// Writes what was gathered.
    async fn write(&mut self, patience: Duration) -> Result<(), String> {
        if self.writer.buffer.is_empty() {
            return Ok(());
        }
        let write = async {
            self.stream.write_all(&self.writer.buffer).await?;
            self.stream.flush().await
        };
        match timeout(patience, write).await {
            Ok(Ok(())) => {
                self.writer.buffer.clear();
                self.writer.buffer.shrink_to(WRITE_BYTES * 2);
                Ok(())
            }
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("the server no longer reads".to_owned()),
        }
    }

    fn lost(&self, reason: String) -> End {
        End::Lost { reason, lagged: self.slow || self.reader.is_held_up() }
    }
}

async fn until(deadline: Option<Instant>) {
    if let Some(deadline) = deadline {
        tokio::time::sleep_until(deadline).await;
    }
}

/// Tokens joined by dots, none empty, no wildcard, white space or control character.
fn is_publishable(subject: &str) -> bool {
    let bad = |c: char| c.is_whitespace() || c.is_control();
    !subject.is_empty()
        && subject.split('.').all(|token| {
            !token.is_empty() && token != "*" && token != ">" && !token.contains(bad)
        })
}

/// Which operation on which subject: `Permissions Violation for Publish to "x"`.
fn denied(text: &str) -> (Operation, String) {
    let operation = if text.to_ascii_lowercase().contains("for publish") {
        Operation::Publish
    } else {
        Operation::Subscribe
    };
    let subject = text.split('"').nth(1).unwrap_or(text).to_owned();
    (operation, subject)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denied_operation_is_named_with_its_subject() {
        let (operation, subject) = denied("Permissions Violation for Publish to \"a.b\"");
        assert_eq!((operation, subject.as_str()), (Operation::Publish, "a.b"));
        let text = "Permissions Violation for Subscription to \"a.>\" using queue \"g\"";
        let (operation, subject) = denied(text);
        assert_eq!((operation, subject.as_str()), (Operation::Subscribe, "a.>"));
    }

    #[test]
    fn only_legal_subjects_are_published_on() {
        assert!(is_publishable("a.b-c.$d"));
        for bad in ["", "a..b", "a.*", ">", "a b", "a\r\nPING", ".a"] {
            assert!(!is_publishable(bad), "{bad:?}");
        }
    }
}
