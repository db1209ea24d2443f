//! What one connection owes and is owed: orders into protocol, the server's words into facts. No sockets.
//!
//! ```text
//!           Close                     PONG
//!   Open ──────────▶ Closing ────────────────────▶ Ended::Closed
//!    │  lame duck               PONG                    PONG
//!    ├─────────────▶ Moving ───────────▶ Parting ───────────────▶ Ended::Moved
//!    │  write failed              read on to the end
//!    └─────────────▶ Severed ──────────────────────▶ Ended::Lost
//! ```

use std::collections::VecDeque;

use bytes::Buf;

use super::dial::Subscribed;
use crate::{
    denied::Denied,
    intake::Hold,
    ledger::{Ledger, Offline},
    limits::Limits,
    port::{
        BarrierId, BrokerCommand, BrokerEvent, Delivery, Operation, Publication, SubscriptionId,
    },
    protocol::{
        Denial, Encoder, Info, PAYLOAD_BYTES_MAX, ServerMessage, ServerOp, decode_headers,
        encoded_len,
    },
    servers::Server,
};

/// How much is gathered for one write, in bytes. Larger would not save calls and would delay what is urgent;
/// a single message may be larger.
const WRITE_BYTES_MAX: usize = 64 * 1024;

/// How many PINGs may be unanswered before no more orders are taken. Only a shell that asks for thousands of
/// barriers without waiting for any gets there.
const AWAITED_MAX: usize = 16 * 1024;

/// How much may wait to be written before a server that goes on asking is given up, in bytes: the largest
/// message and a write beside it.
const BACKLOG_BYTES_MAX: usize = PAYLOAD_BYTES_MAX + 2 * WRITE_BYTES_MAX;

/// How many signs of life may be missed.
const MISSED_MAX: u32 = 2;

/// The end of one connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// As ordered, and the server has processed everything.
    Closed,
    /// The server is about to stop; nothing is under way any more.
    Moved,
    /// Something broke.
    Lost(String),
}

/// What the PONG for one of our PINGs stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    Life,
    Barrier(BarrierId),
    Leave(SubscriptionId),
    /// What the server held back during our `.0`th stop has been read.
    CaughtUp(u64),
    /// What was denied has been asked for again.
    AskedAgain,
    Phase,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    Closing,
    /// Everything was unsubscribed; publications still go out.
    Moving,
    /// The last PING before the move; no orders are taken.
    Parting,
    /// Nothing can be written, but what was sent to us can still be read.
    Severed(String),
}

/// Whether the server was heard since the last look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    Heard,
    Silent,
    /// We do not listen: the shell holds too much.
    Held,
}

#[derive(Debug)]
pub(crate) struct Session {
    server: Server,
    limits: Limits,
    /// What waits to be written.
    pub(crate) out: Encoder,
    awaited: VecDeque<Awaited>,
    phase: Phase,
    missed: u32,
    /// How often reading stopped.
    holds: u64,
    /// Whether the server may still hold back what it had for us while we did not read.
    behind: bool,
}

impl Session {
    /// Starts with a SUB for every live subscription, unless they were sent before.
    pub(crate) fn new(
        server: Server,
        info: &Info,
        subscribed: Subscribed,
        ledger: &mut Ledger,
    ) -> Self {
        let mut session = Self {
            server,
            limits: Limits::of(info),
            out: Encoder::default(),
            awaited: VecDeque::new(),
            phase: Phase::Open,
            missed: 0,
            holds: 0,
            behind: false,
        };
        match subscribed {
            Subscribed::No => {
                ledger.denied = Denied::default();
                for (id, pattern) in ledger.subscriptions.live() {
                    session.out.subscribe(id.0, pattern);
                }
            }
            Subscribed::Yes => ledger.denied.on_move(),
            Subscribed::Unconfirmed => {
                ledger.denied.on_move();
                session.awaited.push_back(Awaited::Life);
            }
        }
        session.on_info(info, ledger);
        session
    }

    /// Whether the next order may be taken: what it causes has a bounded place to wait.
    pub(crate) fn takes_orders(&self, ledger: &Ledger) -> bool {
        let open = match self.phase {
            Phase::Open | Phase::Moving | Phase::Severed(_) => true,
            Phase::Closing | Phase::Parting => false,
        };
        open && self.out.remaining() < WRITE_BYTES_MAX
            && self.awaited.len() < AWAITED_MAX
            && ledger.has_room()
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.phase == Phase::Closing
    }

    pub(crate) fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// Whether what waits can still be written.
    pub(crate) fn can_write(&self) -> bool {
        !matches!(self.phase, Phase::Severed(_))
    }

    /// Whether the end of this connection may be the server's answer to our slow reading.
    pub(crate) fn is_behind(&self) -> bool {
        self.behind
    }

