//! Logs in to the broker, and tries what the gateway will do there.

use std::{collections::BTreeMap, time::Duration};

use antiphon_broker::{
    BarrierId, Broker, BrokerCommand, BrokerEvent, Delivery, Operation, Publication, ServerInfo,
    SubscriptionId,
};
use antiphon_core::{Beacon, GatewayState, MARK};
use tokio::time::{Instant, timeout, timeout_at};

use super::subjects::{self, SubscribeTry};
use crate::{Clock, OwnCertificates, config::Config, config::with_sources, notary::Notary, real};

/// How long the broker may take to let us in, every server of it tried.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a question to it may take.
const ANSWER: Duration = Duration::from_secs(5);
/// The subscription that hears beacons; others are numbered after it.
const BEACONS: SubscriptionId = SubscriptionId(0);

/// What the broker said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BrokerTry {
    /// Why there was no connection, or it was lost while we tried.
    pub error: Option<String>,
    /// What it says of itself.
    pub server: Option<Server>,
    /// Subjects that were tried.
    pub tried: u64,
    /// What it denied.
    pub denied: Vec<Denied>,
    /// Whose beacons were heard.
    pub beacons: Vec<HeardBeacon>,
}

/// A server, as it says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its URL.
    pub url: String,
    /// Its release.
    pub version: String,
    /// The largest payload that it takes, in bytes.
    pub max_payload: u64,
    /// Whether it takes NATS headers.
    pub headers: bool,
}

/// Something that the broker denied.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Denied {
    /// `subscribe` or `publish`.
    pub operation: &'static str,
    /// The subject that was tried.
    pub tried: String,
    /// The subject that the gateway will use.
    pub subject: String,
    /// Whether the gateway will be denied too; else it was tried in another way than it will do it,
    /// since that would take messages from others.
    pub certain: bool,
}

/// A gateway whose beacon was heard.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HeardBeacon {
    /// Its region, as the subject says.
    pub region: String,
    /// Its name, as the subject says.
    pub gateway: String,
}

pub(super) async fn try_broker(config: &Config, clock: Clock) -> BrokerTry {
    let mut tried = BrokerTry::default();
    if let Err(error) = Probe::run(config, clock, &mut tried).await {
        tried.error = Some(error);
    }
    tried.denied.sort();
    tried.denied.dedup();
    tried.beacons.sort();
    tried.beacons.dedup();
    tried
}

/// One connection, and what it was told.
struct Probe<'a> {
    broker: Broker,
    tried: &'a mut BrokerTry,
    next: u64,
    /// What the broker denied since the last barrier, by operation and subject.
    denied: Vec<(Operation, String)>,
}

impl<'a> Probe<'a> {
    async fn run(config: &Config, clock: Clock, tried: &'a mut BrokerTry) -> Result<(), String> {
        let broker = real::broker(config, &OwnCertificates::default())
            .map_err(|error| with_sources(&error))?;
        let mut probe = Probe { broker, tried, next: 0, denied: Vec::new() };
        let server = probe.connected().await?;
        probe.tried.server = Some(Server {
            url: server.url,
            version: server.version,
            max_payload: server.max_payload as u64,
            headers: server.headers,
        });
        let end = Instant::now() + config.periods.beacon + Duration::from_millis(500);
        probe.listen(config, clock, end).await?;
        probe.send(BrokerCommand::Close).await
    }

    async fn connected(&mut self) -> Result<ServerInfo, String> {
        let mut last = "no answer".to_owned();
        let connecting = async {
            loop {
                match self.broker.events.recv().await {
                    Some(BrokerEvent::Connected(server)) => return Some(server),
                    Some(BrokerEvent::ConnectFailed { server, reason }) => {
                        last = format!("{server}: {reason}");
                    }
                    Some(_) => {}
                    None => return None,
                }
            }
        };
        let connected = timeout(PATIENCE, connecting).await;
        connected.ok().flatten().ok_or(last)
    }

    /// Hears beacons until `end`, and tries everything meanwhile.
    async fn listen(&mut self, config: &Config, clock: Clock, end: Instant) -> Result<(), String> {
        let subject = format!("antiphon.beacon.{}.*.*", config.fabric);
        self.send(BrokerCommand::Subscribe { id: BEACONS, subject, group: None }).await?;
        self.publications(config, clock).await?;
        let denied = self.subscriptions(config).await?;
        while let Ok(event) = timeout_at(end, self.broker.events.recv()).await {
            self.hear(event.ok_or("the connection has ended")?)?;
        }
        let alone = self.is_alone(config);
        for one in denied {
            let certain = match &one.alone {
                None => one.group.is_some() || !one.stands_for.starts_with("choria.federation."),
                Some(group) if alone => {
                    if self.subscribe(&one.subject, Some(group)).await? {
                        continue;
                    }
                    true
                }
                Some(_) => false,
            };
            let (operation, tried, subject) = ("subscribe", one.subject, one.stands_for);
            self.tried.denied.push(Denied { operation, tried, subject, certain });
        }
        Ok(())
    }

    /// Whether no gateway of the region was heard but ourselves, once.
    fn is_alone(&self, config: &Config) -> bool {
        let ours = self.tried.beacons.iter().filter(|one| one.region == config.region.as_str());
        let (own, siblings): (Vec<_>, Vec<_>) =
            ours.partition(|one| one.gateway == config.gateway.as_str());
        siblings.is_empty() && own.len() <= 1
    }

