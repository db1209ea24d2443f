//! Discovery: chitchat over the links.
//!
//! One member per gateway. What gossip says only suggests whom to dial: each member publishes an
//! endpoint record that it signed, and only a record that verifies becomes a
//! [`GossipEvent::MemberSeen`]. Messages travel on the control connections of links, so that gossip
//! is authenticated, encrypted, not fragmented, and opens no port.
//!
//! chitchat asserts on what it receives, and a peer that is a member of the fabric could send it
//! nonsense. When it ends by that, or holds what honest members cannot have sent, it is started
//! anew with the next generation: gossip repairs itself, and the process goes on.

mod address;
mod engine;
mod inflation;
mod members;
mod record;
mod socket;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use antiphon_core::{GatewayId, Incarnation, Member, RegionId};
use bytes::Bytes;
use tokio::{
    sync::{Mutex, mpsc, watch},
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use self::{
    address::{Linked, literal},
    engine::Engine,
    members::Members,
    socket::LinkTransport,
};
use crate::notary::Notary;

pub use record::{MEMBER_BYTES_MAX, OverBudget};
pub use socket::{MESSAGE_BYTES_MAX, Traffic};

/// Between two rounds of gossip.
pub const GOSSIP_PERIOD: Duration = Duration::from_secs(1);
/// Most states that chitchat may hold: several lives of a thousand gateways.
pub const STATES_MAX: usize = 4096;
/// Messages from links that may wait; more are thrown away, as a full socket buffer would.
const MESSAGES_LEN_MAX: usize = 256;
/// Events that may wait for the shell; gossip waits with them.
const EVENTS_LEN_MAX: usize = 256;

/// What gossip found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GossipEvent {
    /// A member, new or changed; its record verified.
    MemberSeen(Member),
    /// A member that has not been heard of for several rounds.
    MemberGone {
        /// Which.
        gateway: GatewayId,
    },
    /// A record that is not believed, and why.
    Refused {
        /// A stable word, as in `notary`.
        kind: &'static str,
        /// The rest, for people.
        detail: String,
    },
    /// chitchat has been started anew, and why.
    Restarted {
        /// For people.
        reason: String,
    },
}

/// Who gossips.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The fabric: gossip of another one is answered with a refusal.
    pub fabric: RegionId,
    /// Our name.
    pub gateway: GatewayId,
    /// Our life; gossip's generation begins with it.
    pub incarnation: Incarnation,
}

/// The shell's end of gossip. Nothing here waits.
#[derive(Debug)]
pub struct Gossip {
    linked: Arc<Linked>,
    messages: mpsc::Sender<Input>,
    keys: watch::Sender<Keys>,
    fabric: RegionId,
    status: Status,
}

/// What gossip does, for metrics and snapshots.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// Messages.
    pub traffic: Arc<Traffic>,
    /// Members that verified, ourselves not counted.
    pub members: Arc<AtomicU64>,
    /// Times that chitchat was started anew.
    pub restarts: Arc<AtomicU64>,
}

/// Sends a message to a gateway that we have a link with, or drops it; never waits.
pub type Carry = Arc<dyn Fn(GatewayId, Bytes) + Send + Sync>;

type Keys = Vec<(String, String)>;

#[derive(Debug)]
enum Input {
    LinkUp(GatewayId),
    Message(GatewayId, Bytes),
}

/// The task behind [`Gossip`].
pub struct Driver {
    identity: Identity,
    notary: Arc<Notary>,
    carry: Carry,
    linked: Arc<Linked>,
    inputs: mpsc::Receiver<Input>,
    keys: watch::Receiver<Keys>,
    events: mpsc::Sender<GossipEvent>,
    members: Members,
    status: Status,
    /// The linked gateway that had its turn last.
    turn: Option<std::net::SocketAddr>,
    starts: u64,
}

/// Makes both ends; messages to others go to `carry`.
#[must_use]
pub fn gossip(
    identity: Identity,
    notary: Arc<Notary>,
    carry: Carry,
) -> (Gossip, Driver, mpsc::Receiver<GossipEvent>) {
    let (messages, inputs) = mpsc::channel(MESSAGES_LEN_MAX);
    let (keys, keys_receiver) = watch::channel(Keys::new());
    let (events, events_receiver) = mpsc::channel(EVENTS_LEN_MAX);
    let linked = Arc::<Linked>::default();
    let status = Status::default();
    let shell = Gossip {
        linked: Arc::clone(&linked),
        messages,
        keys,
        fabric: identity.fabric.clone(),
        status: status.clone(),
    };
    let driver = Driver {
        identity,
        notary,
        carry,
        linked,
        inputs,
        keys: keys_receiver,
        events,
        members: Members::default(),
        status,
        turn: None,
        starts: 0,
    };
    (shell, driver, events_receiver)
}