    /// Carries out an order.
    ///
    /// # Errors
    /// The end, if it was the order to close and nothing can be written.
    pub(crate) fn order(&mut self, order: BrokerCommand, ledger: &mut Ledger) -> Result<(), Ended> {
        if !self.can_write() {
            return match ledger.order_offline(order) {
                Offline::Done => Ok(()),
                Offline::Close => Err(Ended::Closed),
            };
        }
        match order {
            BrokerCommand::Subscribe { id, subject, group } => {
                let pattern = ledger.subscribe(id, subject, group);
                if let (Some(pattern), Phase::Open) = (pattern, &self.phase) {
                    self.out.subscribe(id.0, pattern);
                }
            }
            BrokerCommand::Unsubscribe { id } => self.leave(id, ledger),
            BrokerCommand::Publish(publication) => self.publish(publication, ledger),
            BrokerCommand::Barrier { id } => self.ping(Awaited::Barrier(id)),
            BrokerCommand::Close => {
                self.phase = Phase::Closing;
                self.ping(Awaited::Phase);
            }
        }
        Ok(())
    }

    fn leave(&mut self, id: SubscriptionId, ledger: &mut Ledger) {
        if ledger.subscriptions.leave(id) {
            self.out.unsubscribe(id.0);
            self.ping(Awaited::Leave(id));
        } else if !ledger.subscriptions.is_leaving(id) {
            ledger.end_subscription(id);
        }
    }

    fn publish(&mut self, publication: Publication, ledger: &mut Ledger) {
        match self.limits.refusal(&publication) {
            None => {
                let bytes = encoded_len(&publication.headers) + publication.payload.len();
                ledger.stats.published.add(1);
                ledger.stats.published_bytes.add(bytes as u64);
                self.out.publish(&publication);
            }
            Some(reason) => {
                let subject = publication.subject;
                ledger.tell(BrokerEvent::PublishRefused { subject, reason });
            }
        }
    }

    fn ping(&mut self, awaited: Awaited) {
        self.out.ping();
        self.awaited.push_back(awaited);
    }

    /// Takes a message for the shell.
    pub(crate) fn on_message(&self, message: ServerMessage, hold: Hold, ledger: &mut Ledger) {
        let ServerMessage { sid, subject, reply, headers, payload } = message;
        let subscription = SubscriptionId(sid);
        if !ledger.subscriptions.is_known(subscription) {
            // The stream is ordered: nothing follows the PONG of a leave.
            tracing::error!(sid, subject, "a message for no subscription of ours");
            return;
        }
        ledger.stats.received.add(1);
        ledger.stats.received_bytes.add((headers.len() + payload.len()) as u64);
        let headers = decode_headers(&headers);
        let delivery = Delivery { subscription, subject, reply, headers, payload, hold };
        ledger.tell(BrokerEvent::Message(delivery));
    }

    /// Takes anything else that the server says.
    ///
    /// # Errors
    /// The end of the connection.
    pub(crate) fn on_op(&mut self, op: ServerOp, ledger: &mut Ledger) -> Result<(), Ended> {
        match op {
            ServerOp::Ping if self.out.remaining() > BACKLOG_BYTES_MAX => {
                return Err(Ended::Lost("the server asks and does not read".to_owned()));
            }
            ServerOp::Ping if self.can_write() => self.out.pong(),
            ServerOp::Ping => {}
            ServerOp::Pong => return self.on_pong(ledger),
            ServerOp::Info(info) => self.on_info(&info, ledger),
            ServerOp::Error(text) => return self.on_error(text, ledger),
            ServerOp::Message(message) => self.on_message(message, Hold::none(), ledger),
            ServerOp::Ok => {}
        }
        Ok(())
    }

    fn on_pong(&mut self, ledger: &mut Ledger) -> Result<(), Ended> {
        match self.awaited.pop_front() {
            Some(Awaited::Barrier(id)) => ledger.tell(BrokerEvent::BarrierPassed { id }),
            Some(Awaited::Leave(id)) => ledger.end_subscription(id),
            Some(Awaited::AskedAgain) => Self::on_asked_again(ledger),
            Some(Awaited::CaughtUp(hold)) if hold == self.holds => self.behind = false,
            Some(Awaited::CaughtUp(_)) => self.ping(Awaited::CaughtUp(self.holds)),
            Some(Awaited::Phase) => return self.advance_phase(),
            Some(Awaited::Life) => {}
            None => return Err(Ended::Lost("a PONG without a PING".to_owned())),
        }
        Ok(())
    }

    /// The server has processed everything up to the last turn of the phase.
    fn advance_phase(&mut self) -> Result<(), Ended> {
        match self.phase {
            Phase::Closing => Err(Ended::Closed),
            Phase::Moving if self.awaited.is_empty() && !self.out.has_remaining() => {
                Err(Ended::Moved)
            }
            Phase::Moving => {
                self.phase = Phase::Parting;
                self.ping(Awaited::Phase);
                Ok(())
            }
            Phase::Parting => Err(Ended::Moved),
            Phase::Open | Phase::Severed(_) => Ok(()),
        }
    }

