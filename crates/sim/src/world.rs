//! The world: whatever comes first happens first.

mod brokers;
mod gossip;
mod links;
mod nodes;
mod processes;
mod quiet;
mod rolling;

use std::{collections::BTreeMap, time::Duration};

use antiphon_core::{
    Action, Config, Connection, Event, Gateway, Incarnation, LinkId, Now, RegionId, Snapshot,
};

use crate::{
    agenda::Agenda,
    broker::{Broker, ConnectionId},
    chance::{Chance, Concern},
    link::{Crossing, Links},
    machine::Make,
    network::{Network, Path},
    process::{BEGIN, Life, Process},
    trace::Trace,
    watch::{Invariant, Watch},
};

use self::{
    brokers::{NodeAnswer, Order},
    links::{Handshake, Sent},
    rolling::Rolling,
};

pub(crate) use self::quiet::Quiet;
pub use self::{brokers::Answering, nodes::Startup, processes::Ending};

/// Wake-ups at one moment after which a machine is said to spin.
const TICKS_MAX: u32 = 1000;

/// A place where a gateway runs, counted from 0 in the order of [`World::add_gateway`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot(pub usize);

/// Gateways, brokers, nodes, clients and the network between them, under one virtual clock.
#[derive(Debug)]
pub struct World {
    now: Duration,
    seed: u64,
    make: Make,
    agenda: Agenda<Happening>,
    processes: Vec<Process>,
    brokers: BTreeMap<RegionId, Broker>,
    network: Network,
    links: Links,
    chance: Chances,
    /// What each observer was told of each other place, and in which of its lives.
    told: BTreeMap<(Slot, Slot), (Life, Incarnation)>,
    /// Host names that lead to other places than their own.
    aliases: BTreeMap<String, Vec<String>>,
    rolling: Rolling,
    watch: Watch,
    trace: Trace,
    next_request: u64,
    handled: u64,
    folding: bool,
    folded: u64,
}

#[derive(Debug)]
struct Chances {
    links: Chance,
    brokers: Chance,
    gossip: Chance,
    nodes: Chance,
    processes: Chance,
}

/// Something on the agenda.
#[derive(Debug)]
pub(crate) enum Happening {
    /// A machine wants to look after something.
    Wake { slot: Slot, at: Duration },
    /// A process learns of something.
    Event { slot: Slot, life: Life, event: Box<Event> },
    /// Bytes come out of a link at this side.
    Arrive { link: LinkId, side: usize, what: Crossing },
    /// This side of a link learns that it is gone.
    LinkEnds { link: LinkId, side: usize, reason: &'static str },
    /// A dialled connection has said hello both ways.
    Handshake(Box<Handshake>),
    /// A process tries to reach its broker.
    Connect { slot: Slot, life: Life },
    /// An order reaches the broker.
    ToBroker { slot: Slot, connection: ConnectionId, order: Box<Order> },
    /// The broker tells a gateway something.
    FromBroker { slot: Slot, connection: ConnectionId, event: Box<Event> },
    /// A node has its answer ready.
    NodeAnswers(Box<NodeAnswer>),
    /// A process of a busy machine is stopped, or goes on.
    Busy { slot: Slot, stopped: bool },
    /// A gateway that was drained in a rolling restart starts again.
    RollBack { slot: Slot },
    /// The next gateway of a rolling restart is drained.
    RollOn,
    /// Gossip may have news about a place for an observer.
    Gossip { observer: Slot, about: Slot },
}

impl World {
    /// An empty world: its seed, the path between gateways where nothing else is said, and what
    /// makes its machines.
    #[must_use]
    pub fn new(seed: u64, path: Path, make: Make) -> Self {
        Self {
            now: Duration::ZERO,
            seed,
            make,
            agenda: Agenda::default(),
            processes: Vec::new(),
            brokers: BTreeMap::new(),
            network: Network::new(path),
            links: Links::default(),
            chance: Chances {
                links: Chance::new(seed, Concern::Links),
                brokers: Chance::new(seed, Concern::Brokers),
                gossip: Chance::new(seed, Concern::Gossip),
                nodes: Chance::new(seed, Concern::Nodes),
                processes: Chance::new(seed, Concern::Processes),
            },
            told: BTreeMap::new(),
            aliases: BTreeMap::new(),
            rolling: Rolling::default(),
            watch: Watch::default(),
            trace: Trace::default(),
            next_request: 0,
            handled: 0,
            folding: false,
            folded: 0,
        }
    }

    /// Both clocks, as a perfect observer reads them.
    #[must_use]
    pub fn now(&self) -> Now {
        Now { mono: self.now, unix: BEGIN + self.now }
    }

