//! The world: whatever comes first happens first.

use std::{collections::BTreeMap, time::Duration};

use antiphon_core::{
    Action, Advert, Alarm, BrokerInfo, Config, DialFailure, DialTarget, Event, FromBroker, Gateway,
    GatewayId, GatewayState, Hello, Incarnation, LinkId, Member, Now, RegionId, Snapshot,
};
use antiphon_wire::Identity;
use bytes::Bytes;

use crate::{
    broker::{Broker, Delivered},
    message,
    network::{Network, Path},
};

/// Wall clock when a world begins: 2026-11-24 00:00 UTC.
const BEGIN: Duration = Duration::from_secs(1_795_478_400);
/// One way between a gateway, node or client and its broker.
const TO_BROKER: Duration = Duration::from_micros(200);
/// How long gossip takes to tell everybody of a change.
const GOSSIP: Duration = Duration::from_millis(1500);

/// One region's broker.
pub type Region = Broker;

/// Gateways, brokers, nodes and the network between them, under one virtual clock.
#[derive(Debug)]
pub struct World {
    now: Duration,
    sequence: u64,
    queue: BTreeMap<(Duration, u64), Happening>,
    processes: BTreeMap<GatewayId, Process>,
    /// The brokers.
    pub regions: BTreeMap<RegionId, Region>,
    /// The network.
    pub network: Network,
    /// Alarms raised, by gateway.
    pub alarms: Vec<(GatewayId, Alarm)>,
    next_incarnation: u64,
}

#[derive(Debug)]
struct Process {
    config: Config,
    machine: Option<Gateway>,
    started: Duration,
}

#[derive(Debug)]
enum Happening {
    Event { to: GatewayId, life: Incarnation, event: Event },
    Publish { region: RegionId, subject: String, mark: Option<String>, payload: Bytes },
    NodeAnswers { region: RegionId, node: Identity, payload: Bytes },
}

impl World {
    /// An empty world with this latency between gateways.
    #[must_use]
    pub fn new(latency: Duration) -> Self {
        Self {
            now: Duration::ZERO,
            sequence: 0,
            queue: BTreeMap::new(),
            processes: BTreeMap::new(),
            regions: BTreeMap::new(),
            network: Network::new(latency),
            alarms: Vec::new(),
            next_incarnation: 1,
        }
    }

    /// Both clocks.
    #[must_use]
    pub fn now(&self) -> Now {
        Now { mono: self.now, unix: BEGIN + self.now }
    }

    /// Adds a region with nodes `n1.<region>.example.net`...
    ///
    /// # Panics
    /// When the name makes no identity.
    pub fn add_region(&mut self, region: &RegionId, nodes: usize) {
        let name = |n: usize| format!("n{n}.{region}.example.net");
        let identity = |n| Identity::try_from(name(n)).expect("a legal identity");
        let nodes = (1..=nodes).map(identity).collect();
        self.regions.insert(region.clone(), Broker::new(nodes));
    }

    /// Starts a gateway; its seed and incarnation are given by the world.
    pub fn start(&mut self, mut config: Config) {
        config.incarnation = Incarnation(self.next_incarnation);
        self.next_incarnation += 1;
        let gateway = config.gateway.clone();
        let machine = Gateway::new(config.clone(), config.incarnation.0, self.driver_now(self.now));
        let process = Process { config, machine: Some(machine), started: self.now };
        self.processes.insert(gateway.clone(), process);
        self.announce(&gateway);
        self.connect_broker(&gateway);
        self.send(&gateway, Duration::ZERO, Event::Tick);
    }

    /// Ends a gateway without warning.
    pub fn kill(&mut self, gateway: &GatewayId) {
        let Some(process) = self.processes.get_mut(gateway) else { return };
        process.machine = None;
        let region = process.config.region.clone();
        for link in self.network.links_of(gateway) {
            self.close(link, "the peer's process ended");
        }
        if let Some(broker) = self.regions.get_mut(&region) {
            broker.disconnect(gateway);
        }
        for other in self.living() {
            let gone = Event::MemberGone { gateway: gateway.clone() };
            self.send(&other, GOSSIP * 4, gone);
        }
    }

    /// Starts a gateway again as a new process.
    pub fn restart(&mut self, gateway: &GatewayId) {
        if let Some(process) = self.processes.get(gateway) {
            self.start(process.config.clone());
        }
    }

    /// Whether the process runs.
    #[must_use]
    pub fn is_alive(&self, gateway: &GatewayId) -> bool {
        self.processes.get(gateway).is_some_and(|process| process.machine.is_some())
    }