impl Gossip {
    /// Publishes our endpoint record; `sealed` is the signed form of `member`.
    ///
    /// # Errors
    /// It is larger than a member may publish; what was published before stays.
    pub fn publish(&self, member: &Member, sealed: &Bytes) -> Result<(), OverBudget> {
        self.keys.send_replace(record::keys(&self.fabric, member, sealed)?);
        Ok(())
    }

    /// A link to this gateway stands.
    pub fn link_up(&self, gateway: GatewayId) {
        self.linked.add(&gateway);
        // Only hurries: the gateway has its turn in any case.
        self.input(Input::LinkUp(gateway));
    }

    /// A link to this gateway is gone; called once for each [`Gossip::link_up`].
    pub fn link_down(&self, gateway: &GatewayId) {
        self.linked.remove(gateway);
    }

    /// A message from this gateway; thrown away if too many wait.
    pub fn receive(&self, gateway: GatewayId, message: Bytes) {
        self.input(Input::Message(gateway, message));
    }

    /// Counters.
    #[must_use]
    pub fn status(&self) -> &Status {
        &self.status
    }

    fn input(&self, input: Input) {
        if self.messages.try_send(input).is_err() {
            self.status.traffic.discarded.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Driver {
    /// Gossips until cancelled.
    pub async fn run(mut self, cancelled: CancellationToken) {
        let Some(()) = self.first_keys(&cancelled).await else { return };
        let mut reason = None;
        loop {
            if let Some(reason) = reason.take() {
                self.status.restarts.fetch_add(1, Ordering::Relaxed);
                self.tell(GossipEvent::Restarted { reason }).await;
            }
            tokio::select! {
                () = cancelled.cancelled() => return,
                ended = self.one_life() => reason = Some(ended),
            }
            // What spoiled this life may come again: never faster than a round.
            tokio::select! {
                () = cancelled.cancelled() => return,
                () = tokio::time::sleep(GOSSIP_PERIOD) => {}
            }
        }
    }

    /// Waits until there is something to publish.
    async fn first_keys(&mut self, cancelled: &CancellationToken) -> Option<()> {
        tokio::select! {
            () = cancelled.cancelled() => None,
            published = self.keys.wait_for(|keys| !keys.is_empty()) => published.ok().map(|_| ()),
        }
    }

    /// Runs chitchat until it has to be replaced; returns why.
    async fn one_life(&mut self) -> String {
        let engine = match self.start().await {
            Ok(engine) => engine,
            Err(error) => return error.to_string(),
        };
        let ended = engine.ended();
        tokio::pin!(ended);
        let mut round = interval(GOSSIP_PERIOD);
        round.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                reason = &mut ended => return reason,
                Some(input) = self.inputs.recv() => self.take(&engine, input),
                _ = round.tick() => {
                    if let Err(spoiled) = self.round(&engine).await {
                        return spoiled.to_string();
                    }
                }
            }
        }
    }

    async fn start(&mut self) -> anyhow::Result<Engine> {
        let generation = self.identity.incarnation.0 + self.starts;
        self.starts += 1;
        let keys = self.keys.borrow().clone();
        let transport = LinkTransport {
            linked: Arc::clone(&self.linked),
            carry: Arc::clone(&self.carry),
            traffic: Arc::clone(&self.status.traffic),
            inbox: Mutex::new(None),
        };
        let Identity { fabric, gateway, .. } = &self.identity;
        Engine::start(fabric.as_str(), gateway, generation, keys, transport).await
    }

    fn take(&self, engine: &Engine, input: Input) {
        match input {
            Input::LinkUp(gateway) => engine.exchange_with(literal(gateway.as_str())),
            Input::Message(gateway, message) => {
                if !engine.receive(literal(gateway.as_str()), message) {
                    self.status.traffic.discarded.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }

    /// Publishes, speaks with one linked gateway, and looks at who lives.
    ///
    /// chitchat itself picks among all members, and a pick without a link is lost; where few of
    /// many members are linked, the turns keep news flowing.
    async fn round(&mut self, engine: &Engine) -> Result<(), engine::Spoiled> {
        let keys = self.keys.borrow().clone();
        engine.publish(&keys).await?;
        self.turn = self.linked.after(self.turn);
        if let Some(address) = self.turn {
            engine.exchange_with(address);
        }
        let live = engine.live().await;
        let live = live.iter().map(|(id, record)| (id, record.as_str()));
        let events = self.members.update(&self.identity.gateway, live, &self.notary);
        self.status.members.store(self.members.len() as u64, Ordering::Relaxed);
        for event in events {
            self.tell(event).await;
        }
        Ok(())
    }

    /// Waits for the shell, which never waits for us.
    async fn tell(&self, event: GossipEvent) {
        // Fails only once the shell is gone, and then nobody needs to know.
        self.events.send(event).await.unwrap_or_default();
    }
}

#[cfg(test)]
mod tests;
