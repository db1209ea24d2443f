//! The receiving side of a link: messages become events.

use std::{
    fmt,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use antiphon_core::{Advert, Connection, Control, LinkId};
use antiphon_proto::{
    ControlIn, decode_sequenced,
    v1::{ControlMessage, DataMessage, data_message},
};
use bytes::Bytes;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep, timeout};
use tonic::Streaming;

use super::{
    context::LinkContext,
    expand::{ExpandError, Expander, Frames},
    outbox::ControlItem,
    port::LinkEvent,
    stats::Meter,
    stream::Wire,
};

/// Why a connection ended that the peer has closed in order.
const CLOSED: &str = "closed by the peer";
/// How long a link that both sides have closed stays on the side that closed first, for what it wrote last
/// to be sent: the other may have closed at the same time, and not waited for that.
const LINGER: Duration = Duration::from_millis(250);

/// Reads both connections of one link.
pub(crate) struct Reader<'a> {
    pub(crate) link: LinkId,
    pub(crate) context: &'a LinkContext,
    pub(crate) meter: &'a Meter,
}

impl Reader<'_> {
    /// Reads until either connection ends; says why, for people. A peer that closes in order is first told
    /// all that waits for it.
    pub(crate) async fn read(
        &self,
        control: Streaming<ControlMessage>,
        data: Streaming<DataMessage>,
        expander: Expander,
    ) -> String {
        let mut data = pin!(self.read_data(data, expander));
        let ended = tokio::select! {
            ended = self.read_control(control) => ended,
            reason = &mut data => return format!("data connection: {reason}"),
        };
        if let ControlEnd::InOrder = ended {
            self.take_leave(data).await;
        }
        format!("control connection: {ended}")
    }

    /// The peer has written its last control message. Ours are written too; then whoever closed first goes
    /// first, for what is not sent by then goes with the connection.
    async fn take_leave(&self, data: Pin<&mut impl Future<Output = String>>) {
        let Some(queue) = self.context.registry.control_queue(self.link) else { return };
        let grace = self.context.config.close_grace;
        let written = async {
            // Refused where we have closed before.
            let answers = queue.send(ControlItem::Close).await.is_ok();
            queue.closed().await;
            sleep(if answers { grace } else { LINGER }).await;
        };
        tokio::select! {
            _ = timeout(grace, written) => {}
            _ = data => {}
        }
    }

    async fn read_control(&self, mut inbound: Streaming<ControlMessage>) -> ControlEnd {
        let mut pulse = self.pulse(Connection::Control, &self.meter.control);
        loop {
            let message = match self.next(&mut inbound, &mut pulse).await {
                Ok(Some(message)) => message,
                Ok(None) => return ControlEnd::InOrder,
                Err(reason) => return ControlEnd::Broken(reason),
            };
            match ControlIn::try_from(message) {
                Ok(ControlIn::Greeting) => return ControlEnd::Broken("a second hello".to_owned()),
                Ok(message) => self.on_control(message).await,
                Err(error) => return ControlEnd::Broken(format!("malformed message: {error}")),
            }
        }
    }

    async fn on_control(&self, message: ControlIn) {
        let (link, connection) = (self.link, Connection::Control);
        let event = match message {
            ControlIn::Ping(nonce) => LinkEvent::Ping { link, connection, nonce },
            ControlIn::Pong(nonce) => LinkEvent::Pong { link, connection, nonce },
            ControlIn::Message(message) => LinkEvent::Control { link, message },
            ControlIn::Gossip(message) => match self.context.registry.gateway(link) {
                Some(gateway) => LinkEvent::Gossip { gateway, message },
                None => return,
            },
            ControlIn::Adverts { sealed, answered } => {
                return self.on_adverts(sealed, answered).await;
            }
            ControlIn::Greeting | ControlIn::Unknown => return,
        };
        self.context.events.control(event).await;
    }

    /// Passes on adverts that hold. Most come from every peer, and are known from the first.
    async fn on_adverts(&self, sealed: Vec<Bytes>, answered: bool) {
        let (mut adverts, mut kinds) = (Vec::new(), Vec::new());
        let Some(verified) = self.verify(sealed).await else { return };
        for one in verified {
            match one {
                Ok(advert) => adverts.extend(advert),
                Err(kind) => kinds.push(kind),
            }
        }
        let link = self.link;
        if !kinds.is_empty() {
            self.context.events.control(LinkEvent::AdvertsRefused { link, kinds }).await;
        }
        if answered || !adverts.is_empty() {
            let message = Control::Adverts { adverts, answered };
            self.context.events.control(LinkEvent::Control { link, message }).await;
        }
    }

    /// Verifies on the pool for blocking work what is not known, few at a time; `None` as all ends.
    async fn verify(&self, sealed: Vec<Bytes>) -> Option<Vec<Result<Option<Advert>, String>>> {
        let notary = Arc::clone(&self.context.notary);
        let known = |one: &Bytes| notary.known_advert(one).map(|known| Ok(Some(known)));
        if let Some(known) = sealed.iter().map(known).collect() {
            return Some(known);
        }
        let _turn = self.context.verifying.acquire().await.ok();
        let verify = move || sealed.into_iter().map(|one| notary.verify_advert(one)).collect();
        match tokio::task::spawn_blocking(verify).await {
            Ok(verified) => Some(verified),
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => None,
        }
    }

    async fn read_data(
        &self,
        mut inbound: Streaming<DataMessage>,
        mut expander: Expander,
    ) -> String {
        let (link, connection) = (self.link, Connection::Data);
        let mut pulse = self.pulse(connection, &self.meter.data);
        loop {
            let body = match self.next(&mut inbound, &mut pulse).await {
                Ok(Some(message)) => message.body,
                Ok(None) => return CLOSED.to_owned(),
                Err(reason) => return reason,
            };
            let event = match body {
                Some(data_message::Body::Batch(batch)) => {
                    match self.on_batch(expander.frames(batch)).await {
                        Ok(()) => continue,
                        Err(error) => return format!("malformed batch: {error}"),
                    }
                }
                Some(data_message::Body::Ping(ping)) => {
                    LinkEvent::Ping { link, connection, nonce: ping.nonce }
                }
                Some(data_message::Body::Pong(pong)) => {
                    LinkEvent::Pong { link, connection, nonce: pong.nonce }
                }
                Some(
                    data_message::Body::Hello(_)
                    | data_message::Body::Welcome(_)
                    | data_message::Body::Refusal(_),
                ) => return "a second hello".to_owned(),
                None => continue,
            };
            self.context.events.data(event).await;
        }
    }

    async fn on_batch(&self, frames: Result<Frames, ExpandError>) -> Result<(), ExpandError> {
        for frame in frames? {
            let frame = frame?;
            self.meter.received();
            let bytes = frame.end.len();
            let antiphon_proto::Sequenced { epoch, number, weight, frame } =
                decode_sequenced(frame);
            let event = LinkEvent::Frame { link: self.link, epoch, number, weight, frame };
            self.context.events.frame(event, bytes).await;
        }
        Ok(())
    }

    /// The next message, `None` where the peer closes in order; meanwhile, bytes that make none yet are
    /// reported as life.
    async fn next<M>(
        &self,
        inbound: &mut Streaming<M>,
        pulse: &mut Pulse<'_>,
    ) -> Result<Option<M>, String> {
        loop {
            tokio::select! {
                biased;
                message = inbound.message() => {
                    pulse.seen = pulse.wire.bytes_in();
                    return message.map_err(|status| pulse.wire.reason(&status));
                }
                _ = pulse.ticks.tick() => {}
            }
            if pulse.has_moved() {
                let (link, connection) = (self.link, pulse.connection);
                let event = LinkEvent::Heard { link, connection };
                match connection {
                    Connection::Control => self.context.events.control(event).await,
                    Connection::Data => self.context.events.data(event).await,
                }
            }
        }
    }

    fn pulse<'a>(&self, connection: Connection, wire: &'a Wire) -> Pulse<'a> {
        let period = self.context.config.heard_period;
        let mut ticks = interval_at(Instant::now() + period, period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Pulse { connection, wire, seen: wire.bytes_in(), ticks }
    }
}

/// How a control connection ended.
enum ControlEnd {
    /// The peer has said all that it had to say.
    InOrder,
    /// For this reason.
    Broken(String),
}

impl fmt::Display for ControlEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InOrder => f.write_str(CLOSED),
            Self::Broken(reason) => f.write_str(reason),
        }
    }
}

/// Whether bytes arrive on one connection.
struct Pulse<'a> {
    connection: Connection,
    wire: &'a Wire,
    /// Bytes at the last message or tick.
    seen: u64,
    ticks: Interval,
}

impl Pulse<'_> {
    fn has_moved(&mut self) -> bool {
        let bytes = self.wire.bytes_in();
        std::mem::replace(&mut self.seen, bytes) != bytes
    }
}