    /// Tells a gateway to leave.
    pub fn drain(&mut self, gateway: &GatewayId, grace: Duration) {
        self.send(gateway, Duration::ZERO, Event::Drain { grace });
    }

    /// Changes the path between two gateways.
    pub fn set_path(&mut self, a: &GatewayId, b: &GatewayId, path: Path) {
        for link in self.network.set_path(a, b, path) {
            self.close(link, "connection reset");
        }
    }

    /// A client publishes on its region's broker.
    pub fn publish(&mut self, region: &RegionId, subject: &str, payload: Bytes) {
        let subject = subject.to_owned();
        let publish = Happening::Publish { region: region.clone(), subject, mark: None, payload };
        self.schedule(TO_BROKER, publish);
    }

    /// What a gateway knows of itself.
    #[must_use]
    pub fn snapshot(&self, gateway: &GatewayId) -> Option<Snapshot> {
        let process = self.processes.get(gateway)?;
        Some(process.machine.as_ref()?.snapshot(self.driver_now(process.started)))
    }

    /// The gateways that run.
    #[must_use]
    pub fn living(&self) -> Vec<GatewayId> {
        let alive = self.processes.iter().filter(|(_, process)| process.machine.is_some());
        alive.map(|(gateway, _)| gateway.clone()).collect()
    }

