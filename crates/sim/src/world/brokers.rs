//! Brokers, their nodes and clients.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use antiphon_core::{
    BarrierId, Beacon, BrokerInfo, DropReason, Event, FromBroker, IdentityHash, InterestAnswer,
    MARK, QuestionId, RegionId, SubscriptionId,
};
use antiphon_wire::{Collective, Identity};
use bytes::Bytes;

use super::{Happening, Slot, World};
use crate::{
    broker::{Broker, ConnectionId, Side},
    message,
    process::Life,
    watch::Question,
};

/// Between two attempts to reach a broker.
const RECONNECT: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(2));

/// What a gateway asks of its broker.
#[derive(Debug)]
pub(crate) enum Order {
    Subscribe { subscription: SubscriptionId, subject: String, group: Option<String> },
    Unsubscribe { subscription: SubscriptionId },
    Publish { subject: String, mark: Arc<str>, payload: Bytes },
    Barrier { barrier: BarrierId },
    Beacon { subject: String, beacon: Box<Beacon> },
    ReadInterest { collectives: BTreeSet<Collective>, names: BTreeSet<IdentityHash> },
    AskInterest { question: QuestionId, subject: String },
}

/// A node that has its answer ready.
#[derive(Debug)]
pub(crate) struct NodeAnswer {
    region: RegionId,
    node: Identity,
    request: Bytes,
}

/// A message at a broker.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'a> {
    side: Side,
    subject: &'a str,
    mark: Option<&'a str>,
    payload: &'a Bytes,
}

/// How a region's nodes answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answering {
    /// Shortest and longest time to an answer.
    pub within: (Duration, Duration),
    /// Bytes of each answer's body.
    pub bytes: usize,
}

impl World {
    /// Adds a region with nodes `n1.<region>.example.net`...
    ///
    /// # Panics
    /// Never: a region's name makes a legal identity.
    pub fn add_region(&mut self, region: &RegionId, nodes: usize, answering: Answering) {
        let name = |n: usize| format!("n{n}.{region}.example.net");
        let identity = |n| Identity::try_from(name(n)).expect("a region is a plain token");
        let mut broker = Broker::new((1..=nodes).map(identity).collect());
        broker.answer = answering.within;
        broker.answer_bytes = answering.bytes;
        self.watch.add_region(region, &broker.nodes);
        self.brokers.insert(region.clone(), broker);
    }

    /// Ends a region's broker; clients and nodes find nobody.
    pub fn stop_broker(&mut self, region: &RegionId) {
        let Some(broker) = self.brokers.get_mut(region) else { return };
        broker.up = false;
        for slot in broker.connected() {
            self.lose_broker(slot);
        }
    }

    /// Starts it again.
    pub fn start_broker(&mut self, region: &RegionId) {
        if let Some(broker) = self.brokers.get_mut(region) {
            broker.up = true;
        }
    }

    /// A broker throws a gateway out, as it does with slow consumers.
    pub fn lose_broker(&mut self, slot: Slot) {
        let region = self.region_of(slot);
        if let Some(broker) = self.brokers.get_mut(&region) {
            broker.disconnect(slot);
        }
        if self.process_mut(slot).connection.take().is_some() {
            self.tell(slot, Duration::from_millis(1), Event::BrokerDown);
            self.retry_broker(slot);
        }
    }

    /// Joins the brokers of two regions natively, or parts them.
    pub fn join_brokers(&mut self, a: &RegionId, b: &RegionId, joined: bool) {
        for (one, other) in [(a, b), (b, a)] {
            let Some(broker) = self.brokers.get_mut(one) else { continue };
            if joined {
                broker.joined.insert(other.clone());
            } else {
                broker.joined.remove(other);
            }
        }
        self.watch.joined(self.now, a, b, joined);
    }

    /// Forbids gateways of a region to publish on subjects of a pattern, or allows it again.
    pub fn deny(&mut self, region: &RegionId, pattern: &str, denied: bool) {
        let Some(broker) = self.brokers.get_mut(region) else { return };
        if denied {
            broker.denied.insert(pattern.to_owned());
        } else {
            broker.denied.remove(pattern);
        }
    }

    /// A client of this region asks; the number of the request.
    ///
    /// `at_once`: how many requests of the same kind leave in this moment.
    pub fn ask(&mut self, region: &RegionId, question: &Question) -> u64 {
        self.next_request += 1;
        let number = self.next_request;
        let unix = self.now().unix;
        let (subjects, payload) = message::question(number, question, unix);
        self.watch.asked(self.now, number, region, question);
        for subject in subjects {
            self.publish(region, &subject, &payload);
        }
        number
    }

