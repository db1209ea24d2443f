//! One broker connection and the nodes on it: what comes in goes to its node, what they answer goes out.
//!
//! Every message is a task: checked on the blocking pool, run, answered. The number of tasks is bounded; at the bound
//! the connection is not read, so that pressure runs out to the broker, which drops and says so.

use std::sync::Arc;
use std::time::Duration;

use antiphon_broker::{
    BarrierId, Broker, BrokerCommand, BrokerEvent, Delivery, RefusedPublish, SubscriptionId,
};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::lifecycle::{self, Event};
use crate::node::{Node, Outgoing};
use crate::refusal::Refusal;

/// Messages of one connection that are being checked or answered at once.
const TASKS_MAX: usize = 1024;

/// Actions of one connection that run at once; fewer than tasks, so that long ones leave room for checks.
const ACTIONS_MAX: usize = 512;

/// How long running actions may take after the node was told to stop.
const GRACE: Duration = Duration::from_secs(30);

/// Passed when the broker has ended all subscriptions.
const LEFT: BarrierId = BarrierId(0);

/// How long the broker may take to let us leave, and then to take the last messages.
const CLOSING: Duration = Duration::from_secs(2);

/// The broker's port, and what the nodes share.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) broker: Broker,
    /// Tells the nodes which broker the connection stands to.
    pub(crate) connected: watch::Sender<Option<Arc<str>>>,
    /// Permits for signature checks, of the whole process: as many as there are cores.
    pub(crate) checks: Arc<Semaphore>,
}

/// How a task of the server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It was told to.
    Asked,
    /// The broker adapter went away.
    Unasked,
}

/// A connection at work.
pub(crate) struct Connection {
    port: Port,
    nodes: Vec<Arc<Node>>,
    /// Whose a subscription is, by its number.
    subscribers: Vec<Arc<Node>>,
    actions: Arc<Semaphore>,
    tasks: JoinSet<()>,
    announced: bool,
}

impl Connection {
    pub(crate) fn new(port: Port, nodes: Vec<Arc<Node>>) -> Self {
        Self {
            port,
            nodes,
            subscribers: Vec::new(),
            actions: Arc::new(Semaphore::new(ACTIONS_MAX)),
            tasks: JoinSet::new(),
            announced: false,
        }
    }

