//! Moves bytes between the socket and the session, and facts to the shell.
//!
//! One task does it all, and never waits for one thing alone: while the shell holds too much, reading stops
//! and writing goes on; while the server does not take our bytes, reading goes on.

use std::time::Duration;

use bytes::Buf;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split},
    time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until, timeout},
};

use super::{
    beside::{Beside, Turn},
    dial::{Dialled, Stream},
    incoming::Incoming,
    session::{Ended, Life, Session},
};
use crate::{
    config::BrokerConfig,
    front::{Front, Stop},
    intake::Intake,
    port::{BrokerCommand, BrokerEvent},
    protocol::{Encoder, ServerMessage, ServerOp},
};

/// How long [`BrokerCommand::Close`] waits for the server to have processed everything, and a dead socket for
/// its farewell.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

pub(crate) struct Pump {
    beside: Beside,
    reader: ReadHalf<Stream>,
    writer: WriteHalf<Stream>,
    incoming: Incoming,
    session: Session,
    intake: Intake,
    /// Read, and waiting for the budget.
    waiting: Option<ServerMessage>,
    reading: Reading,
    /// Bytes were handed to TLS or the socket and not pushed on.
    unflushed: bool,
    /// Something was read since the last tick.
    heard: bool,
    ticks: Interval,
    close_at: Option<Instant>,
}

/// What must happen before more can be handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// Bytes must be read.
    Open,
    /// The shell must give bytes back.
    HeldByBudget,
    /// The shell must take facts.
    HeldByShell,
}

/// What the loop has waited for.
enum Step {
    Order(Option<BrokerCommand>),
    Read(std::io::Result<usize>),
    Pushed(std::io::Result<()>),
    Room,
    Tick,
    Beside(Turn),
    CloseTimeout,
}

/// How the life of a connection ended for the driver.
pub(crate) enum Outcome {
    /// The connection has ended, by order or not.
    Ended {
        ended: Ended,
        /// The server may have cut us because we did not read.
        behind: bool,
        /// The connection that takes its place.
        successor: Option<Box<Dialled>>,
    },
    Stopped(Stop),
}

