//! Any sequence of events: nothing panics, and accounts are conserved.

use proptest::prelude::*;

use super::*;
use crate::{Ack, DialFailure, Malformed, Member};

/// One step of a random life.
#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Request(u8),
    Reply(bool),
    Garbage(Vec<u8>),
    Frame { skip: bool, to: u8, target: u8 },
    Malformed,
    Barrier,
    BrokerUp,
    BrokerDown,
    LinkUp(u8),
    LinkDown,
    Accept { known: bool },
    Ack { ahead: bool },
    Receipt { unit: u64, count: u64, outcome: u8 },
    Refused,
    DrainRequest,
    Goodbye,
    Drain,
    Member,
    DialFailed,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..4u64).prop_map(Step::Wait),
        8 => (0..16u8).prop_map(Step::Request),
        6 => any::<bool>().prop_map(Step::Reply),
        1 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Step::Garbage),
        8 => (prop::bool::weighted(0.05), 0..4u8, 0..3u8)
            .prop_map(|(skip, to, target)| Step::Frame { skip, to, target }),
        1 => Just(Step::Malformed),
        5 => Just(Step::Barrier),
        2 => Just(Step::BrokerUp),
        1 => Just(Step::BrokerDown),
        3 => (0..3u8).prop_map(Step::LinkUp),
        1 => Just(Step::LinkDown),
        4 => any::<bool>().prop_map(|known| Step::Accept { known }),
        4 => prop::bool::weighted(0.1).prop_map(|ahead| Step::Ack { ahead }),
        6 => (0..30u64, 0..5u64, 0..3u8)
            .prop_map(|(unit, count, outcome)| Step::Receipt { unit, count, outcome }),
        1 => Just(Step::Refused),
        1 => Just(Step::DrainRequest),
        1 => Just(Step::Goodbye),
        1 => Just(Step::Drain),
        1 => Just(Step::Member),
        1 => Just(Step::DialFailed),
    ];
    prop::collection::vec(step, 1..80)
}

/// The bench, and what a random life has to remember.
struct Life {
    bench: Bench,
    next_link: u64,
    their_next: u64,
    their_unit: u64,
    barrier: Option<crate::BarrierId>,
    epoch: Option<Epoch>,
    sent: u64,
}

impl Life {
    fn new() -> Self {
        Self {
            bench: Bench::new(),
            next_link: 2,
            their_next: 0,
            their_unit: 1,
            barrier: None,
            epoch: None,
            sent: 0,
        }
    }

    fn link(&self) -> LinkId {
        self.bench.gateway.links.keys().next().copied().unwrap_or(LINK)
    }

    fn step(&mut self, step: Step) {
        if let Step::Wait(seconds) = step {
            let actions = self.bench.wait(seconds);
            return self.look(&actions);
        }
        if let Some(event) = self.event(step) {
            let actions = self.bench.handle(event);
            self.look(&actions);
        }
    }

    fn look(&mut self, actions: &[Action]) {
        self.barrier = barrier(actions).or(self.barrier);
        self.epoch = opened(actions).or(self.epoch);
        self.sent += actions.iter().filter(|one| matches!(one, Action::Send { .. })).count() as u64;
    }

    fn event(&mut self, step: Step) -> Option<Event> {
        let link = self.link();
        let from_peer = |message| Some(Event::FromPeer { link, message });
        match step {
            Step::Wait(_) => None,
            Step::Request(kind) => Some(self.request(kind)),
            Step::Reply(good) => Some(self.reply(good)),
            Step::Garbage(bytes) => Some(from_broker(REPLY_SUBJECT, Bytes::from(bytes))),
            Step::Frame { skip, to, target } => Some(self.frame(skip, to, target)),
            Step::Malformed => {
                let frame = Err(Malformed { reason: "end.to".to_owned() });
                self.their_next += 1;
                let number = self.their_next - 1;
                Some(Event::Frame { link, epoch: THEIR_EPOCH, number, weight: 300, frame })
            }
            Step::Barrier => self.barrier.take().map(|barrier| Event::BarrierPassed { barrier }),
            Step::BrokerUp => Some(Event::BrokerUp(broker())),
            Step::BrokerDown => Some(Event::BrokerDown),
            Step::LinkUp(incarnation) => Some(self.link_up(incarnation)),
            Step::LinkDown => Some(Event::LinkDown { link, reason: "reset".to_owned() }),
            Step::Accept { known } => {
                let (epoch, next) = (self.epoch?, known.then_some(0));
                from_peer(Control::Accept(Accept { epoch, next, granted: 1 << 20 }))
            }
            Step::Ack { ahead } => {
                let next = self.sent + if ahead { 100 } else { 0 };
                from_peer(Control::Ack(Ack { epoch: self.epoch?, next, granted: 1 << 21 }))
            }
            Step::Receipt { unit, count, outcome } => {
                from_peer(Control::Receipts(receipts(unit, count, outcome)))
            }
            Step::Refused => Some(Event::PublishRefused {
                subject: "mcollective.broadcast.agent.discovery".to_owned(),
                reason: DropReason::PublishDenied,
            }),
            Step::DrainRequest => from_peer(Control::DrainRequest),
            Step::Goodbye => from_peer(Control::Goodbye),
            Step::Drain => Some(Event::Drain { grace: Duration::from_secs(5) }),
            Step::Member => Some(Event::MemberSeen(member())),
            Step::DialFailed => Some(Event::DialFailed {
                target: DialTarget::Seed { endpoint: "x:1".parse().unwrap() },
                failure: DialFailure::Ourselves,
            }),
        }
    }