    /// Something is published on a region's broker that no gateway published.
    pub fn publish(&mut self, region: &RegionId, subject: &str, payload: &Bytes) {
        self.route(region, Message { side: Side::Main, subject, mark: None, payload });
    }

    pub(super) fn connect(&mut self, slot: Slot, life: Life) {
        let process = self.process(slot);
        if process.life != life || process.connection.is_some() {
            return;
        }
        let (region, now) = (self.region_of(slot), self.now);
        let full = self.process(slot).full;
        let Some(broker) = self.brokers.get_mut(&region).filter(|broker| broker.up && !full) else {
            return self.retry_broker(slot);
        };
        let connection = broker.connect(slot);
        let max_payload = broker.max_payload;
        let process = self.process_mut(slot);
        process.connection = Some(connection);
        (process.to_broker, process.from_broker) = (now, now);
        let event = Box::new(Event::BrokerUp(BrokerInfo {
            url: format!("nats://{region}:4222"),
            name: region.to_string(),
            version: "2.11.0".to_owned(),
            max_payload,
        }));
        // TCP, and the server's greeting.
        let at = self.broker_says_at(slot, 4);
        self.agenda.add(at, Happening::FromBroker { slot, connection, event });
    }

    /// Lets orders and messages between gateways of a region and its broker take this long, one way.
    pub fn set_broker_path(&mut self, region: &RegionId, path: (Duration, Duration)) {
        if let Some(broker) = self.brokers.get_mut(region) {
            broker.path = path;
        }
    }

    /// When something arrives that a broker says to a gateway after so many trips.
    fn broker_says_at(&mut self, slot: Slot, trips: u32) -> Duration {
        let delay = self.broker_delay(slot) * trips;
        let now = self.now;
        let latest = &mut self.process_mut(slot).from_broker;
        *latest = (*latest).max(now + delay);
        *latest
    }

    fn broker_delay(&mut self, slot: Slot) -> Duration {
        let broker = self.brokers.get(&self.region_of(slot));
        let (min, max) = broker.map(|broker| broker.path).unwrap_or_default();
        self.chance.brokers.between(min, max)
    }

    fn retry_broker(&mut self, slot: Slot) {
        let life = self.process(slot).life;
        let delay = self.chance.brokers.between(RECONNECT.0, RECONNECT.1);
        self.after(delay, Happening::Connect { slot, life });
    }

    /// Sends an order to the broker, if there is a connection.
    pub(super) fn order(&mut self, slot: Slot, order: Order) {
        let Some(connection) = self.process(slot).connection else { return };
        let at = self.now + self.broker_delay(slot);
        let latest = &mut self.process_mut(slot).to_broker;
        *latest = (*latest).max(at);
        let at = *latest;
        let order = Box::new(order);
        self.agenda.add(at, Happening::ToBroker { slot, connection, order });
    }

    pub(super) fn at_broker(&mut self, slot: Slot, connection: ConnectionId, order: Order) {
        let region = self.region_of(slot);
        let Some(broker) = self.brokers.get_mut(&region) else { return };
        if !broker.has(slot, connection) {
            return;
        }
        let side = broker.side(slot);
        match order {
            Order::Subscribe { subscription, subject, group } => {
                broker.subscribe(slot, subscription, subject, group);
            }
            Order::Unsubscribe { subscription } => {
                broker.unsubscribe(slot, subscription);
                self.answer(slot, connection, Event::Unsubscribed { subscription });
            }
            Order::Barrier { barrier } => {
                self.answer(slot, connection, Event::BarrierPassed { barrier });
            }
            Order::Beacon { subject, beacon } => self.beacon(&region, side, &subject, &beacon),
            Order::ReadInterest { collectives, names } => {
                let reading = broker.read_interest(side, &collectives, &names);
                self.answer(slot, connection, Event::InterestRead(reading));
            }
            Order::AskInterest { question, subject } => {
                let interest = broker.interest_in(side, &subject);
                let answer = InterestAnswer { question, interest };
                self.answer(slot, connection, Event::InterestAnswered(answer));
            }
            Order::Publish { subject, mark, payload } => {
                let size = payload.len() + MARK.len() + mark.len() + 16;
                if broker.denies(&subject) {
                    let reason = DropReason::PublishDenied;
                    self.answer(slot, connection, Event::PublishRefused { subject, reason });
                } else if size as u64 > broker.max_payload {
                    self.lose_broker(slot); // NATS ends the connection for it.
                } else {
                    self.watch.published(self.now, &region, &subject, &payload);
                    let mark = Some(&*mark);
                    let message = Message { side, subject: &subject, mark, payload: &payload };
                    self.route(&region, message);
                }
            }
        }
    }