impl Pump {
    pub(crate) fn new(
        dialled: Dialled,
        front: &mut Front,
        intake: Intake,
        config: &BrokerConfig,
    ) -> Self {
        let ping = config.ping_interval;
        let Dialled { stream, incoming, info, server, tls, subscribed } = dialled;
        let (reader, writer) = split(stream);
        let mut ticks = interval_at(Instant::now() + ping, ping);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            beside: Beside::new(config.clone(), tls),
            reader,
            writer,
            incoming,
            session: Session::new(server, &info, subscribed, &mut front.ledger),
            intake,
            waiting: None,
            reading: Reading::Open,
            unflushed: false,
            heard: false,
            ticks,
            close_at: None,
        }
    }

    /// Serves until the connection ends, and says goodbye to a server that is left in order.
    pub(crate) async fn run(mut self, front: &mut Front) -> Outcome {
        let outcome = loop {
            if let Err(ended) = self.hand_over(front) {
                break self.ended(ended);
            }
            let taken = match self.step(front).await {
                Ok(step) => self.take(step, front),
                Err(stop) => break Outcome::Stopped(stop),
            };
            if let Err(ended) = taken {
                break self.ended(ended);
            }
        };
        if let Outcome::Ended { ended: Ended::Closed | Ended::Moved, .. } = outcome {
            // The result matters to nobody: the connection is given up either way.
            timeout(CLOSE_TIMEOUT, self.writer.shutdown()).await.ok();
        }
        outcome
    }

    fn ended(&mut self, ended: Ended) -> Outcome {
        // Whatever breaks while we close: it was to end.
        let ended = if self.close_at.is_some() { Ended::Closed } else { ended };
        let successor = self.beside.take_successor();
        Outcome::Ended { ended, behind: self.session.is_behind(), successor }
    }

    /// Hands over what has been read, as far as budget and channel allow.
    fn hand_over(&mut self, front: &mut Front) -> Result<(), Ended> {
        let reading = loop {
            if !front.hand_over() {
                break Reading::HeldByShell;
            }
            let next = match self.waiting.take() {
                Some(message) => Some(ServerOp::Message(message)),
                None => self.incoming.next_op().map_err(|error| Ended::Lost(error.to_string()))?,
            };
            match next {
                None => break Reading::Open,
                Some(ServerOp::Message(message)) => match self.intake.try_admit(message.bytes()) {
                    Some(hold) => self.session.on_message(message, hold, &mut front.ledger),
                    None => {
                        self.waiting = Some(message);
                        break Reading::HeldByBudget;
                    }
                },
                Some(op) => self.session.on_op(op, &mut front.ledger)?,
            }
        };
        match (self.reading, reading) {
            (Reading::Open, Reading::HeldByBudget | Reading::HeldByShell) => {
                self.session.on_hold(&front.ledger);
            }
            (Reading::HeldByBudget | Reading::HeldByShell, Reading::Open) => {
                self.session.on_release();
            }
            _ => {}
        }
        self.reading = reading;
        Ok(())
    }

    /// Waits for whatever can happen next. Every arm may be dropped unfinished without loss.
    async fn step(&mut self, front: &mut Front) -> Result<Step, Stop> {
        let takes_orders = self.takes_orders(front);
        let has_bytes = self.session.out.has_remaining() || self.unflushed;
        let writes = has_bytes && self.session.can_write();
        let reads = self.reading == Reading::Open;
        let close_at = self.close_at;
        let replaces = self.session.is_open();
        Ok(tokio::select! {
            stop = front.outlet.stopped() => return Err(stop),
            order = front.orders.recv(), if takes_orders => Step::Order(order),
            read = self.reader.read_buf(self.incoming.room()), if reads => Step::Read(read),
            pushed = push(&mut self.writer, &mut self.session.out, &mut self.unflushed), if writes => {
                Step::Pushed(pushed)
            }
            () = self.intake.freed(), if self.reading == Reading::HeldByBudget => Step::Room,
            () = front.outlet.room(), if self.reading == Reading::HeldByShell => Step::Room,
            _ = self.ticks.tick() => Step::Tick,
            turn = self.beside.turn(), if replaces => Step::Beside(turn),
            () = sleep_until(close_at.unwrap_or_else(Instant::now)), if close_at.is_some() => {
                Step::CloseTimeout
            }
        })
    }

    fn take(&mut self, step: Step, front: &mut Front) -> Result<(), Ended> {
        match step {
            Step::Order(order) => return self.take_orders(order, front),
            Step::Read(Ok(0)) => {
                let cut = if self.incoming.is_empty() { "" } else { " in the middle of a message" };
                let reason = format!("the server closed the connection{cut}");
                return Err(self.session.on_end(reason));
            }
            Step::Read(Ok(_)) => self.heard = true,
            Step::Read(Err(error)) => {
                return Err(self.session.on_end(format!("cannot read: {error}")));
            }
            Step::Pushed(Ok(())) => {}
            Step::Pushed(Err(error)) => {
                self.session.on_write_failed(format!("cannot write: {error}"));
            }
            Step::Tick => {
                let life = match (self.reading, std::mem::take(&mut self.heard)) {
                    (Reading::HeldByBudget | Reading::HeldByShell, _) => Life::Held,
                    (Reading::Open, true) => Life::Heard,
                    (Reading::Open, false) => Life::Silent,
                };
                self.session.on_tick(life, &mut front.ledger)?;
            }
            Step::Beside(turn) => self.on_beside(turn, front),
            Step::CloseTimeout => return Err(Ended::Closed),
            Step::Room => {}
        }
        Ok(())
    }

    /// From the moment that the next connection is subscribed until it has taken over, orders wait.
    fn takes_orders(&self, front: &Front) -> bool {
        self.session.takes_orders(&front.ledger) && !self.beside.is_taking_over()
    }

    fn on_beside(&mut self, turn: Turn, front: &mut Front) {
        let server = self.session.server();
        match turn {
            Turn::Renewed => self.beside.dial(server.clone()),
            Turn::Dialled(dialled) => self.beside.join(dialled, &front.ledger.subscriptions),
            Turn::Settled => self.session.begin_move(&front.ledger),
            Turn::Failed { reason, subscribed } => {
                let server = server.url.to_string();
                tracing::warn!(
                    server,
                    reason,
                    "no connection with renewed certificates; this one stays"
                );
                front.ledger.tell(BrokerEvent::ConnectFailed { server, reason });
                if subscribed {
                    front.ledger.tell(BrokerEvent::Lagged { lost: None });
                }
                self.beside.dial(self.session.server().clone());
            }
        }
    }

    /// Takes every order that waits, as far as one write goes: so a busy shell fills it, and an idle one does
    /// not wait for a timer.
    fn take_orders(
        &mut self,
        first: Option<BrokerCommand>,
        front: &mut Front,
    ) -> Result<(), Ended> {
        let mut next = Some(first.unwrap_or(BrokerCommand::Close));
        while let Some(order) = next {
            self.session.order(order, &mut front.ledger)?;
            let more = self.takes_orders(front);
            next = if more { front.orders.try_recv().ok() } else { None };
        }
        if self.session.is_closing() && self.close_at.is_none() {
            self.close_at = Some(Instant::now() + CLOSE_TIMEOUT);
        }
        Ok(())
    }
}

/// Writes some of what waits, or else makes sure that nothing stays behind in TLS.
async fn push(
    writer: &mut WriteHalf<Stream>,
    out: &mut Encoder,
    unflushed: &mut bool,
) -> std::io::Result<()> {
    if !out.has_remaining() {
        writer.flush().await?;
        *unflushed = false;
        return Ok(());
    }
    let written = writer.write_buf(out).await?;
    *unflushed = true;
    match written {
        0 => Err(std::io::ErrorKind::WriteZero.into()),
        _ => Ok(()),
    }
}