    /// Lets this much time pass.
    pub fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while self.step(end) {}
        self.now = end;
    }

    /// Lets time pass until the condition holds; whether it did within the time.
    pub fn run_until(&mut self, within: Duration, condition: impl Fn(&Self) -> bool) -> bool {
        let end = self.now + within;
        while !condition(self) {
            if !self.step(end) {
                self.now = end;
                return condition(self);
            }
        }
        true
    }

    /// Lets the next thing happen, if it is before `end`.
    fn step(&mut self, end: Duration) -> bool {
        let deadline = self
            .processes
            .iter()
            .filter_map(|(gateway, process)| {
                let due = process.machine.as_ref()?.next_deadline()?;
                Some((process.started + due, gateway.clone()))
            })
            .min();
        let happening = self.queue.first_key_value().map(|((at, _), _)| *at);
        match (deadline, happening) {
            (Some((due, gateway)), at) if due < end && at.is_none_or(|at| due < at) => {
                self.now = self.now.max(due);
                self.handle(&gateway, Event::Tick);
                true
            }
            (_, Some(at)) if at < end => {
                self.now = at;
                if let Some((_, happening)) = self.queue.pop_first() {
                    self.happen(happening);
                }
                true
            }
            (_, _) => false,
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Event { to, life, event } => {
                let same = |one: &Process| one.config.incarnation == life;
                if self.processes.get(&to).is_some_and(same) {
                    self.handle(&to, event);
                }
            }
            Happening::Publish { region, subject, mark, payload } => {
                self.route(&region, &subject, mark.as_deref(), &payload);
            }
            Happening::NodeAnswers { region, node, payload } => {
                let at = self.now().unix;
                if let Some((payload, subject)) = message::node_reply(node.as_str(), &payload, at) {
                    self.publish(&region, &subject, payload);
                }
            }
        }
    }

    /// A broker hands a message to whoever listens.
    fn route(&mut self, region: &RegionId, subject: &str, mark: Option<&str>, payload: &Bytes) {
        let Some(broker) = self.regions.get_mut(region).filter(|broker| broker.up) else { return };
        if subject.contains(".reply.") {
            let payload = payload.clone();
            broker.clients.push(Delivered { subject: subject.to_owned(), payload });
        }
        if mark.is_some() && let Some(request) = request_of(payload) {
            *broker.published.entry((subject.to_owned(), request)).or_default() += 1;
        }
        for node in broker.nodes_for(subject) {
            let (region, payload) = (region.clone(), payload.clone());
            self.schedule(TO_BROKER, Happening::NodeAnswers { region, node, payload });
        }
        let receivers =
            self.regions.get_mut(region).map(|broker| broker.receivers(subject)).unwrap_or_default();
        for gateway in receivers {
            let message = FromBroker {
                subject: subject.to_owned(),
                mark: mark.map(str::to_owned),
                payload: payload.clone(),
            };
            self.send(&gateway, TO_BROKER, Event::FromBroker(message));
        }
    }

    /// Feeds a machine one event, and does what it orders.
    fn handle(&mut self, gateway: &GatewayId, event: Event) {
        let Some(process) = self.processes.get_mut(gateway) else { return };
        let now = Now { mono: self.now - process.started, unix: BEGIN + self.now };
        let Some(machine) = &mut process.machine else { return };
        for action in machine.handle(event, now) {
            self.perform(gateway, action);
        }
    }

    fn perform(&mut self, me: &GatewayId, action: Action) {
        match action {
            Action::Subscribe { subscription, subject, group } => {
                if let Some(broker) = self.broker_of(me) {
                    broker.subscribe(me, subscription, subject, group);
                }
            }
            Action::Unsubscribe { subscription } => {
                if let Some(broker) = self.broker_of(me) {
                    broker.unsubscribe(me, subscription);
                }
                self.send(me, TO_BROKER * 2, Event::Unsubscribed { subscription });
            }
            Action::Publish { subject, mark, payload } => {
                let Some(region) = self.region_of(me) else { return };
                let mark = Some(mark);
                self.schedule(TO_BROKER, Happening::Publish { region, subject, mark, payload });
            }
            Action::Barrier { barrier } => {
                self.send(me, TO_BROKER * 2, Event::BarrierPassed { barrier });
            }
            Action::PublishBeacon { subject, beacon } => {
                let receivers =
                    self.broker_of(me).map(|one| one.receivers(&subject)).unwrap_or_default();
                for gateway in receivers {
                    self.send(&gateway, TO_BROKER * 2, Event::BeaconHeard(beacon.clone()));
                }
            }
            Action::Dial { target } => self.dial(me, target),
            Action::CloseLink { link, reason } => self.close_from(link, me, &reason),
            Action::Ping { link, connection, nonce } => {
                self.over(link, me, |link| Event::Ping { link, connection, nonce });
            }
            Action::Pong { link, connection, nonce } => {
                self.over(link, me, |link| Event::Pong { link, connection, nonce });
            }
            Action::Control { link, message } => {
                self.over(link, me, |link| Event::FromPeer { link, message });
            }
            Action::Send { link, epoch, number, weight, frame } => {
                let frame = Ok(Box::new((*frame).clone()));
                self.over(link, me, |link| Event::Frame { link, epoch, number, weight, frame });
            }
            Action::Originate { draft } => {
                let advert = Advert { draft, sealed: Bytes::new() };
                self.send(me, Duration::ZERO, Event::Originated { advert });
            }
            Action::Alarm { alarm, raised: true } => self.alarms.push((me.clone(), alarm)),
            Action::Stop => self.kill(me),
            Action::Alarm { raised: false, .. } | Action::Dropped(_) | Action::Ready { .. } => {}
        }
    }

    fn dial(&mut self, me: &GatewayId, target: DialTarget) {
        let (DialTarget::Seed { endpoint } | DialTarget::Member { endpoint, .. }) = &target;
        let listener = self.living().into_iter().find(|one| one.as_str() == endpoint.host());
        let failure = match &listener {
            Some(listener) if listener == me => Some(DialFailure::Ourselves),
            Some(listener) => match self.network.path(me, listener) {
                Path::Open(_) => None,
                Path::BlackHole | Path::Cut => Some(unreachable("no answer")),
            },
            None => Some(unreachable("connection refused")),
        };
        if let Some(failure) = failure {
            return self.send(me, Duration::from_millis(50), Event::DialFailed { target, failure });
        }
        let Some(listener) = listener else { return };
        let link = self.network.open(me, &listener);
        let Path::Open(latency) = self.network.path(me, &listener) else { return };
        if let (Some(ours), Some(theirs)) = (self.hello(me), self.hello(&listener)) {
            let up = Event::LinkUp { link, peer: theirs, dialed: Some(target) };
            self.send(me, latency * 4, up);
            self.send(&listener, latency * 4, Event::LinkUp { link, peer: ours, dialed: None });
        }
    }

    /// Sends something over a link.
    fn over(&mut self, link: LinkId, me: &GatewayId, event: impl FnOnce(LinkId) -> Event) {
        let Some(other) = self.network.other_end(link, me) else { return };
        if let Path::Open(latency) = self.network.path(me, &other) {
            self.send(&other, latency, event(link));
        }
    }

    /// One end closes a link: what it sent before still arrives.
    fn close_from(&mut self, link: LinkId, me: &GatewayId, reason: &str) {
        let Some((a, b)) = self.network.close(link) else { return };
        let other = if a == *me { b } else { a };
        let reason = reason.to_owned();
        if let Path::Open(latency) = self.network.path(me, &other) {
            self.send(&other, latency, Event::LinkDown { link, reason: reason.clone() });
        }
        self.send(me, Duration::ZERO, Event::LinkDown { link, reason });
    }

    /// A link breaks: what is under way is lost.
    fn close(&mut self, link: LinkId, reason: &str) {
        let Some((a, b)) = self.network.close(link) else { return };
        let lost = |happening: &Happening| match happening {
            Happening::Event { event, .. } => carried_by(event) == Some(link),
            Happening::Publish { .. } | Happening::NodeAnswers { .. } => false,
        };
        self.queue.retain(|_, happening| !lost(happening));
        for end in [a, b] {
            self.send(&end, Duration::ZERO, Event::LinkDown { link, reason: reason.to_owned() });
        }
    }

    fn connect_broker(&mut self, gateway: &GatewayId) {
        let Some(region) = self.region_of(gateway) else { return };
        if self.regions.get(&region).is_some_and(|broker| broker.up) {
            let info = BrokerInfo {
                url: format!("nats://{region}:4222"),
                name: region.to_string(),
                version: "2.15.1".to_owned(),
                max_payload: 1 << 20,
            };
            self.send(gateway, TO_BROKER * 4, Event::BrokerUp(info));
        }
    }

    /// Gossip: everybody hears of a gateway, and it of everybody.
    fn announce(&mut self, gateway: &GatewayId) {
        let Some(news) = self.member(gateway) else { return };
        for other in self.living() {
            if other == *gateway {
                continue;
            }
            if let Some(member) = self.member(&other) {
                self.send(gateway, GOSSIP, Event::MemberSeen(member));
            }
            self.send(&other, GOSSIP, Event::MemberSeen(news.clone()));
        }
    }

    fn member(&self, gateway: &GatewayId) -> Option<Member> {
        let hello = self.hello(gateway)?;
        Some(Member {
            gateway: hello.gateway,
            region: hello.region,
            incarnation: hello.incarnation,
            endpoint: hello.endpoint,
            state: GatewayState::Active,
            version: hello.version,
        })
    }

    fn hello(&self, gateway: &GatewayId) -> Option<Hello> {
        let config = &self.processes.get(gateway)?.config;
        Some(Hello {
            region: config.region.clone(),
            gateway: gateway.clone(),
            incarnation: config.incarnation,
            version: "0.1.0".to_owned(),
            endpoint: format!("{gateway}:7440").parse().ok()?,
        })
    }

    fn region_of(&self, gateway: &GatewayId) -> Option<RegionId> {
        self.processes.get(gateway).map(|process| process.config.region.clone())
    }

    fn broker_of(&mut self, gateway: &GatewayId) -> Option<&mut Broker> {
        let region = self.region_of(gateway)?;
        self.regions.get_mut(&region)
    }

    fn driver_now(&self, started: Duration) -> Now {
        Now { mono: self.now - started, unix: BEGIN + self.now }
    }

    fn send(&mut self, to: &GatewayId, after: Duration, event: Event) {
        let Some(life) = self.processes.get(to).map(|process| process.config.incarnation) else {
            return;
        };
        self.schedule(after, Happening::Event { to: to.clone(), life, event });
    }

    fn schedule(&mut self, after: Duration, happening: Happening) {
        self.sequence += 1;
        self.queue.insert((self.now + after, self.sequence), happening);
    }
}

fn unreachable(reason: &str) -> DialFailure {
    DialFailure::Unreachable { reason: reason.to_owned() }
}

/// The link that an event came over.
fn carried_by(event: &Event) -> Option<LinkId> {
    match event {
        Event::LinkUp { link, .. }
        | Event::Heard { link, .. }
        | Event::Ping { link, .. }
        | Event::Pong { link, .. }
        | Event::FromPeer { link, .. }
        | Event::Frame { link, .. } => Some(*link),
        Event::Tick
        | Event::Drain { .. }
        | Event::BrokerUp(_)
        | Event::BrokerDown
        | Event::FromBroker(_)
        | Event::Unsubscribed { .. }
        | Event::BarrierPassed { .. }
        | Event::PublishRefused { .. }
        | Event::BeaconHeard(_)
        | Event::LinkDown { .. }
        | Event::MemberSeen(_)
        | Event::MemberGone { .. }
        | Event::DialFailed { .. }
        | Event::Originated { .. } => None,
    }
}

fn request_of(payload: &Bytes) -> Option<String> {
    let transport = antiphon_wire::Transport::decode(payload.clone()).ok()?;
    Some(transport.request_head().ok()?.id.to_string())
}