    /// What was observed so far.
    #[must_use]
    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// The same, to tell it what it cannot see.
    pub fn watch_mut(&mut self) -> &mut Watch {
        &mut self.watch
    }

    /// The trace so far as one number.
    #[must_use]
    pub fn trace_hash(&self) -> u64 {
        self.trace.hash()
    }

    /// Events that machines have handled so far.
    #[must_use]
    pub fn handled(&self) -> u64 {
        self.handled
    }

    /// Adds a place for a gateway under a host name; nothing runs there yet.
    pub fn add_gateway(&mut self, name: &str, config: Config) -> Slot {
        let slot = Slot(self.processes.len());
        self.watch.add_place(slot, &config.region);
        self.processes.push(Process::new(name.to_owned(), config));
        slot
    }

    /// Lets a host name lead to these host names, one of them by chance at each dial; without any, to
    /// its own place.
    pub fn alias(&mut self, name: &str, to: Vec<String>) {
        if to.is_empty() {
            self.aliases.remove(name);
        } else {
            self.aliases.insert(name.to_owned(), to);
        }
    }

    /// All places.
    pub fn slots(&self) -> impl Iterator<Item = Slot> + use<> {
        (0..self.processes.len()).map(Slot)
    }

    /// The host name of a place.
    #[must_use]
    pub fn name(&self, slot: Slot) -> &str {
        &self.process(slot).name
    }

    /// The configuration that a place starts its gateway with.
    #[must_use]
    pub fn config(&self, slot: Slot) -> &Config {
        &self.process(slot).config
    }

    /// The gateway's own view; `None` while none runs there.
    #[must_use]
    pub fn snapshot(&self, slot: Slot) -> Option<Snapshot> {
        let process = self.process(slot);
        process.machine.as_ref().map(|machine| machine.snapshot(process.clocks(self.now)))
    }

    /// The gateway that runs at a place, to be asked, and what its clocks show; `None` where none does.
    #[must_use]
    pub fn gateway(&self, slot: Slot) -> Option<(&Gateway, Now)> {
        let process = self.process(slot);
        let gateway = process.machine.as_ref()?.gateway()?;
        Some((gateway, process.clocks(self.now)))
    }

    /// Whether a process runs there, paused or not.
    #[must_use]
    pub fn is_alive(&self, slot: Slot) -> bool {
        self.process(slot).is_alive()
    }

    /// The network.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Lets everything happen until this time.
    pub fn run_until(&mut self, end: Duration) {
        while self.agenda.next_at().is_some_and(|at| at <= end) {
            let Some((at, happening)) = self.agenda.pop() else { break };
            self.now = self.now.max(at);
            self.happen(happening);
        }
        self.now = self.now.max(end);
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Wake { slot, at } => self.wake(slot, at),
            Happening::Event { slot, life, event } => self.deliver(slot, life, *event),
            Happening::Arrive { link, side, what } => self.arrive(link, side, what),
            Happening::LinkEnds { link, side, reason } => self.link_ends(link, side, reason),
            Happening::Handshake(handshake) => self.handshake(*handshake),
            Happening::Connect { slot, life } => self.connect(slot, life),
            Happening::ToBroker { slot, connection, order } => {
                self.at_broker(slot, connection, *order);
            }
            Happening::FromBroker { slot, connection, event } => {
                self.broker_says(slot, connection, *event);
            }
            Happening::NodeAnswers(answer) => self.node_answers(&answer),
            Happening::Busy { slot, stopped } => self.busy(slot, stopped),
            Happening::RollBack { slot } => self.start(slot),
            Happening::RollOn => self.roll_on(),
            Happening::Gossip { observer, about } => self.gossip(observer, about),
        }
    }

    /// Hands an event to a process, unless its life is over.
    fn deliver(&mut self, slot: Slot, life: Life, event: Event) {
        let process = self.process_mut(slot);
        if process.life != life {
            return;
        }
        match &mut process.paused {
            Some(waiting) => waiting.push_back(event),
            None => self.handle(slot, event),
        }
    }

    fn wake(&mut self, slot: Slot, due: Duration) {
        let now = self.now;
        let process = self.process_mut(slot);
        if process.due != Some(due) {
            return; // An earlier look was put on the agenda since.
        }
        process.due = None;
        if process.paused.is_some() {
            return;
        }
        let wanted = process.machine.as_ref().and_then(|machine| machine.next_deadline());
        match wanted.map(|mono| process.started + mono) {
            Some(at) if at <= now => self.tick(slot),
            Some(_) | None => self.reschedule(slot),
        }
    }

