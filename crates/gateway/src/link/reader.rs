//! The receiving side of a link: messages become events.

use std::sync::Arc;

use antiphon_core::{Advert, Connection, Control, LinkId};
use antiphon_proto::{
    ControlIn, decode_sequenced,
    v1::{ControlMessage, DataMessage, data_message},
};
use bytes::Bytes;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use tonic::Streaming;

use super::{
    context::LinkContext,
    expand::{ExpandError, Expander, Frames},
    port::LinkEvent,
    stats::Meter,
    stream::Wire,
};

/// Reads both connections of one link.
pub(crate) struct Reader<'a> {
    pub(crate) link: LinkId,
    pub(crate) context: &'a LinkContext,
    pub(crate) meter: &'a Meter,
}

impl Reader<'_> {
    /// Reads until either connection ends; says why, for people.
    pub(crate) async fn read(
        &self,
        control: Streaming<ControlMessage>,
        data: Streaming<DataMessage>,
        expander: Expander,
    ) -> String {
        tokio::select! {
            reason = self.read_control(control) => format!("control connection: {reason}"),
            reason = self.read_data(data, expander) => format!("data connection: {reason}"),
        }
    }

    async fn read_control(&self, mut inbound: Streaming<ControlMessage>) -> String {
        let mut pulse = self.pulse(Connection::Control, &self.meter.control);
        loop {
            let message = match self.next(&mut inbound, &mut pulse).await {
                Ok(message) => message,
                Err(reason) => return reason,
            };
            match ControlIn::try_from(message) {
                Ok(ControlIn::Greeting) => return "a second hello".to_owned(),
                Ok(message) => self.on_control(message).await,
                Err(error) => return format!("malformed message: {error}"),
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
                Ok(message) => message.body,
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

    /// The next message; meanwhile, bytes that make none yet are reported as life.
    async fn next<M>(
        &self,
        inbound: &mut Streaming<M>,
        pulse: &mut Pulse<'_>,
    ) -> Result<M, String> {
        loop {
            tokio::select! {
                biased;
                message = inbound.message() => {
                    pulse.seen = pulse.wire.bytes_in();
                    return match message {
                        Ok(Some(message)) => Ok(message),
                        Ok(None) => Err("closed by the peer".to_owned()),
                        Err(status) => Err(pulse.wire.reason(&status)),
                    };
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