    /// Works until `stop`, then lets running actions finish.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> Ended {
        // Before anything else is ordered: who hears that a node is up may count on it.
        for subscription in self.subscriptions() {
            if self.port.broker.commands.send(subscription).await.is_err() {
                return Ended::Unasked;
            }
        }
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                event = self.port.broker.events.recv(), if self.tasks.len() < TASKS_MAX => {
                    let Some(event) = event else { return Ended::Unasked };
                    self.on_event(event);
                }
                Some(ended) = self.tasks.join_next() => report_panic(ended),
            }
        }
        self.leave().await;
        self.finish().await;
        Ended::Asked
    }

    /// One subscription per node, collective and agent, and one per node and collective, as Choria's nodes have them.
    fn subscriptions(&mut self) -> Vec<BrokerCommand> {
        let mut commands = Vec::new();
        for node in &self.nodes {
            for (subject, group) in subjects(node) {
                let id = SubscriptionId(self.subscribers.len() as u64);
                self.subscribers.push(node.clone());
                commands.push(BrokerCommand::Subscribe { id, subject, group });
            }
        }
        commands
    }

    /// Hands orders to the adapter, without making the loop wait for it.
    fn send(&mut self, commands: Vec<BrokerCommand>) {
        let sender = self.port.broker.commands.clone();
        self.tasks.spawn(async move {
            for command in commands {
                if sender.send(command).await.is_err() {
                    return;
                }
            }
        });
    }

    fn on_event(&mut self, event: BrokerEvent) {
        match event {
            BrokerEvent::Message(delivery) => self.on_message(delivery),
            BrokerEvent::Connected(server) => {
                let identity = self.nodes.first().map_or("", |node| node.identity());
                info!(identity, url = %server.url, nodes = self.nodes.len(), "connected");
                self.port.connected.send_replace(Some(server.url.as_str().into()));
                self.announce();
            }
            BrokerEvent::Disconnected { reason } => {
                warn!(reason, "disconnected");
                self.port.connected.send_replace(None);
            }
            BrokerEvent::ConnectFailed { server, reason } => {
                warn!(server, reason, "cannot connect")
            }
            BrokerEvent::PublishRefused { subject, reason } => self.on_refused(&subject, reason),
            BrokerEvent::PermissionDenied { operation, subject } => {
                error!(?operation, subject, "the broker denies what a node needs");
            }
            BrokerEvent::SubscriptionAllowed { subject } => {
                info!(subject, "the broker allows it now")
            }
            BrokerEvent::Lagged { lost } => warn!(lost, "too slow, messages were lost"),
            BrokerEvent::Unsubscribed { .. } | BrokerEvent::BarrierPassed { .. } => {}
            BrokerEvent::Closed => warn!("the broker adapter closed"),
        }
    }

    /// Startup events, once.
    fn announce(&mut self) {
        if !std::mem::replace(&mut self.announced, true) {
            self.send(self.events(Event::Startup));
        }
    }

    /// An event of every node.
    fn events(&self, event: Event) -> Vec<BrokerCommand> {
        let events = self.nodes.iter().map(|node| lifecycle::event(node, event));
        events.map(|event| BrokerCommand::Publish(event.into())).collect()
    }

    fn on_message(&mut self, delivery: Delivery) {
        let index = usize::try_from(delivery.subscription.0).unwrap_or(usize::MAX);
        let Some(node) = self.subscribers.get(index).cloned() else { return };
        node.stats.received(node.clock.unix_seconds());
        let (checks, actions) = (self.port.checks.clone(), self.actions.clone());
        let commands = self.port.broker.commands.clone();
        self.tasks.spawn(async move {
            let Some(answer) = serve(&node, delivery, &checks, &actions).await else { return };
            publish(&node, answer, &commands).await;
        });
    }

    /// Which node's answer it was is not known here; the connection's nodes share the log line.
    fn on_refused(&self, subject: &str, reason: RefusedPublish) {
        warn!(subject, ?reason, "an answer was not sent");
        if let [node] = self.nodes.as_slice() {
            node.stats.refused(Refusal::Unsent);
        }
    }

    /// Ends all subscriptions, and still takes what the broker had sent before it heard of that: a request for a
    /// service may have come to us alone.
    async fn leave(&mut self) {
        if self.port.connected.borrow().is_none() {
            return;
        }
        let ids = (0..self.subscribers.len()).map(|index| SubscriptionId(index as u64));
        let mut orders: Vec<_> = ids.map(|id| BrokerCommand::Unsubscribe { id }).collect();
        orders.push(BrokerCommand::Barrier { id: LEFT });
        self.send(orders);
        let left = async {
            while let Some(event) = self.port.broker.events.recv().await {
                if matches!(event, BrokerEvent::BarrierPassed { id: LEFT }) {
                    return;
                }
                self.on_event(event);
            }
        };
        if timeout(CLOSING, left).await.is_err() {
            warn!("the broker did not let us leave in time");
        }
    }

    /// Waits for running actions, and says goodbye.
    async fn finish(mut self) {
        let left = self.tasks.len();
        info!(actions = left, "stopping");
        let all_ended = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(GRACE, all_ended).await.is_err() {
            warn!(actions = self.tasks.len(), "actions were cut off");
            self.tasks.abort_all();
        }
        let mut last = self.events(Event::Shutdown);
        last.push(BrokerCommand::Close);
        self.send(last);
        let Broker { mut events, task, .. } = self.port.broker;
        let closed = async {
            while events.recv().await.is_some() {}
            task.await
        };
        if timeout(CLOSING, closed).await.is_err() {
            warn!("the broker did not confirm the last messages in time");
        }
    }
}

/// What a node listens to, with its queue groups.
fn subjects(node: &Node) -> Vec<(String, Option<String>)> {
    let mut subjects = Vec::new();
    for collective in &node.config.collectives {
        subjects.push((format!("{collective}.node.{}", node.identity()), None));
        for (name, agent) in &node.agents {
            subjects.push(match agent.ddl.metadata.service {
                true => (format!("{collective}.broadcast.service.{name}"), Some(name.clone())),
                false => (format!("{collective}.broadcast.agent.{name}"), None),
            });
        }
    }
    subjects
}

/// Checks one message, runs it, and gives its answer.
async fn serve(
    node: &Arc<Node>,
    delivery: Delivery,
    checks: &Semaphore,
    actions: &Semaphore,
) -> Option<Outgoing> {
    let accepted = {
        let _permit = checks.acquire().await.ok()?;
        let judge = node.clone();
        let Delivery { payload, hold, .. } = delivery;
        let judged = tokio::task::spawn_blocking(move || (judge.judge(payload), hold)).await;
        match judged {
            Ok((accepted, _hold)) => accepted?,
            Err(panic) => {
                error!(%panic, "a message made a check fail");
                node.refuse(Refusal::Request, "internal error");
                return None;
            }
        }
    };
    let Ok(_permit) = actions.try_acquire() else {
        node.refuse(Refusal::Busy, "too many actions run");
        return None;
    };
    node.answer(*accepted).await
}

async fn publish(node: &Node, answer: Outgoing, commands: &mpsc::Sender<BrokerCommand>) {
    match commands.send(BrokerCommand::Publish(answer.into())).await {
        Ok(()) => node.stats.replied(),
        Err(_) => node.refuse(Refusal::Unsent, "the broker connection is closed"),
    }
}

fn report_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        error!(%error, "an action failed");
    }
}