    fn on_info(&mut self, info: &Info, ledger: &mut Ledger) {
        self.limits = Limits::of(info);
        ledger.servers.learn(&self.server, &info.connect_urls);
        if info.ldm && self.phase == Phase::Open && ledger.servers.count() > 1 {
            tracing::info!(server = %self.server.url, "the broker is about to stop; moving");
            self.begin_move(ledger);
        }
    }

    /// Takes leave of every subscription, as a leave does, but keeps them for the next connection; this one
    /// ends when the server has processed everything.
    pub(crate) fn begin_move(&mut self, ledger: &Ledger) {
        for (id, _) in ledger.subscriptions.live() {
            self.out.unsubscribe(id.0);
        }
        self.phase = Phase::Moving;
        self.ping(Awaited::Phase);
    }

    fn on_error(&mut self, text: String, ledger: &mut Ledger) -> Result<(), Ended> {
        match Denial::of(&text) {
            Denial::Permission { operation, subject } => {
                if operation == Operation::Publish || Self::is_news(&subject, ledger) {
                    ledger.tell(BrokerEvent::PermissionDenied { operation, subject });
                }
                Ok(())
            }
            Denial::SlowConsumer => {
                self.behind = true;
                Err(Ended::Lost(format!("the server says: {text}")))
            }
            Denial::Fatal => Err(Ended::Lost(format!("the server says: {text}"))),
        }
    }

    /// Notes a subscription that is denied; false if it was before.
    fn is_news(subject: &str, ledger: &mut Ledger) -> bool {
        let ours = ledger.subscriptions.live().filter(|(_, one)| one.subject() == subject);
        let (mut known, mut news) = (false, false);
        for (id, _) in ours {
            let new = ledger.denied.insert(id);
            (known, news) = (known || !new, news || new);
        }
        let news = news || !known;
        if news {
            tracing::warn!(subject, "the broker denies a subscription");
        }
        news
    }

    /// Asks again for what was denied: permissions may have changed. The server passes over what it has.
    fn ask_again(&mut self, ledger: &mut Ledger) {
        let again = ledger.denied.on_tick();
        if again.is_empty() {
            return;
        }
        for (id, pattern) in ledger.subscriptions.live().filter(|(id, _)| again.contains(id)) {
            self.out.subscribe(id.0, pattern);
        }
        self.ping(Awaited::AskedAgain);
    }

    fn on_asked_again(ledger: &mut Ledger) {
        let allowed = ledger.denied.on_answer();
        let live = ledger.subscriptions.live().filter(|(id, _)| allowed.contains(id));
        let subjects: Vec<String> = live.map(|(_, one)| one.subject().to_owned()).collect();
        for subject in subjects {
            tracing::info!(subject, "the broker allows a subscription that it denied");
            ledger.tell(BrokerEvent::SubscriptionAllowed { subject });
        }
    }

    /// Reading has stopped: the shell must make room first.
    pub(crate) fn on_hold(&mut self, ledger: &Ledger) {
        self.holds += 1;
        self.behind = true;
        ledger.stats.holds.add(1);
    }

    /// Reading goes on. A PONG to a PING from now on proves that nothing was held back.
    pub(crate) fn on_release(&mut self) {
        self.missed = 0;
        let is_asked = self.awaited.iter().any(|one| matches!(one, Awaited::CaughtUp(_)));
        if self.can_write() && !is_asked {
            self.ping(Awaited::CaughtUp(self.holds));
        }
    }

    /// Asks for a sign of life, as long as any comes, and now and then for what was denied.
    ///
    /// # Errors
    /// The end, after too many were missed.
    pub(crate) fn on_tick(&mut self, life: Life, ledger: &mut Ledger) -> Result<(), Ended> {
        match life {
            Life::Heard => self.missed = 0,
            Life::Silent => self.missed += 1,
            // The server's PING may wait unread among its messages. An answer that it did not ask for yet is
            // as good: it stops counting. Our own PING would only lengthen the queue of what we do not read.
            Life::Held => {
                if self.can_write() && !self.out.has_remaining() {
                    self.out.pong();
                }
                return Ok(());
            }
        }
        if self.missed > MISSED_MAX {
            return Err(Ended::Lost("the server gave no sign of life".to_owned()));
        }
        if self.can_write() && self.out.remaining() < WRITE_BYTES_MAX {
            if self.phase == Phase::Open {
                self.ask_again(ledger);
            }
            self.ping(Awaited::Life);
        }
        Ok(())
    }

    /// Writing has failed. What the server had sent before may still be read, its reason among it.
    pub(crate) fn on_write_failed(&mut self, reason: String) {
        if self.can_write() {
            self.phase = Phase::Severed(reason);
            self.out = Encoder::default();
        }
    }

    /// The stream has ended.
    pub(crate) fn on_end(&mut self, reason: String) -> Ended {
        match std::mem::replace(&mut self.phase, Phase::Open) {
            Phase::Severed(first) => Ended::Lost(first),
            Phase::Open | Phase::Closing | Phase::Moving | Phase::Parting => Ended::Lost(reason),
        }
    }
}

#[cfg(test)]
mod tests;