    fn tick(&mut self, slot: Slot) {
        let now = self.now;
        let process = self.process_mut(slot);
        let (at, count) = process.ticks;
        process.ticks = if at == now { (at, count + 1) } else { (now, 1) };
        if process.ticks.1 < TICKS_MAX {
            return self.handle(slot, Event::Tick);
        }
        let what = format!("{} wants to be woken again and again at once", process.name);
        self.watch.violated(now, Invariant::Progress, what);
        self.kill(slot, processes::Ending::Silent);
    }

    /// Feeds a machine one event, and does what it orders.
    fn handle(&mut self, slot: Slot, event: Event) {
        self.catch_up(slot);
        self.trace.event(self.now, slot, &event);
        self.handled += 1;
        let now = self.now;
        if let Event::PolicyApplied { policy } = &event {
            self.watch.policy_applied(now, slot, (**policy).clone());
        }
        let process = self.process_mut(slot);
        let clocks = process.clocks(now);
        let life = process.life;
        let Some(machine) = &mut process.machine else { return };
        let actions = machine.handle(event, clocks);
        for action in actions {
            self.trace.action(&action);
            if self.process(slot).life != life {
                return;
            }
            self.perform(slot, action);
        }
        self.reschedule(slot);
    }

    /// Puts the machine's next deadline on the agenda, unless an earlier look is there already.
    fn reschedule(&mut self, slot: Slot) {
        let process = self.process_mut(slot);
        let Some(machine) = &process.machine else { return };
        let Some(mono) = machine.next_deadline() else { return };
        let at = process.started + mono;
        if process.due.is_none_or(|due| at < due) {
            process.due = Some(at);
            self.agenda.add(at.max(self.now), Happening::Wake { slot, at });
        }
    }

    fn perform(&mut self, slot: Slot, action: Action) {
        match action {
            Action::Subscribe { subscription, subject, group } => {
                self.order(slot, Order::Subscribe { subscription, subject, group });
            }
            Action::Unsubscribe { subscription } => {
                self.order(slot, Order::Unsubscribe { subscription });
            }
            Action::Publish { subject, mark, payload } => {
                self.order(slot, Order::Publish { subject, mark, payload });
            }
            Action::Barrier { barrier } => self.order(slot, Order::Barrier { barrier }),
            Action::ReadInterest { collectives, names } => {
                self.order(slot, Order::ReadInterest { collectives, names });
            }
            Action::AskInterest { question, subject } => {
                self.order(slot, Order::AskInterest { question, subject });
            }
            Action::PublishBeacon { subject, beacon } => {
                self.order(slot, Order::Beacon { subject, beacon: Box::new(beacon) });
            }
            Action::Dial { target } => self.dial(slot, target),
            Action::CloseLink { link, .. } => self.close_link(slot, link),
            Action::Ping { link, connection, nonce } => {
                if !self.fold(slot, link, connection, nonce) {
                    self.put(slot, link, connection, Crossing::Ping(connection, nonce));
                }
            }
            Action::Pong { link, connection, nonce } => {
                self.put(slot, link, connection, Crossing::Pong(connection, nonce));
            }
            Action::Control { link, message } => {
                let event = Box::new(Event::FromPeer { link, message });
                self.put(slot, link, Connection::Control, Crossing::Event(event));
            }
            Action::Send { link, epoch, number, weight, frame } => {
                self.send(slot, link, Sent { epoch, number, weight, frame });
            }
            Action::Originate { draft } => self.sign(slot, draft),
            Action::Verify { ticket, .. } => self.verify(slot, ticket),
            Action::Alarm { alarm, raised } => {
                self.watch.alarm(self.now, slot, alarm, raised);
            }
            Action::Dropped(dropped) => self.watch.dropped(self.now, &dropped),
            Action::Ready { ready } => self.rolled(slot, ready),
            // Nobody asks in here.
            Action::Answer { .. } | Action::Answered { .. } | Action::Traced { .. } => {}
            Action::Stop => {
                self.kill(slot, processes::Ending::Reset);
                self.roll_back(slot);
            }
        }
    }

    fn process(&self, slot: Slot) -> &Process {
        self.processes.get(slot.0).expect("a slot is the index of a process, and none is removed")
    }

    fn process_mut(&mut self, slot: Slot) -> &mut Process {
        self.processes.get_mut(slot.0).expect("a slot is the index of a process")
    }

    fn region_of(&self, slot: Slot) -> RegionId {
        self.process(slot).config.region.clone()
    }

    fn after(&mut self, delay: Duration, happening: Happening) {
        self.agenda.add(self.now + delay, happening);
    }

    fn tell(&mut self, slot: Slot, delay: Duration, event: Event) {
        let life = self.process(slot).life;
        let event = Box::new(event);
        self.after(delay, Happening::Event { slot, life, event });
    }
}