    fn request(&self, kind: u8) -> Event {
        let (subject, payload) = match kind % 8 {
            0 => golden("v1-ping.json", 0),
            1 => golden("v1-rpc-directed.json", 0),
            2 => ("mcollective.broadcast.agent.other".to_owned(), golden("v1-ping.json", 0).1),
            3 => ("mcollective.node.a.b".to_owned(), golden("v1-ping.json", 1).1),
            node => (format!("mcollective.node.n{node}"), golden("v1-rpc-directed.json", 0).1),
        };
        Event::FromBroker(FromBroker { subject, mark: None, payload, more: kind >= 8 })
    }

    fn reply(&self, good: bool) -> Event {
        let reply = Transport::decode(golden("v1-ping.json", 1).1).unwrap();
        let address = if good { "us.us-1.c.0.mcollective.reply.a.b" } else { "us.us-1.c.0.*" };
        let federation = Federation {
            request: "r".to_owned(),
            reply_to: format!("antiphon.return.{address}"),
            targets: Vec::new(),
        };
        from_broker(REPLY_SUBJECT, reply.edit().federation(Some(&federation)).finish())
    }

    fn frame(&mut self, skip: bool, to: u8, target: u8) -> Event {
        let target = match target {
            0 => broadcast(),
            1 => Target::Directed { identities: vec!["a.b".to_owned(), ">".to_owned()] },
            _ => Target::Service { agent: "x".to_owned() },
        };
        let mut frame = request_frame(self.their_unit, target, None);
        self.their_unit += 4;
        if to == 3 {
            frame.end.to = "ap".parse().unwrap();
        }
        let number = self.their_next + u64::from(skip);
        self.their_next += 1;
        let weight = frame.weight();
        let frame = Ok(Box::new(frame));
        Event::Frame { link: self.link(), epoch: THEIR_EPOCH, number, weight, frame }
    }

    fn link_up(&mut self, incarnation: u8) -> Event {
        let peer = hello("us", "us-1", 5 + u64::from(incarnation));
        self.next_link += 1;
        Event::LinkUp { link: LinkId(self.next_link), peer, dialed: None }
    }

    fn assert_conserved(&self) -> Result<(), TestCaseError> {
        let account = &self.bench.gateway.account;
        let mut pending = 0;
        for tally in account.tallies().values() {
            let ended = tally.delivered + tally.dropped.values().sum::<u64>() + tally.in_doubt;
            prop_assert!(ended <= tally.created, "{:?}", tally);
            pending += tally.created - ended;
        }
        prop_assert_eq!(pending, account.pending(), "counted twice, apart");
        Ok(())
    }
}

fn from_broker(subject: &str, payload: Bytes) -> Event {
    Event::FromBroker(FromBroker { subject: subject.to_owned(), mark: None, payload, more: false })
}

fn receipts(unit: u64, count: u64, outcome: u8) -> Receipts {
    let outcome = match outcome {
        0 => Outcome::Delivered,
        1 => Outcome::Dropped(DropReason::Expired),
        _ => Outcome::InDoubt,
    };
    let receipts = vec![Receipt { unit: UnitId(unit), count, outcome }];
    Receipts { to: "eu-1".parse().unwrap(), incarnation: Incarnation(1), limit: 3, receipts }
}

fn member() -> Member {
    crate::testing::member("ap", "ap-1")
}

proptest! {
    #[test]
    fn accounts_are_conserved_over_any_events(steps in steps()) {
        let mut life = Life::new();
        for step in steps {
            life.step(step);
            life.assert_conserved()?;
            let deadline = life.bench.gateway.next_deadline();
            prop_assert!(deadline.is_some(), "a gateway always has something to look after");
        }
    }

    /// A sign of life is not followed by a look at everything where the machine is settled.
    #[test]
    fn where_it_is_settled_there_is_nothing_to_do(steps in steps()) {
        let mut life = Life::new();
        for step in steps {
            life.step(step);
            let now = at(life.bench.seconds);
            if life.bench.gateway.is_settled(now.mono) {
                let actions = life.bench.gateway.handle(Event::Tick, now);
                prop_assert!(actions.is_empty(), "{:?}", actions);
            }
        }
    }
}