    pub(super) fn broker_says(&mut self, slot: Slot, connection: ConnectionId, mut event: Event) {
        if let Event::FromBroker(message) = &mut event {
            let now = self.now;
            message.more = self.process_mut(slot).on_message(now);
        }
        if self.process(slot).connection == Some(connection) {
            let life = self.process(slot).life;
            self.deliver(slot, life, event);
        }
    }

    pub(super) fn node_answers(&mut self, answer: &NodeAnswer) {
        let NodeAnswer { region, node, request } = answer;
        let unix = self.now().unix;
        let bytes = self.brokers.get(region).map_or(4, |broker| broker.answer_bytes);
        if let Some((payload, subject)) = message::node_reply(node.as_str(), request, unix, bytes) {
            let side = self.brokers.get(region).map(|broker| broker.side_of_node(node));
            let side = side.unwrap_or_default();
            self.route(region, Message { side, subject: &subject, mark: None, payload: &payload });
        }
    }

    /// A broker hands a message to whoever listens, there and on brokers joined with it.
    fn route(&mut self, region: &RegionId, message: Message<'_>) {
        let Some(broker) = self.brokers.get(region).filter(|broker| broker.up) else { return };
        let joined: Vec<RegionId> = match message.side {
            Side::Main => broker.joined.iter().cloned().collect(),
            Side::Apart => Vec::new(),
        };
        let near = broker.receivers(message.side, message.subject);
        let groups: BTreeSet<String> = near.groups.keys().cloned().collect();
        let chosen = near.choose(&mut self.chance.brokers);
        let mut served = self.hand_out(region, message, chosen, false);
        for other in joined {
            let Some(broker) = self.brokers.get(&other).filter(|broker| broker.up) else {
                continue;
            };
            let far = broker.receivers(message.side, message.subject).beyond(&groups);
            let chosen = far.choose(&mut self.chance.brokers);
            served |= self.hand_out(&other, message, chosen, served);
        }
    }

    /// Whether a service has it now.
    fn hand_out(
        &mut self,
        region: &RegionId,
        message: Message<'_>,
        gateways: Vec<(Slot, ConnectionId)>,
        served: bool,
    ) -> bool {
        let Message { side, subject, mark, payload } = message;
        let read = self.brokers.get(region).is_some_and(|broker| !broker.deaf);
        if subject.contains(".reply.") && side == Side::Main && read {
            self.watch.client_got(self.now, region, subject, payload);
        }
        let Some(broker) = self.brokers.get(region) else { return served };
        let (delay, (min, max)) = (broker.delay, broker.answer);
        let mut nodes = broker.nodes_for(side, subject);
        let service = !nodes.is_empty() && subject.contains(".broadcast.service.");
        if service {
            // Services of one name are a queue group, over all servers that are joined.
            let one = self.chance.nodes.pick(&nodes).filter(|_| !served).cloned();
            nodes = one.into_iter().collect();
        }
        if !nodes.is_empty() && self.watch.nodes_got(self.now, region, &nodes, payload) {
            for node in nodes {
                let after = delay * 2 + self.chance.nodes.between(min, max);
                let (region, request) = (region.clone(), payload.clone());
                let answer = Box::new(NodeAnswer { region, node, request });
                self.after(after, Happening::NodeAnswers(answer));
            }
        }
        self.hand_to(gateways, (subject, mark, payload));
        service
    }

    fn hand_to(
        &mut self,
        gateways: Vec<(Slot, ConnectionId)>,
        (subject, mark, payload): (&str, Option<&str>, &Bytes),
    ) {
        for (slot, connection) in gateways {
            let mark = mark.map(str::to_owned);
            let payload = payload.clone();
            let message = FromBroker { subject: subject.to_owned(), mark, payload, more: false };
            let event = Box::new(Event::FromBroker(message));
            let at = self.broker_says_at(slot, 1);
            self.process_mut(slot).expect_message(at);
            self.agenda.add(at, Happening::FromBroker { slot, connection, event });
        }
    }

    fn beacon(&mut self, region: &RegionId, side: Side, subject: &str, beacon: &Beacon) {
        let Some(broker) = self.brokers.get(region) else { return };
        let joined = broker.joined.iter().filter(|_| side == Side::Main);
        let reached = std::iter::once(region).chain(joined);
        let reached = reached.filter_map(|one| self.brokers.get(one)).filter(|one| one.up);
        let listeners: Vec<_> =
            reached.flat_map(|broker| broker.receivers(side, subject).plain).collect();
        for (slot, connection) in listeners {
            self.answer(slot, connection, Event::BeaconHeard(beacon.clone()));
        }
    }

    fn answer(&mut self, slot: Slot, connection: ConnectionId, event: Event) {
        let event = Box::new(event);
        let at = self.broker_says_at(slot, 1);
        self.agenda.add(at, Happening::FromBroker { slot, connection, event });
    }
}