    /// Returns those that were denied.
    async fn subscriptions(&mut self, config: &Config) -> Result<Vec<SubscribeTry>, String> {
        let mut denied = Vec::new();
        for one in subjects::subscriptions(config) {
            self.tried.tried += 1;
            if !self.subscribe(&one.subject, one.group.as_deref()).await? {
                denied.push(one);
            }
        }
        Ok(denied)
    }

    /// Subscribes and leaves again; whether it was allowed.
    async fn subscribe(&mut self, subject: &str, group: Option<&str>) -> Result<bool, String> {
        self.next += 1;
        let id = SubscriptionId(self.next);
        let (text, group) = (subject.to_owned(), group.map(str::to_owned));
        self.send(BrokerCommand::Subscribe { id, subject: text, group }).await?;
        self.send(BrokerCommand::Unsubscribe { id }).await?;
        self.barrier().await?;
        Ok(!self.denied.drain(..).any(|(_, denied)| denied == subject))
    }

    /// A request or reply that nobody acts on, on each subject; and our beacon, as at every start.
    async fn publications(&mut self, config: &Config, clock: Clock) -> Result<(), String> {
        let mark = config.region.to_string();
        let tries = subjects::publications(config);
        let mut stands_for = BTreeMap::new();
        for one in tries {
            let headers = vec![(MARK.to_owned(), mark.clone())];
            let publication =
                Publication { subject: one.subject.clone(), headers, payload: "{}".into() };
            self.send(BrokerCommand::Publish(publication)).await?;
            stands_for.insert(one.subject, one.stands_for);
        }
        let (subject, payload) = beacon(config, clock)?;
        stands_for.insert(subject.clone(), subject.clone());
        let publication = Publication { subject, headers: Vec::new(), payload };
        self.send(BrokerCommand::Publish(publication)).await?;
        self.tried.tried += stands_for.len() as u64;
        self.barrier().await?;
        for (_, tried) in self.denied.drain(..) {
            let subject = stands_for.get(&tried).cloned().unwrap_or_else(|| tried.clone());
            let denied = Denied { operation: "publish", tried, subject, certain: true };
            self.tried.denied.push(denied);
        }
        Ok(())
    }

    async fn send(&mut self, command: BrokerCommand) -> Result<(), String> {
        self.broker.commands.send(command).await.map_err(|_| "the connection has ended".to_owned())
    }

    /// Waits until the broker has processed everything before.
    async fn barrier(&mut self) -> Result<(), String> {
        self.next += 1;
        let id = BarrierId(self.next);
        self.send(BrokerCommand::Barrier { id }).await?;
        let end = Instant::now() + ANSWER;
        loop {
            let event = timeout_at(end, self.broker.events.recv()).await;
            let event = event.map_err(|_| "the broker does not answer".to_owned())?;
            let event = event.ok_or("the connection has ended")?;
            if matches!(event, BrokerEvent::BarrierPassed { id: passed } if passed == id) {
                return Ok(());
            }
            self.hear(event)?;
        }
    }

    fn hear(&mut self, event: BrokerEvent) -> Result<(), String> {
        match event {
            BrokerEvent::Disconnected { reason } => Err(reason),
            BrokerEvent::PermissionDenied { operation, subject } => {
                self.denied.push((operation, subject));
                Ok(())
            }
            BrokerEvent::PublishRefused { subject, .. } => {
                self.denied.push((Operation::Publish, subject));
                Ok(())
            }
            BrokerEvent::Message(delivery) => {
                self.hear_beacon(&delivery);
                Ok(())
            }
            BrokerEvent::Connected(_)
            | BrokerEvent::ConnectFailed { .. }
            | BrokerEvent::Unsubscribed { .. }
            | BrokerEvent::SubscriptionAllowed { .. }
            | BrokerEvent::BarrierPassed { .. }
            | BrokerEvent::Lagged { .. }
            | BrokerEvent::Closed => Ok(()),
        }
    }

    /// Our own comes back too.
    fn hear_beacon(&mut self, delivery: &Delivery) {
        let tokens: Vec<&str> = delivery.subject.split('.').collect();
        if let ([_, _, _, region, gateway], BEACONS) = (tokens.as_slice(), delivery.subscription) {
            let heard =
                HeardBeacon { region: (*region).to_owned(), gateway: (*gateway).to_owned() };
            self.tried.beacons.push(heard);
        }
    }
}

/// Our beacon, signed, as at the start; whoever hears it learns that we are about to.
fn beacon(config: &Config, clock: Clock) -> Result<(String, bytes::Bytes), String> {
    let (fabric, region, gateway) = (&config.fabric, &config.region, &config.gateway);
    let tls = &config.link.tls;
    let own = tls.load().map_err(|error| with_sources(&error))?;
    let names = config.naming.to_names(fabric).map_err(|error| with_sources(&error))?;
    let notary = Notary::new(fabric.clone(), names, own);
    let beacon = Beacon {
        region: region.clone(),
        gateway: gateway.clone(),
        incarnation: clock.incarnation(),
        state: GatewayState::Starting,
        joined: false,
        regions: 0,
        made: clock.now().unix,
    };
    let sealed = notary.sign_beacon(beacon).map_err(|error| with_sources(&error))?;
    Ok((format!("antiphon.beacon.{fabric}.{region}.{gateway}"), sealed))
}
