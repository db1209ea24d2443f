//! A broker that is two channels: what is put in is delivered, what is published is counted.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use antiphon_broker::{
    Broker, BrokerCommand, BrokerEvent, Delivery, Hold, Intake, ServerInfo, Stats, SubscriptionId,
};
use bytes::Bytes;
use tokio::{
    sync::{Notify, mpsc},
    task::JoinHandle,
};

use crate::message;

/// Room in each channel: more than a gateway publishes without confirmation.
const ROOM: usize = 16 * 1024;
/// What a gateway may hold of what was delivered, in bytes.
const INTAKE: usize = 64 << 20;

/// The far end of a gateway's broker; it ends with it.
pub(super) struct Channel {
    events: mpsc::Sender<BrokerEvent>,
    pub(super) count: Arc<Count>,
    task: JoinHandle<()>,
}

/// Answers that were published.
#[derive(Debug, Default)]
pub(super) struct Count {
    arrived: AtomicU64,
    out_of_turn: AtomicU64,
    moved: Notify,
}

impl Channel {
    /// Both ends.
    pub(super) fn open() -> (Broker, Self) {
        let (commands, orders) = mpsc::channel(ROOM);
        let (facts, events) = mpsc::channel(ROOM);
        let server = ServerInfo {
            url: "nats://localhost:4222".to_owned(),
            name: "channel".to_owned(),
            id: "channel".to_owned(),
            version: "2.11.0".to_owned(),
            cluster: None,
            max_payload: 1 << 20,
            headers: true,
        };
        facts.try_send(BrokerEvent::Connected(server)).expect("an empty channel");
        let count = Arc::<Count>::default();
        let task = tokio::spawn(serve(orders, facts.clone(), Arc::clone(&count)));
        let (intake, stats) = (Intake::new(INTAKE), Arc::<Stats>::default());
        let broker = Broker { commands, events, intake, stats, task: tokio::spawn(async {}) };
        (broker, Self { events: facts, count, task })
    }

    /// Gives the gateway a message.
    pub(super) async fn deliver(&self, subject: &str, payload: Bytes) {
        let delivery = Delivery {
            subscription: SubscriptionId(0),
            subject: subject.to_owned(),
            reply: None,
            headers: Vec::new(),
            payload,
            hold: Hold::none(),
        };
        self.events.send(BrokerEvent::Message(delivery)).await.expect("the gateway runs");
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Count {
    pub(super) fn arrived(&self) -> u64 {
        self.arrived.load(Ordering::Relaxed)
    }

    /// Answers that were not the next: twice, or after one that is missing.
    pub(super) fn out_of_turn(&self) -> u64 {
        self.out_of_turn.load(Ordering::Relaxed)
    }

    /// Waits until more has arrived.
    pub(super) async fn moved(&self) {
        self.moved.notified().await;
    }

    fn take(&self, payload: &[u8]) {
        let number = message::number(payload).expect("an answer of a node") as u64;
        let next = self.arrived() == number;
        let counter = if next { &self.arrived } else { &self.out_of_turn };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

async fn serve(
    mut orders: mpsc::Receiver<BrokerCommand>,
    facts: mpsc::Sender<BrokerEvent>,
    count: Arc<Count>,
) {
    let mut taken = Vec::new();
    while orders.recv_many(&mut taken, 256).await > 0 {
        for order in taken.drain(..) {
            let fact = match order {
                BrokerCommand::Publish(one) if one.subject.starts_with("mcollective.reply.") => {
                    count.take(&one.payload);
                    continue;
                }
                BrokerCommand::Barrier { id } => BrokerEvent::BarrierPassed { id },
                BrokerCommand::Unsubscribe { id } => BrokerEvent::Unsubscribed { id },
                BrokerCommand::Close => BrokerEvent::Closed,
                BrokerCommand::Publish(_) | BrokerCommand::Subscribe { .. } => continue,
            };
            if facts.send(fact).await.is_err() {
                return;
            }
        }
        count.moved.notify_one();
    }
}
